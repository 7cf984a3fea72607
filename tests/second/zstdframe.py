"""zstd frames: walked to their last byte before any zstd tool sees them, and made by hand (FORMAT §1.6, RFC 8878)."""

from . import limits, tools
from .breach import limit, need

MAGIC = b"\x28\xb5\x2f\xfd"


class Frame:
    """What a frame's header says, and where the frame ends."""

    def __init__(self, data, at, what):
        self.start, self.data, self.what = at, data, what
        need(data[at:at + 4] == MAGIC, f"{what}: no zstd frame, or another kind of it")
        flags = self.bytes(at + 4, 1)
        self.single, self.checksum = bool(flags & 0x20), bool(flags & 4)
        need(not flags & 8, f"{what}: a reserved bit of the frame header")
        need(flags & 3 == 0, f"{what}: a dictionary")
        at += 5
        if not self.single:
            descriptor = self.bytes(at, 1)
            base = 1 << 10 + (descriptor >> 3)
            self.window = base + base // 8 * (descriptor & 7)
            at += 1
        width = (1 if self.single else 0, 2, 4, 8)[flags >> 6]
        need(width > 0, f"{what}: no content size")
        self.size = self.bytes(at, width) + (256 if width == 2 else 0)
        if self.single:
            self.window = self.size
        need(self.size > 0, f"{what}: an empty frame")
        limit(self.window, limits.WINDOW, f"{what}: zstd window")
        self.end = self.walk(at + width)

    def bytes(self, at, width):
        raw = self.data[at:at + width]
        need(len(raw) == width, f"{self.what}: a frame cut short")
        return int.from_bytes(raw, "little")

    def walk(self, at):
        """Over the blocks and the checksum."""
        last = False
        while not last:
            head = self.bytes(at, 3)
            last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
            need(kind != 3, f"{self.what}: a reserved block type")
            at += 3 + (1 if kind == 1 else size)
        at += 4 if self.checksum else 0
        need(at <= len(self.data), f"{self.what}: a frame cut short")
        return at


def frames(data, what):
    """All frames that fill the data."""
    found, at = [], 0
    while at < len(data) or not found:
        found.append(Frame(data, at, what))
        at = found[-1].end
    return found


def one(data, plain, what):
    """§1.6: a volume's only frame."""
    frame = Frame(data, 0, what)
    need(frame.end == len(data), f"{what}: something after its frame")
    limit(frame.size, plain, f"{what}: content of the frame")
    need(frame.size == plain, f"{what}: the frame is shorter than its plain length")
    return frame


def compress(plain, level=3, extra=()):
    return tools.zstd_compress(plain, level, extra)


# Frames by hand. Nothing here checks anything.

def header(size, single=True, window=None, width=8, checksum=False, dictionary=b"", reserved=False):
    """Magic and frame header. `size` None: no content size; `window` is the raw descriptor byte."""
    flags = {None: 0, 1: 0, 2: 0x40, 4: 0x80, 8: 0xC0}[None if size is None else width]
    flags |= (0x20 if single else 0) | (4 if checksum else 0) | (8 if reserved else 0)
    flags |= {0: 0, 1: 1, 2: 2, 4: 3}[len(dictionary)]
    out = MAGIC + bytes([flags])
    if not single:
        out += bytes([window if window is not None else 13 << 3])
    out += dictionary
    if size is not None:
        out += (size - (256 if width == 2 else 0)).to_bytes(width, "little")
    return out


def block(data, last=False, kind=0, size=None):
    """kind 0: raw; 1: `data` is one byte, repeated `size` times; 2: compressed; 3: reserved."""
    size = len(data) if size is None else size
    return (size << 3 | kind << 1 | int(last)).to_bytes(3, "little") + data


def stored(plain, **head):
    """A frame of raw blocks."""
    parts = [plain[i:i + 128 * 1024] for i in range(0, len(plain), 128 * 1024)] or [b""]
    blocks = b"".join(block(p, i == len(parts) - 1) for i, p in enumerate(parts))
    size = head.pop("size", len(plain))
    return header(size, **head) + blocks


def repeated(byte, times, declared=None, **head):
    """A frame of `times` equal bytes in a few bytes: a bomb, if it declares less."""
    full, rest = divmod(times, 128 * 1024)
    sizes = [128 * 1024] * full + ([rest] if rest else [])
    blocks = b"".join(block(byte, i == len(sizes) - 1, 1, s) for i, s in enumerate(sizes))
    return header(times if declared is None else declared, **head) + blocks


def skippable(data=b"skipped", n=0):
    return (0x184D2A50 + n).to_bytes(4, "little") + len(data).to_bytes(4, "little") + data
