"""Lies in the stream and its volumes: headers that differ from the predicted ones, frames that lie (FORMAT §1.6, §3)."""

from .. import tarlines, tools, zstdframe
from .case import DEEP, HEADS, KEYED, SHOWN, Case, file
from .outside import FIELDS


def head(f):
    """The header of d/run, as f leaves it."""
    def lie(v, at):
        return [{**e, "head": f(tarlines.headers({"s": len(e["data"]), **e}))} if e["p"] == b"d/run" else e for e in v]
    return {"entries": lie}


def put(start, value):
    return lambda h: tarlines.checksummed(h[:start] + value + h[start + len(value):])


def headers():
    for label, (start, value) in FIELDS.items():
        yield Case(f"tar-{label}", "§3.2", "changed", DEEP, head(put(start, b"00000000002\0" if label == "mtime-1" else value)))
    yield Case("tar-name-of-another", "§3.2", "changed", DEEP, head(put(0, b"../run")))
    yield Case("tar-exec-bit-missing", "§3.4", "changed", DEEP, head(put(100, b"0000644\0")))
    yield Case("tar-size-more", "§3.2", "changed", DEEP, head(put(124, b"00000000004\0")))
    yield Case("tar-checksum-wrong", "§3.2", "changed", DEEP, head(lambda h: h[:148] + b"0000000\0" + h[156:]))
    yield Case("tar-checksum-with-space", "§3.2", "changed", DEEP, head(lambda h: h[:154] + b"\0 " + h[156:]))
    def pax(records):
        return lambda h: tarlines.ustar(b"././@PaxHeader", b"x", 0o644, len(records), 0) + tarlines.padded(records) + h
    yield Case("tar-pax-path-elsewhere", "§3.3", "changed", DEEP, head(pax(tarlines.record(b"path", b"../evil"))))
    yield Case("tar-pax-link-elsewhere", "§3.3", "changed", DEEP, head(pax(tarlines.record(b"linkpath", b"/etc"))))
    yield Case("tar-pax-size", "§3.3", "changed", DEEP, head(pax(tarlines.record(b"size", b"9999999999"))))
    yield Case("tar-pax-comment", "§3.3", "changed", DEEP, head(pax(tarlines.record(b"comment", b"x"))))
    yield Case("tar-pax-xattr", "§3.3", "changed", DEEP, head(pax(tarlines.record(b"SCHILY.xattr.user.x", b"x"))))
    yield Case("tar-gnu-long-name", "§3.1", "changed", DEEP, head(
        lambda h: tarlines.ustar(b"././@LongLink", b"L", 0o644, 8, 0) + tarlines.padded(b"../evil\0") + h))
    yield Case("tar-global-pax", "§3.1", "changed", DEEP, head(
        lambda h: tarlines.ustar(b"pax_global_header", b"g", 0o644, 12, 0) + tarlines.padded(b"12 path=x\n..") + h))
    yield Case("tar-sparse", "§3.4", "changed", DEEP, head(put(156, b"S")))
    yield Case("tar-fifo", "§3.4", "changed", DEEP, head(put(156, b"6")))


def parts(label, f, word="changed", knows=DEEP, why="§3", **more):
    return Case(f"stream-{label}", why, word, knows, {"parts": lambda v, at: f(list(v))}, **more)


def stream():
    evil = tarlines.headers(file("evil", b"", s=0))
    yield parts("one-entry-more", lambda v: [*v[:-1], evil, v[-1]])
    yield parts("one-entry-less", lambda v: [*v[:-2], v[-1]])
    yield parts("entry-in-place-of-another", lambda v: [v[0], evil, *v[2:]])
    yield parts("entries-swapped", lambda v: [*v[:2], v[3], v[2], *v[4:]])
    yield parts("end-missing", lambda v: v[:-1])
    yield parts("end-longer", lambda v: [*v, bytes(512)])
    yield parts("end-not-zero", lambda v: [*v[:-1], bytes(1023) + b"\1"])
    yield parts("contents-changed", lambda v: [*v[:2], v[2].replace(b"world", b"w0rld"), *v[3:]])
    yield parts("padding-not-zero", lambda v: [*v[:2], v[2][:-1] + b"\1", *v[3:]])
    yield parts("padding-not-zero-of-the-first", lambda v: [v[0][:-1] + b"\1", *v[1:]], knows=SHOWN)
    yield parts("of-zeros", lambda v: [bytes(sum(map(len, v)))], knows=SHOWN)


def frame(label, f, word="changed", knows=SHOWN, why="§1.6", **more):
    return Case(f"volume-{label}", why, word, knows, {"frames": lambda v, at: [f(v[0], at.steps["slices"][0]), *v[1:]]},
                **more)


