"""Lies in the manifest: frames, lines, entries, paths, links, order, deltas, terms (FORMAT §3.5 to §4.9)."""

import json

from .. import documents, zstdframe
from .case import DEEP, FRONT, HEADS, KEYED, LISTED, SHOWN, Case, file, folder, link


def plus(*entries):
    """The tree with these entries, sorted."""
    return {"entries": lambda v, at: sorted([*v, *entries], key=lambda e: e["p"])}


def paths():
    def one(label, path, word="unsafe-path", knows=KEYED, entry=file, **more):
        raw = path if isinstance(path, bytes) else path.encode()
        knows = knows if raw < b"a.txt" else LISTED
        return Case(f"path-{label}", "§3.7", word, knows, plus(*more.pop("above", []), entry(path)), **more)
    yield one("up", "../evil")
    yield one("up-in-the-middle", "d/../../evil")
    yield one("up-at-the-end", "d/..")
    yield one("is-dots", "..", entry=folder)
    yield one("is-a-dot", ".", entry=folder)
    yield one("with-a-dot", "d/./evil")
    yield one("absolute", "/tmp/evil")
    yield one("double-slash", "d//evil")
    yield one("slash-at-the-end", "evil/", entry=folder)
    yield one("empty", "")
    yield one("nul", "a\0b")
    yield one("not-utf8", b"a\xffb", "changed")
    yield one("surrogate", b"a\xed\xa0\x80b", "changed")
    yield one("of-4097-bytes", "/".join(["x" * 240] * 16 + ["x" * 241]), above=[folder("/".join(["x" * 240] * n)) for n in range(1, 17)])
    yield one("component-of-256", "x" * 256)
    yield one("of-257-components", "/".join("x" * 257), above=[folder("/".join("x" * n)) for n in range(1, 257)])
    for label, name in (("plain", ".git"), ("upper", ".GIT"), ("dots", ".git. ."), ("stream", ".git::$INDEX_ALLOCATION"), (
            "short", "GIT~1"), ("zwnj", ".g\u200cit"), ("long-s", ".con\u017fign"), ("consign", ".consign"), (
            "consign-short", "CONSIG~1"), ("soft-hyphen", "\u00ad.git"), ("bom", ".git\ufeff"), ("tag", ".gi\U000e0074t")):
        yield one(f"git-{label}", name, entry=folder)
    yield one("git-deep", "d/.git", entry=folder)
    yield one("git-as-a-file", ".git")
    yield one("hooks", ".git/hooks/post-checkout", above=[folder(".git"), folder(".git/hooks")])
    for label, name in (("drive", "C:/evil"), ("drive-relative", "C:evil"), ("unc", "\\\\host\\share"), ("backslash-up", "..\\evil"), (
            "device", "CON"), ("device-with-suffix", "nul.txt"), ("device-superscript", "COM\u00b9"), ("stream", "a.txt:evil"), (
            "dot-at-the-end", "evil."), ("space-at-the-end", "evil "), ("escape", "\x1b[2J"), ("bidi", "\u202egnp.exe"), (
            "star", "*"), ("dash", "-rf"), ("tilde", "~"), ("newline", "a\nb")):
        above = [folder("C:")] if label == "drive" else []
        # §3.9: refused where such a name can't be; elsewhere it is a name like another.
        yield one(f"unportable-{label}", name, "ok", above=above)
    yield Case("collision-of-case", "§3.9", "ok", DEEP, plus(file("A.TXT")))
    yield Case("collision-of-normal-forms", "§3.9", "ok", DEEP, plus(file("\u00e9"), file("e\u0301")))
    yield Case("collision-of-sharp-s", "§3.9", "ok", DEEP, plus(file("stra\u00dfe"), file("STRASSE")))


