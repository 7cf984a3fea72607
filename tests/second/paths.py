"""What a path and a link may be (FORMAT §3.5 to §3.9)."""

import re
import unicodedata

from . import limits
from .breach import limit, need

IGNORABLE = [
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]
RESERVED = {".git", "git~1", ".consign", "consig~1"}
DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.I)


def utf8(raw, what):
    try:
        return raw.decode("utf-8", "strict")
    except UnicodeDecodeError:
        need(False, f"{what} isn't UTF-8", "unsafe")


def disguised(component):
    """§3.7 rule 4."""
    seen = "".join(c for c in component if not any(a <= ord(c) <= b for a, b in IGNORABLE))
    return seen.split(":", 1)[0].rstrip(". ").casefold() in RESERVED


def check_path(raw):
    """§3.7."""
    path = utf8(raw, "a path")
    need(path and "\0" not in path, "a path is empty or has NUL", "unsafe")
    limit(len(raw), limits.PATH, "bytes of a path")
    parts = path.split("/")
    limit(len(parts), limits.DEPTH, "components of a path")
    for part in parts:
        need(part not in ("", ".", ".."), f"the path {path!r} has an empty component, . or ..", "unsafe")
        limit(len(part.encode()), limits.COMPONENT, "bytes of a component")
        need(not disguised(part), f"the path {path!r} has a reserved component", "unsafe")


def check_link(path, raw):
    """§3.8: the target of the link at `path`, both bytes."""
    target = utf8(raw, "a link target")
    need(1 <= len(raw) <= 4095, "the length of a link target", "unsafe")
    need("\0" not in target and "\\" not in target, "a link target has NUL or a backslash", "unsafe")
    need(not target.startswith("/") and not re.match("[A-Za-z]:", target), "a link target isn't relative", "unsafe")
    parts = [p for p in target.split("/") if p not in ("", ".")]
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    need(".." not in parts[ups:], f"the link target {target!r} has .. after a name", "unsafe")
    need(ups <= path.count(b"/"), f"the link target {target!r} leads out", "unsafe")


def unportable(component):
    """§3.9, its first three rows."""
    stem = component.split(".", 1)[0].rstrip(" ")
    if DEVICE.fullmatch(stem) or component[-1:] in (".", " "):
        return True
    return any(c in '<>:"\\|?*' or ord(c) < 0x20 for c in component)


def folded(path):
    """§3.9, its last row: paths that are equal under this collide somewhere."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


class Tree:
    """Order, parents and rules of the entries of one tree, given one after the other."""

    def __init__(self):
        self.last, self.folders = None, set()

    def take(self, entry):
        path = entry["p"]
        check_path(path)
        need(self.last is None or self.last < path, f"{path!r} is out of order or twice")
        self.last = path
        parent = path.rpartition(b"/")[0]
        need(not parent or parent in self.folders, f"{path!r} has no folder above it", "unsafe")
        if entry["t"] == "d":
            self.folders.add(path)
        if entry["t"] == "l":
            check_link(path, entry["to"])
