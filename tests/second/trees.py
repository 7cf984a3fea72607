"""Trees on disk, to and from entries: dicts with p, t, m, and data, x or to."""

import os
import shutil
import stat

from .breach import Breach


def read(folder):
    """All entries under a folder, in the order of §3.5."""
    base, found = os.fsencode(folder), []

    def walk(at):
        for name in os.listdir(os.path.join(base, at)):
            path = os.path.join(at, name) if at else name
            full = os.path.join(base, path)
            s = os.lstat(full)
            entry = {"p": path, "m": max(0, int(s.st_mtime // 1))}
            if stat.S_ISDIR(s.st_mode):
                found.append({**entry, "t": "d"})
                walk(path)
            elif stat.S_ISLNK(s.st_mode):
                found.append({**entry, "t": "l", "to": os.readlink(full)})
            elif stat.S_ISREG(s.st_mode):
                with open(full, "rb") as f:
                    found.append({**entry, "t": "f", "data": f.read(), "x": int(bool(s.st_mode & 0o100))})
            else:
                raise Breach("unsafe", f"{path!r} is no file, folder or link")

    walk(b"")
    return sorted(found, key=lambda e: e["p"])


def write(entries, folder):
    """Writes a checked tree beside its place and renames it there."""
    if os.path.lexists(folder):
        raise Breach("failed", f"{folder} is there already")
    head, name = os.path.split(os.path.abspath(folder))
    staging = os.path.join(head, f".{name}.second-staging")
    os.mkdir(staging, 0o700)
    try:
        fill(entries, os.fsencode(staging))
        os.chmod(staging, 0o755)
        os.rename(staging, folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def fill(entries, base):
    """Files and folders, then links, then times, the deepest first."""
    places = [(e, os.path.join(base, e["p"])) for e in entries]
    for e, place in places:
        if e["t"] == "d":
            os.mkdir(place, 0o755)
        elif e["t"] == "f":
            mode = 0o755 if e.get("x") else 0o644
            with open(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as f:
                f.write(e["data"])
    for e, place in places:
        if e["t"] == "l":
            os.symlink(e["to"], place)
    for e, place in reversed(places):
        os.utime(place, (e["m"], e["m"]), follow_symlinks=False)
