"""The manifest (FORMAT §4): its lines in their one spelling, its frames, its fields."""

import re

from . import documents, hashes, limits, tarlines, tools, zstdframe
from . import strictjson as j
from .breach import limit, need
from .paths import Tree


class Raw(bytes):
    """A value whose JSON is given as it stands: a lying writer's."""


def spell(value):
    """§4.2. Text comes as bytes or str, and is spelled with the few escapes there are."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, int):
        return b"%d" % value
    raw = value.encode() if isinstance(value, str) else value
    out = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + re.sub(rb"[\0-\x1f]", lambda c: b"\\u%04x" % c[0][0], out) + b'"'


def entry_line(e):
    """§4.7; `line` in the dict stands for the whole."""
    if "line" in e:
        return e["line"]
    names = {"f": ("p", "t", "s", "b3", "m", "x", "ref"), "d": ("p", "t", "m"), "l": ("p", "t", "to", "m")}
    keys = [k for k in names.get(e["t"], names["f"]) if k in e and not (k in ("x", "ref") and not e[k])]
    return b"{" + b",".join(b'"%s":%s' % (k.encode(), spell(e[k])) for k in keys) + b"}"


def v_line(pairs):
    return b'{"v":[' + b",".join(b"[%d,%d]" % tuple(p) for p in pairs) + b"]}"


def o_line(offset):
    return b'{"o":%d}' % offset


def read_entry(line):
    """One entry, in its one spelling."""
    limit(len(line), limits.LINE, "a manifest line")
    e = j.parse(line, "an entry line")
    need(isinstance(e.get("t"), str) and e["t"] in ("f", "d", "l"), "the type of an entry")
    j.fields(e, "an entry line", p=j.text, m=j.number)
    if e["t"] == "f":
        j.fields(e, "an entry line", s=j.number, b3=j.hex64)
        need(e.get("x", 1) == 1 and e.get("ref", 1) == 1, "x or ref isn't 1")
    elif e["t"] == "l":
        j.fields(e, "an entry line", to=j.text)
        e["to"] = e["to"].encode()
    e["p"] = e["p"].encode()
    need(entry_line(e) == line, "an entry line in another spelling")
    need(e["m"] < tarlines.USTAR_MOST, "a time out of range")
    return e


def read_pairs(line):
    limit(len(line), limits.LINE, "a manifest line")
    pairs = j.parse(line, "a v line").get("v")
    need(j.several(j.several(j.number, 2, 2), 1, 512)(pairs), "a v line")
    need(v_line(pairs) == line, "a v line in another spelling")
    return pairs


def read_offset(line):
    limit(len(line), limits.LINE, "a manifest line")
    offset = j.parse(line, "an o line").get("o")
    need(j.number(offset) and o_line(offset) == line, "an o line")
    return offset


def read_line_1(raw):
    limit(len(raw), limits.LINE_1, "line 1 of the manifest")
    need(b"\r" not in raw, "CR in line 1")
    says = j.parse(raw, "line 1")
    documents.right_word(says.get("consign"), "manifest", "line 1")
    person = j.shape(name=j.label, key=j.text, agreement=j.maybe(j.text))
    parent = j.shape(bundle=j.hex64, compartment=j.number, content=j.hex64)
    j.fields(says, "line 1", bundle=j.hex32, compartment=j.number, nonce=j.hex64, challenge=j.hex64, sender=j.is_fp,
             recipients=j.several(person, 1, 128), content=j.hex64, parent=j.maybe(parent), ledger=j.maybe(j.hex64),
             scope=j.text, purpose=j.text, files=j.number, bytes=j.number)
    for r in says["recipients"]:
        need(r["key"] != "passphrase" or len(says["recipients"]) == 1, "a passphrase beside another recipient")
        need(r["key"] == "passphrase" or documents.is_recipient(r["key"]), "a recipient string of line 1")
    return says


def read_terms(raw, bundle, n, sender, expected):
    """§4.4."""
    limit(len(raw), limits.TERMS_LINE, "the terms line")
    need(hashes.H(raw).hex() == expected, "the terms aren't those that were signed")
    need(b"\r" not in raw and b"\n" not in raw, "CR or LF in the terms line")
    says = j.parse(raw, "the terms line")
    documents.right_word(says.get("consign"), "terms", "the terms line")
    j.fields(says, "the terms line", bundle=j.word(bundle), compartment=j.number, sender=j.word(sender), nonce=j.hex64,
             title=j.text, owner=j.text, licence=j.text, agreement=j.maybe(j.text), text=j.text)
    need(j.text(says.get("class", "")), "the terms line: field class breaks its rule")
    need(says["compartment"] == n, "the terms are of another compartment")
    return says


def terms_id(says):
    """§4.4: what is agreed to, whichever bundle states it."""
    stated = [says["title"], says["owner"], says["licence"], says.get("class", ""), says["agreement"] or "", says["text"]]
    raw = [text.encode() for text in stated]
    return hashes.D("consign 1 terms id", b"".join(len(text).to_bytes(8, "little") + text for text in raw)).hex()


def texts(plain, lines):
    """The plain text of each frame (§4.1)."""
    found = zstdframe.frames(plain, "the manifest")
    for frame in found:
        limit(frame.size, limits.MANIFEST_FRAME, "plain text of one manifest frame")
        limit(frame.end - frame.start, limits.volume_member(frame.size), "compressed size of one manifest frame")
    need(sum(f.size for f in found) == lines, "the manifest has another length")
    whole, at, out = tools.zstd_decompress(plain, lines), 0, []
    need(len(whole) == lines, "the manifest inflates to another length")
    for frame in found:
        out.append(whole[at:at + frame.size])
        at += frame.size
        need(out[-1].endswith(b"\n"), "a frame without whole lines")
    return [text[:-1].split(b"\n") for text in out]


class Manifest:
    """All lines of a manifest, parsed, in their places, and true among themselves."""

    def __init__(self, plain, says):
        frames = texts(plain, says["manifest"]["lines"])
        head = []
        while frames and not frames[0][0].startswith(b'{"o":'):
            head += frames.pop(0)
        need(len(head) >= 3, "the head of the manifest")
        self.line_1, self.terms_line = read_line_1(head[0]), head[1]
        self.pairs = [pair for line in head[2:] for pair in read_pairs(line)]
        self.entries, self.lines, tree, at = [], [], Tree(), 0
        for frame in frames:
            need(len(frame) >= 2, "a frame without entries")
            need(read_offset(frame[0]) == at, "an o line is wrong")
            for line in frame[1:]:
                e = read_entry(line)
                tree.take(e)
                self.entries.append(e)
                self.lines.append(line)
                at += tarlines.length(e)
            limit(len(self.entries), limits.ENTRIES, "entries")
        self.check_totals(says, at + len(tarlines.END))

    def check_totals(self, says, stream):
        files = [e for e in self.entries if e["t"] == "f"]
        need(self.line_1["files"] == len(files), "the number of files")
        need(self.line_1["bytes"] == sum(e["s"] for e in files), "the sum of sizes")
        need(says["stream"] == stream, "the length of the stream")
        need(self.line_1["content"] == hashes.content_id(self.entries), "the content id")
        need(says["entriesRoot"] == hashes.entries_root(self.line_1["nonce"], self.lines), "entriesRoot")
        need(self.line_1["parent"] or not any(e.get("ref") for e in self.entries), "a ref without a base")

    def check_volumes(self, says, members):
        """§1.6, §4.5."""
        need(len(self.pairs) == says["volumes"], "the v lines have another number of volumes")
        plains = [plain for _, plain in self.pairs]
        for (size, plain), m in zip(self.pairs, members):
            need(plain > 0 and plain % 512 == 0, "a plain length that is no multiple of 512")
            need(size == len(m["data"]), f"{m['name']} has another size than the manifest says")
            limit(size, limits.volume_member(plain), f"size of {m['name']}")
        need(sum(plains) == says["stream"] and max(plains) == says["volume"], "the plain lengths")
