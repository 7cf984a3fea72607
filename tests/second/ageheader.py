"""The header of an age file, scanned within limits before any age tool sees it (FORMAT §1.5)."""

import base64
import re

from . import limits
from .breach import limit, need

VERSION = b"age-encryption.org/v1"
WORD = re.compile(rb"[\x21-\x7e]+")


def unpadded(raw, what):
    """Unpadded base64 with its unused bits zero."""
    need(re.fullmatch(rb"[A-Za-z0-9+/]*", raw) and len(raw) % 4 != 1, f"{what}: base64")
    data = base64.b64decode(raw + b"=" * (-len(raw) % 4))
    need(base64.b64encode(data).rstrip(b"=") == raw, f"{what}: unused bits of base64")
    return data


class Lines:
    """The header's lines, of which at most so many, in at most so many bytes."""

    def __init__(self, data, what, most_bytes, most_lines):
        self.data, self.what, self.at, self.count = data, what, 0, 0
        self.most_bytes, self.most_lines = most_bytes, most_lines

    def next(self):
        self.count += 1
        limit(self.count, self.most_lines, f"{self.what}: header lines")
        end = self.data.find(b"\n", self.at, self.most_bytes)
        if end < 0:
            limit(len(self.data), self.most_bytes, f"{self.what}: bytes of the header")
            need(False, f"{self.what}: the header has no end")
        line, self.at = self.data[self.at:end], end + 1
        return line


def body(lines):
    out = b""
    while True:
        line = lines.next()
        need(len(line) <= 64, f"{lines.what}: a body line of {len(line)}")
        out += line
        if len(line) < 64:
            return unpadded(out, lines.what)


def scan(data, what, most_bytes, most_lines=1 << 30, most_stanzas=1 << 30):
    """The stanzas as (type, args, body)."""
    lines, stanzas = Lines(data, what, most_bytes, most_lines), []
    need(lines.next() == VERSION, f"{what}: not an age file v1")
    while True:
        line = lines.next()
        if line.startswith(b"---"):
            break
        words = line.split(b" ")
        need(len(words) >= 2 and words[0] == b"->" and all(WORD.fullmatch(w) for w in words[1:]), f"{what}: a stanza")
        stanzas.append((words[1], words[2:], body(lines)))
        limit(len(stanzas), most_stanzas, f"{what}: stanzas")
    need(line.startswith(b"--- ") and len(line) == 47, f"{what}: the MAC")
    unpadded(line[4:], what)
    need(stanzas, f"{what}: no stanza")
    return stanzas


def scan_volume(data, what):
    """§1.5, first row: the type of the one stanza that isn't grease."""
    stanzas = scan(data, what, limits.VOLUME_HEADER)
    real = [s for s in stanzas if not s[0].endswith(b"-grease")]
    limit(len(stanzas) - len(real), 1, f"{what}: grease")
    need(len(real) == 1, f"{what}: {len(real)} recipients")
    need(real[0][0] in (b"X25519", b"mlkem768x25519"), f"{what}: a stanza of type {real[0][0]}")
    return real[0][0]


def scan_key(data, what):
    """§1.5, second row."""
    limit(len(data), limits.KEY_MEMBER, what)
    stanzas = scan(data, what, limits.KEY_MEMBER, limits.KEY_HEADER_LINES, limits.KEY_STANZAS)
    for kind, args, _ in stanzas:
        if kind == b"scrypt":
            need(len(stanzas) == 1, f"{what}: a passphrase beside another recipient")
            factor = args[1] if len(args) == 2 else b""
            need(re.fullmatch(rb"[1-9][0-9]*", factor), f"{what}: the scrypt stanza")
            limit(int(factor[:9]), limits.SCRYPT_FACTOR, f"{what}: scrypt work factor")
    return stanzas