def links():
    def one(label, to, word="unsafe-link", at="evil", above=()):
        return Case(f"link-{label}", "§3.8", word, LISTED, plus(*above, link(at, to)))
    yield one("up", "../x")
    yield one("up-from-a-folder", "../../x", at="d/evil")
    yield one("up-in-the-middle", "a/../../x")
    yield one("up-in-the-middle-but-within", "d/../a.txt")
    yield one("absolute", "/etc/passwd")
    yield one("drive", "C:/x")
    yield one("drive-relative", "c:x")
    yield one("backslash", "..\\x")
    yield one("unc", "\\\\host\\x")
    yield one("empty", "")
    yield one("nul", "a\0b")
    yield one("of-4096-bytes", "x/" * 2048)
    yield one("not-utf8", b"\xff", "changed")
    yield one("dots-and-slashes", "./.././x")
    yield Case("link-two-that-climb", "§3.8", "unsafe-link", LISTED, plus(
        link("s", "."), link("t", "s/s/../../out")))
    yield Case("link-as-a-parent", "§3.5", "unsafe-path", LISTED, plus(link("e", "d"), file("e/f")))
    yield Case("link-out-as-a-parent", "§3.5", "unsafe-link", LISTED, plus(link("e", "/tmp"), file("e/f")))
    yield Case("link-and-folder-of-one-name", "§3.5", "changed", LISTED, {"entries": lambda v, at: [
        *v[:-1], folder("k"), link("k", "d"), v[-1]]})
    yield Case("link-to-itself", "§3.8", "ok", DEEP, plus(link("self", "self")))
    yield Case("link-to-a-device-name", "§3.9", "ok", DEEP, plus(link("z", "NUL")))
    yield Case("link-within-by-case", "§3.9", "ok", DEEP, plus(link("D", "."), file("d/zz")))


def order():
    yield Case("order-swapped", "§3.5", "changed", LISTED, {"entries": lambda v, at: [
        v[1], v[0], *v[2:]]})
    yield Case("order-entry-twice", "§3.5", "changed", LISTED, {"entries": lambda v, at: [v[0], v[0], *v[1:]]})
    yield Case("order-twice-with-other-contents", "§3.5", "changed", LISTED, {"entries": lambda v, at: [
        v[0], file("a.txt", b"evil"), *v[1:]]})
    yield Case("order-child-before-parent", "§3.5", "unsafe-path", LISTED, {"entries": lambda v, at: [
        v[0], v[2], v[1], *v[3:]]})
    yield Case("order-by-slash", "§3.5", "changed", LISTED, {"entries": lambda v, at: [*v[:3], *v[3:], file("d-x")]})
    yield Case("order-parent-missing", "§3.5", "unsafe-path", LISTED, plus(file("e/f")))
    yield Case("order-parent-is-a-file", "§3.5", "unsafe-path", LISTED, plus(file("a.txt/f")))
    yield Case("order-file-and-folder-of-one-name", "§3.5", "changed", LISTED, {"entries": lambda v, at: [
        v[0], folder("a.txt"), *v[1:]]})


def line(f):
    """The first entry line, spelled otherwise; stream and the rest are of the true entry."""
    return {"lines": lambda v, at: [f(v[0]), *v[1:]]}


