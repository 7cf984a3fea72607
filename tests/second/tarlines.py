"""The inner tar stream (FORMAT §3): every byte follows from the entries."""

BLOCK = 512
USTAR_MOST = 8**11
END = bytes(1024)


def octal(n, width):
    """A number of §3.2. What can't be spelled (only a lying writer asks) is cut to its last digits."""
    return (b"%0*o" % (width - 1, abs(n)))[1 - width:] + b"\0"


def padding(length):
    return bytes(-length % BLOCK)


def padded(data):
    return data + padding(len(data))


def checksummed(head):
    """The header with its chksum field filled in (§3.2)."""
    total = sum(head[:148]) + 8 * 0x20 + sum(head[156:])
    return head[:148] + octal(total, 8) + head[156:]


def ustar(path, kind, mode, size, mtime, link=b""):
    """The 512 bytes of §3.2."""
    if size >= USTAR_MOST:
        size = 0
    head = path[:100].ljust(100, b"\0") + octal(mode, 8) + octal(0, 8) * 2 + octal(size, 12) + octal(mtime, 12)
    head += b" " * 8 + kind + link[:100].ljust(100, b"\0") + b"ustar\0" + b"00"
    return checksummed(head.ljust(BLOCK, b"\0"))


def record(key, value):
    """§3.3: LEN counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    while len(str(length)) + rest != length:
        length = len(str(length)) + rest
    return b"%d %s=%s\n" % (length, key, value)


def odd(value):
    return len(value) > 100 or any(b >= 0x80 for b in value)


def records(path, link, size):
    out = b""
    if odd(path):
        out += record(b"path", path)
    if link and odd(link):
        out += record(b"linkpath", link)
    if size >= USTAR_MOST:
        out += record(b"size", b"%d" % size)
    return out


def headers(entry):
    """Everything before the contents of an entry that is a dict with p, t, m and s, x or to (§3.1, §3.4)."""
    kind, size, link, path = entry["t"], 0, b"", entry["p"]
    if kind == "d":
        code, mode, path = b"5", 0o755, path + b"/"
    elif kind == "l":
        code, mode, link = b"2", 0o777, entry["to"]
    else:
        code, mode, size = b"0", 0o755 if entry.get("x") else 0o644, entry["s"]
    pax = records(path, link, size)
    out = b""
    if pax:
        out = ustar(b"././@PaxHeader", b"x", 0o644, len(pax), 0) + padded(pax)
    return out + ustar(path, code, mode, size, entry["m"], link)


def length(entry):
    """How much of the stream an entry takes."""
    if entry.get("ref"):
        return 0
    size = entry["s"] if entry["t"] == "f" else 0
    return len(headers(entry)) + size + (-size % BLOCK)