def frames():
    stored = zstdframe.stored
    yield frame("two-frames", lambda f, s: stored(s[:1024]) + stored(s[1024:]))
    yield frame("frame-twice", lambda f, s: f + f)
    yield frame("skippable-before", lambda f, s: zstdframe.skippable() + f)
    yield frame("skippable-after", lambda f, s: f + zstdframe.skippable())
    yield frame("skippable-alone", lambda f, s: zstdframe.skippable(bytes(400)))
    yield frame("empty-frame", lambda f, s: stored(b""))
    yield frame("empty-frame-after", lambda f, s: f + stored(b""))
    yield frame("nothing", lambda f, s: b"")
    yield frame("bytes-after", lambda f, s: f + b"\0")
    yield frame("cut", lambda f, s: f[:-1])
    yield frame("legacy-magic", lambda f, s: b"\x27" + f[1:])
    yield frame("gzip", lambda f, s: b"\x1f\x8b\x08" + bytes(100))
    yield frame("uncompressed", lambda f, s: s)
    yield frame("without-size", lambda f, s: stored(s, size=None, single=False))
    yield frame("with-dictionary", lambda f, s: stored(s, dictionary=b"\7"))
    yield frame("reserved-bit", lambda f, s: stored(s, reserved=True))
    yield frame("reserved-block", lambda f, s: zstdframe.header(len(s)) + zstdframe.block(s, True, 3))
    yield frame("wrong-checksum", lambda f, s: stored(s, checksum=True) + b"\0\0\0\0")
    yield frame("good-checksum", lambda f, s: tools.zstd_compress(s, 3, ["--check"]), "ok")
    yield frame("window-of-16-mib", lambda f, s: stored(s, single=False, window=14 << 3), "too-large", why="§6.3")
    yield frame("window-of-2-tib", lambda f, s: stored(s, single=False, window=255), "too-large", why="§6.3")
    yield frame("window-of-8-mib", lambda f, s: stored(s, single=False, window=13 << 3), "ok")
    yield frame("content-shorter", lambda f, s: stored(s[:-512]))
    yield frame("content-longer", lambda f, s: stored(s + bytes(512)), "too-large")
    yield frame("declares-less", lambda f, s: stored(s, size=len(s) - 512))
    yield frame("declares-more", lambda f, s: stored(s, size=len(s) + 512), "too-large")
    yield frame("declares-right-holds-more", lambda f, s: stored(s + bytes(512), size=len(s)))
    yield frame("declares-2-63", lambda f, s: stored(s, size=2**63), "too-large", why="§6.3")
    yield frame("declares-2-64-less-1", lambda f, s: stored(s, size=2**64 - 1), "too-large", why="§6.3")
    yield frame("declares-2-64-less-2", lambda f, s: stored(s, size=2**64 - 2), "too-large", why="§6.3")
    yield frame("bomb-of-1-gib", lambda f, s: zstdframe.repeated(b"\0", 1 << 30), "too-large", small=False)
    yield frame("bomb-that-declares-the-plain-length", lambda f, s: zstdframe.repeated(b"\0", 1 << 30, declared=len(s)), small=False)
    def empty_blocks(count):
        return lambda f, s: zstdframe.header(len(s)) + zstdframe.block(b"") * count + zstdframe.block(s, True)
    yield frame("of-20000-empty-blocks", empty_blocks(20_000), "ok", small=False)
    yield frame("of-a-million-empty-blocks", empty_blocks(1_000_000), "too-large", HEADS, small=False)
    yield frame("padded-with-empty-blocks-beyond-its-limit", empty_blocks(25_000), "too-large", HEADS, small=False)


def cuts():
    def one(label, f, word="changed", knows=KEYED):
        return Case(f"cut-{label}", "§1.6", word, knows, {"cuts": f})
    yield one("odd", lambda v, at: [1000, sum(v) - 1000])
    yield one("empty-slice", lambda v, at: [*v, 0])
    yield one("everywhere", lambda v, at: [512] * (sum(v) // 512), "ok")


def many():
    """As many entries in one volume as there can be. The first is wrong, so that nothing is written."""
    lies = {"entries": lambda v, at: [file(f"{i:07}", b"") for i in range(130_000)],
            "parts": lambda v, at: [b"x" + v[0][1:], *v[1:]]}
    yield Case("bomb-of-130000-files-in-one-volume", "§1.6", "changed", DEEP, lies, cat="not-there", small=False,
               plan=lambda d: d.plan(d.part(volume=64 << 20)))


def cases():
    for part in (headers, stream, frames, cuts, many):
        yield from part()