SPELLED = {
    "space": lambda l: l.replace(b",", b", "), "leading-space": lambda l: b" " + l, "trailing-space": lambda l: l + b" ",
    "cr": lambda l: l + b"\r", "order-of-fields": lambda l: l.replace(b'"t":"f",', b"").replace(b"{", b'{"t":"f",'),
    "another-field": lambda l: l[:-1] + b',"y":1}', "field-twice": lambda l: l[:-1] + b',"m":1}',
    "field-missing": lambda l: l.replace(b',"m":1', b""), "escaped-letter": lambda l: l.replace(b"a.txt", b"\\u0061.txt"),
    "escaped-slash": lambda l: l.replace(b"a.txt", b"a\\/txt"), "short-escape": lambda l: l.replace(b"a.txt", b"a\\ttxt"),
    "upper-case-hash": lambda l: l[:70].replace(b'"b3":"8e4c7', b'"b3":"8E4C7') + l[70:],
    "raw-tab": lambda l: l.replace(b"a.txt", b"a\ttxt"), "leading-zero": lambda l: l.replace(b'"s":6', b'"s":06'),
    "negative": lambda l: l.replace(b'"s":6', b'"s":-6'), "float": lambda l: l.replace(b'"s":6', b'"s":6.0'),
    "text-for-number": lambda l: l.replace(b'"s":6', b'"s":"6"'), "null": lambda l: l.replace(b'"s":6', b'"s":null'),
    "x-0": lambda l: l[:-1] + b',"x":0}', "x-true": lambda l: l[:-1] + b',"x":true}', "x-2": lambda l: l[:-1] + b',"x":2}',
    "ref-before-x": lambda l: l[:-1] + b',"ref":1,"x":1}', "type-of-device": lambda l: l.replace(b'"t":"f"', b'"t":"c"'),
    "type-of-hard-link": lambda l: l.replace(b'"t":"f"', b'"t":"h"'), "target-of-a-file": lambda l: l[:-1] + b',"to":"x"}',
    "bom": lambda l: b"\xef\xbb\xbf" + l, "bytes-after": lambda l: l + b"{}", "empty": lambda l: b"", "array": lambda l: b"[]",
    "comment": lambda l: b"#", "bare-o": lambda l: b'{"o":0}', "lone-surrogate": lambda l: l.replace(b"a.txt", b"a\\ud800"),
    "hash-of-63": lambda l: l.replace(b'"b3":"8', b'"b3":"'), "size-2-53": lambda l: l.replace(b'"s":6', b'"s":9007199254740992'),
    "size-2-64": lambda l: l.replace(b'"s":6', b'"s":18446744073709551616'), "time-2-33": lambda l: l.replace(
        b'"m":1', b'"m":8589934592'),
}


def spelled():
    for label, f in SPELLED.items():
        # cat looks for the bytes of its path and doesn't parse lines that can't have it.
        lost = b'{"p":"a.txt"' not in f(b'{"p":"a.txt","t":"f","s":6,"b3":"8e","m":1}')[:12]
        yield Case(f"line-{label}", "§4.2", "changed", KEYED, line(f), cat="not-there" if lost else None)
    yield Case("line-of-65-kib", "§6.3", "too-large", KEYED, line(lambda l: b'{"p":"' + b"x" * 66_000 + b'"}'), cat="not-there",
               small=False)
    yield Case("line-size-larger", "§4.7", "changed", SHOWN, line(lambda l: l.replace(b'"s":6', b'"s":7')))
    yield Case("line-hash-of-another", "§4.7", "changed", SHOWN, {"entries": lambda v, at: [
        {**v[0], "b3": "0" * 64}, *v[1:]]})
    yield Case("line-hash-of-a-second-file", "§4.7", "changed", DEEP, {"entries": lambda v, at: [
        {**e, "b3": "0" * 64} if e["p"] == b"d/b.txt" else e for e in v]})


def first():
    def one(label, f, word="changed", knows=KEYED, why="§4.3", **more):
        return Case(f"line-1-{label}", why, word, knows, {"line_1": f}, **more)
    put = lambda **f: lambda v, at: {**v, **f}
    raw = lambda label, f, word="changed", **more: Case(f"line-1-{label}", "§4.2", word, KEYED, {
        "line_1_raw": lambda v, at: f(v)}, **more)
    for name in ("consign", "bundle", "compartment", "nonce", "challenge", "sender", "recipients", "content", "parent",
                 "ledger", "scope", "purpose", "files", "bytes"):
        yield raw(f"without-{name}", lambda v, name=name: again(v, lambda says: says.pop(name)))
        if name not in ("parent", "ledger"):
            yield raw(f"null-{name}", lambda v, name=name: again(v, lambda says: says.update({name: None})))
    yield one("version-2", put(consign="manifest/2"), "newer-format")
    yield one("is-terms", put(consign="terms/1"))
    yield one("files-more", lambda v, at: {**v, "files": v["files"] + 1}, knows=DEEP)
    yield one("files-2-53", put(files=2**53 - 1), knows=DEEP)
    yield one("bytes-less", lambda v, at: {**v, "bytes": v["bytes"] - 1}, knows=DEEP)
    yield one("bytes-2-53", put(bytes=2**53 - 1))
    yield one("content-of-another", put(content="0" * 64), knows=DEEP)
    yield one("parent-that-the-envelope-lacks", put(parent={"bundle": "0" * 64, "compartment": 0, "content": "0" * 64}))
    yield one("nonce-short", put(nonce="0" * 62))
    yield one("long-name", lambda v, at: {**v, "recipients": [{**v["recipients"][0], "name": "x" * 257}]}, "too-large")
    yield one("beyond-1-mib", put(purpose="x" * (1 << 20)), "too-large", small=False)
    yield one("deep", put(x=[[]]), "ok")
    yield raw("33-deep", lambda v: v[:-1] + b',"x":' + b"[" * 32 + b"]" * 32 + b"}", "too-large")
    yield raw("key-twice", lambda v: v[:-1] + b',"scope":"x"}')
    yield raw("bom", lambda v: b"\xef\xbb\xbf" + v)
    yield raw("cr", lambda v: v + b"\r")
    yield raw("fraction", lambda v: v.replace(b'"compartment":0', b'"compartment":0.0'))
    terms = lambda label, f, word="changed", **more: Case(f"terms-{label}", "§4.4", word, KEYED, {
        "terms_line": lambda v, at: f(v)}, **more)
    yield terms("cr", lambda v: v + b"\r")
    yield terms("key-twice", lambda v: v[:-1] + b',"title":"x"}')
    yield terms("deep", lambda v: v[:-1] + b',"x":' + b"[" * 40_000 + b"]" * 40_000 + b"}", "too-large", small=False)
    yield terms("of-version-2", lambda v: v.replace(b"terms/1", b"terms/2"), "newer-format")
    yield terms("of-another-bundle", swapped)
    yield terms("of-another-compartment", lambda v: v.replace(b'"compartment":0', b'"compartment":1'))
    yield terms("beyond-192-kib", lambda v: v.replace(b'"text":""', b'"text":"' + b"x" * (193 << 10) + b'"'), "too-large",
                small=False)


def again(line_1, f):
    says = json.loads(line_1)
    f(says)
    return documents.spell(says)


def swapped(v):
    at = v.index(b'"bundle":"') + 10
    return v[:at] + b"0" * 32 + v[at + 32:]


def volumes():
    def one(label, f, word="changed", step="v_lines", knows=KEYED):
        return Case(f"v-line-{label}", "§4.5", word, knows, {step: lambda v, at: f(v)})
    yield one("missing", lambda v: [])
    yield one("twice", lambda v: v * 2)
    yield one("empty", lambda v: [b'{"v":[]}'])
    yield one("with-space", lambda v: [v[0].replace(b",", b", ")])
    yield one("leading-zero", lambda v: [v[0].replace(b"[[", b"[[0")])
    yield one("three-numbers", lambda v: [v[0].replace(b"]]", b",1]]")])
    yield one("another-field", lambda v: [v[0][:-1] + b',"x":1}'])
    yield one("member-size-more", lambda v: [[v[0][0] + 1, v[0][1]]], step="pairs", knows="c")
    yield one("plain-more", lambda v: [[v[0][0], v[0][1] + 512]], step="pairs", knows=FRONT)
    yield one("plain-less", lambda v: [[v[0][0], v[0][1] - 512]], step="pairs", knows=FRONT)
    yield one("plain-odd", lambda v: [[v[0][0], v[0][1] + 1]], step="pairs", knows=FRONT)
    yield one("plain-0", lambda v: [[v[0][0], 0]], step="pairs", knows=FRONT)
    yield one("plain-beyond-64-mib", lambda v: [b'{"v":[[1,67109376]]}'], "too-large")
    yield one("member-far-larger", lambda v: [b'{"v":[[1000000,%d]]}' % 5120], "too-large")
    yield one("of-2-64", lambda v: [b'{"v":[[18446744073709551616,512]]}'])
    yield one("of-a-volume-that-is-not-there", lambda v: [[1000, 1024], *v], step="pairs")
    yield one("513-pairs", lambda v: [b'{"v":[' + b",".join([b"[1,512]"] * 513) + b"]}"])
    yield one("a-million-pairs", lambda v: [b'{"v":[' + b",".join([b"[1,512]"] * 512) + b"]}"] * 2000, "too-large")


def frames():
    def text(label, f, word="changed", why="§4.1", knows=KEYED, **more):
        return Case(f"frame-{label}", why, word, knows, {"texts": lambda v, at: f(v)}, **more)
    def raw(label, f, word="changed", why="§1.6", knows=KEYED, **more):
        return Case(f"frame-{label}", why, word, knows, {"manifest_frames": lambda v, at: f(v)}, **more)
    yield text("without-last-lf", lambda t: [*t[:-1], t[-1][:-1]])
    yield text("line-in-two-frames", lambda t: [t[0], t[1][:40], t[1][40:]])
    yield text("empty-line", lambda t: [t[0], t[1] + b"\n"], knows=LISTED)
    yield text("crlf", lambda t: [t[0], t[1].replace(b"\n", b"\r\n")])
    yield text("without-o-line", lambda t: [t[0], t[1].split(b"\n", 1)[1]])
    yield text("entries-in-the-head", lambda t: [t[0] + t[1].split(b"\n", 1)[1]])
    yield text("head-and-entries-in-one", lambda t: [t[0] + t[1]])
    yield text("o-line-alone", lambda t: [*t, b'{"o":4096}\n'], knows=LISTED)
    yield text("o-line-wrong", lambda t: [t[0], t[1].replace(b'{"o":0}', b'{"o":512}')])
    yield text("o-line-2-64", lambda t: [t[0], t[1].replace(b'{"o":0}', b'{"o":18446744073709551616}')])
    yield text("o-line-leading-zero", lambda t: [t[0], t[1].replace(b'{"o":0}', b'{"o":00}')])
    yield text("o-line-twice", lambda t: [t[0], b'{"o":0}\n' + t[1]])
    yield text("v-line-late", lambda t: [*t, b'{"v":[[1,512]]}\n'], knows=LISTED)
    yield text("lines-1-and-2-swapped", lambda t: [swap_lines(t[0]), *t[1:]])
    yield text("head-after-entries", lambda t: [t[1], t[0]])
    yield text("only-line-1", lambda t: [t[0].split(b"\n")[0] + b"\n"])
    yield text("head-in-three", lambda t: [*[l + b"\n" for l in t[0].split(b"\n")[:-1]], t[1]], "ok")
    yield raw("skippable-first", lambda f: [zstdframe.skippable(), *f])
    yield raw("skippable-between", lambda f: [f[0], zstdframe.skippable(), *f[1:]])
    yield raw("skippable-last", lambda f: [*f, zstdframe.skippable()], knows=LISTED)
    yield raw("empty-last", lambda f: [*f, zstdframe.stored(b"")], knows=LISTED)
    yield raw("empty-first", lambda f: [zstdframe.stored(b""), *f])
    yield raw("bytes-after", lambda f: [*f, b"x"], knows=LISTED)
    yield raw("legacy-magic", lambda f: [b"\x27" + f[0][1:], *f[1:]])
    yield raw("cut", lambda f: [*f[:-1], f[-1][:-1]])
    yield Case("frame-without-size", "§1.6", "changed", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], size=None, single=False)]})
    yield Case("frame-declares-less", "§1.6", "changed", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], size=len(at.steps["texts"][1]) - 1)]})
    yield Case("frame-declares-more", "§1.6", "changed", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], size=len(at.steps["texts"][1]) + 1)]})
    yield Case("frame-declares-2-63", "§6.3", "too-large", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], size=2**63)]})
    yield Case("frame-window-of-16-mib", "§6.3", "too-large", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], single=False, window=14 << 3)]})
    yield Case("frame-window-of-2-tib", "§6.3", "too-large", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], single=False, window=255)]})
    yield Case("frame-with-dictionary", "§1.6", "changed", KEYED, {"manifest_frames": lambda v, at: [
        v[0], zstdframe.stored(at.steps["texts"][1], dictionary=b"\1\0\0\0")]})
    yield text("beyond-4-mib", lambda t: [t[0], b"\n" * ((4 << 20) + 1)], "too-large", "§6.3")
    yield text("of-line-feeds", lambda t: [t[0], b"\n" * (4 << 20)])


def swap_lines(text):
    one, two, rest = text.split(b"\n", 2)
    return two + b"\n" + one + b"\n" + rest


def deltas():
    base = lambda d: [file("a.txt", b"hello\n")]
    def plan(entries, parent, says):
        return lambda d: d.plan(d.part(entries, line_1={"parent": parent}), says={"parent": says})
    good = {"bundle": "1" * 64, "compartment": 0, "content": "2" * 64}
    ref = [file("a.txt", b"hello\n", ref=1)]
    yield Case("delta-without-base", "§4.9", "needs-base", SHOWN, deep="ok", plan=plan(ref, good, "1" * 64))
    yield Case("delta-ref-without-parent", "§4.9", "changed", KEYED, plan=plan(ref, None, None))
    yield Case("delta-of-another-parent", "§4.9", "changed", KEYED, plan=plan(ref, good, "3" * 64))
    yield Case("delta-parent-of-the-envelope-alone", "§4.9", "ok", DEEP, plan=plan(None, None, "1" * 64))
    yield Case("delta-ref-on-a-folder", "§4.9", "changed", LISTED, {"lines": lambda v, at: [
        l[:-1] + b',"ref":1}' if b'"t":"d"' in l else l for l in v]})


def compartments():
    two = lambda d, b: d.plan(d.part(), d.part(b))
    yield Case("compartments-that-differ", "§4.10", "compartments-differ", SHOWN, deep="ok",
               plan=lambda d: two(d, [file("a.txt", b"other")]))
    yield Case("compartments-file-and-folder", "§4.10", "compartments-differ", SHOWN, deep="ok",
               plan=lambda d: two(d, [folder("a.txt")]))
    yield Case("compartments-link-meets-folder", "§4.10", "compartments-differ", SHOWN, deep="ok",
               plan=lambda d: two(d, [link("d", "a.txt")]))
    yield Case("compartments-swapped", "§2.5", "changed", HEADS, {"body": swap_members}, plan=lambda d: two(d, [file("z")]))
    yield Case("compartments-number-swapped", "§2.5", "changed", KEYED, {"line_1": lambda v, at: {
        **v, "compartment": 1 - at.n}}, plan=lambda d: two(d, [file("z")]))


def swap_members(v, at):
    """The members of the two compartments, each under the other's name."""
    data = {m["name"]: m["data"] for m in v}
    other = lambda name: ("c1" if name.startswith("c0") else "c0") + name[2:]
    return [{**m, "data": data[other(m["name"])]} if m["name"].startswith("c") else m for m in v]


def cases():
    for part in (paths, links, order, spelled, first, volumes, frames, deltas, compartments):
        yield from part()
