"""Lies of the outer file: members, headers, order, padding, README, card, B3SUMS, the end (FORMAT §1)."""

from .. import container, documents, tarlines
from .case import FRONT, HEADS, SHOWN, WALK, Case

V0, MANIFEST, KEY = "c0/v000000.age", "c0/manifest.age", "c0/key.age"


def edit(member, /, **change):
    """A lie on a list of members: that one has another head, pad, name or data."""
    def lie(v, at):
        return [{**m, **{k: f(m) for k, f in change.items()}} if m["name"] == member else m for m in v]
    return lie


def field(start, value):
    """Another value in a header's field, and a right checksum."""
    def head(m):
        h = container.header(m["name"], len(m["data"]))
        return tarlines.checksummed(h[:start] + value + h[start + len(value):])
    return head


def where(name, f):
    """A lie on a list of members, at the place of that member."""
    def lie(v, at):
        i = [m["name"] for m in v].index(name)
        return f(list(v), i)
    return lie


def insert(new):
    return lambda v, i: v[:i] + [new] + v[i:]


def swap(v, i):
    v[i], v[i + 1] = v[i + 1], v[i]
    return v


FIELDS = {
    "mode-0777": (100, b"0000777\0"), "mode-setuid": (100, b"0004755\0"), "uid-1": (108, b"0000001\0"),
    "gid-1": (116, b"0000001\0"), "mtime-1": (136, b"00000000001\0"), "type-link": (156, b"2"),
    "type-hard-link": (156, b"1"), "type-directory": (156, b"5"), "type-device": (156, b"3"), "type-pax": (156, b"x"),
    "type-nul": (156, b"\0"), "linkname": (157, b"/etc/passwd"), "gnu-magic": (257, b"ustar  \0"),
    "user-name": (265, b"root"), "group-name": (297, b"root"), "device-major": (329, b"0000001\0"),
    "prefix": (345, b"../../etc"), "last-byte": (511, b"x"), "mode-spaces": (100, b" 0644 \0\0"),
    "size-base256": (124, b"\x80" + bytes(9) + b"\1\0"), "size-too-large": (124, b"77777777777\0"),
    "size-negative": (124, b"-0000000001\0"), "size-spaces": (124, b"       1000 "),
}


def headers():
    for name, (start, value) in FIELDS.items():
        word = "cut-short" if name == "size-too-large" else "changed"
        for label, member in (("volume", V0), ("key", KEY)):
            lie = edit(member, head=field(start, value))
            unsigned = word if member == KEY else "changed"
            yield Case(f"header-{name}-of-{label}", "§1.2", word, FRONT, {"outer": lie}, unsigned=unsigned)
    def bad_sum(m):
        h = container.header(m["name"], len(m["data"]))
        return h[:148] + b"0000000\0" + h[156:]
    def gnu_sum(m):
        h = container.header(m["name"], len(m["data"]))
        return h[:148] + b"%06o\0 " % int(h[148:155], 8) + h[156:]
    yield Case("header-checksum-wrong", "§1.2", "changed", FRONT, {"outer": edit(V0, head=bad_sum)})
    yield Case("header-checksum-as-gnu-spells-it", "§3.2", "changed", FRONT, {"outer": edit(V0, head=gnu_sum)})
    for name in ("README.txt", V0, MANIFEST):
        knows = {MANIFEST: HEADS, V0: WALK + SHOWN}.get(name, WALK)
        pad = edit(name, pad=lambda m: b"\1" * (-len(m["data"]) % 512))
        yield Case(f"padding-of-{name.split('/')[-1]}", "§1.2", "changed", knows, {"outer": pad})
    for name in (KEY, "B3SUMS", "envelope.json", "envelope.json.sig"):
        pad = edit(name, pad=lambda m: b"\1" * (-len(m["data"]) % 512))
        unsigned = "changed" if name != "envelope.json.sig" else None
        yield Case(f"padding-of-{name.split('/')[-1]}", "§1.2", "changed", FRONT, {"outer": pad}, unsigned=unsigned)


def order():
    two = lambda d: d.plan(d.part(volume=4096))
    plus = lambda name, data=b"x": container.member(name, data)
    def add(place, name, knows, data=b"x", step="outer", word="changed", **more):
        lie = {step: where(place, insert(plus(name, data)))}
        tag = f"{name}-before-{place}".replace("/", "-").replace("..", "up").strip("-")
        return Case(f"member-added-{tag}-{step}", "§1.1", word, knows, lie, **more)
    yield Case("volumes-swapped-on-disk", "§1.1", "changed", WALK + "c", {"outer": where(V0, swap)}, plan=two)
    yield Case("volumes-swapped-and-signed", "§1.1", "changed", FRONT, {"body": where(V0, swap)}, plan=two)
    def exchange(v, at):
        return [v[1], v[0], *v[2:]]
    yield Case("volumes-swapped-under-their-names", "§3", "changed", SHOWN, {"volumes": exchange},
               plan=lambda d: d.plan(d.part(volume=2048)))
    yield Case("readme-missing", "§1.1", "not-a-bundle", FRONT, {"outer": lambda v, at: v[1:]}, unsigned="not-a-bundle")
    yield Case("readme-twice", "§1.1", "changed", HEADS, {"outer": lambda v, at: [v[0], *v]})
    yield Case("volume-missing", "§1.1", "changed", HEADS, {"outer": where(V0, lambda v, i: v[:i] + v[i + 1:])},
               plan=two)
    yield Case("volume-twice", "§1.1", "changed", HEADS, {"outer": where(V0, lambda v, i: v[:i] + v[i:i + 1] + v[i:])})
    yield Case("manifest-before-volumes", "§1.1", "changed", FRONT, {"body": where(V0, swap)})
    yield Case("key-missing", "§1.1", "changed", FRONT, {"outer": where(KEY, lambda v, i: v[:i] + v[i + 1:])})
    yield Case("key-twice", "§1.1", "changed", FRONT, {"outer": where(KEY, lambda v, i: v[:i] + v[i:i + 1] + v[i:])})
    yield Case("envelope-before-sums", "§1.1", "changed", FRONT, {"outer": where("B3SUMS", swap)})
    yield add(MANIFEST, "c0/v000001.age", FRONT, step="body")
    yield add(MANIFEST, "c0/v000001.age", HEADS)
    yield add(V0, "../../evil", HEADS)
    yield add(V0, "../../evil", FRONT, step="body")
    yield add(V0, "/etc/evil", HEADS)
    yield add(V0, "c1/v000000.age", FRONT, step="body")
    yield add(KEY, "c0/terms.age", WALK)
    yield add(KEY, "c0/mark.age", WALK)
    yield add("B3SUMS", "c1/key.age", FRONT)
    yield add("B3SUMS", "evil", FRONT)
    yield add("envelope.json", "evil", FRONT)
    yield Case("member-after-signatures", "§1.1", "changed", FRONT, {"outer": lambda v, at: v + [plus("evil")]})
    yield Case("member-name-dot-slash", "§1.1", "changed", WALK + SHOWN, {"outer": edit(V0, head=field(0, b"./" + V0.encode()))})
    yield Case("member-name-upper-case", "§1.1", "changed", WALK + SHOWN, {"outer": edit(V0, head=field(0, b"C0"))})
    yield Case("member-name-after-nul", "§1.2", "changed", FRONT, {"outer": edit(V0, head=field(50, b"evil"))})
    yield Case("volume-number-with-five-digits", "§1.6", "changed", FRONT,
               {"body": edit(V0, name=lambda m: "c0/v00000.age")})


def ends():
    yield Case("bytes-after-the-end", "§1.2", "changed", FRONT, {"trailing": lambda v, at: v + b"x" * 512})
    yield Case("zeros-after-the-end", "§1.2", "changed", FRONT, {"trailing": lambda v, at: v + bytes(512)})
    yield Case("one-byte-after-the-end", "§1.2", "changed", FRONT, {"trailing": lambda v, at: v + b"\0"})
    yield Case("end-zeros-short", "§1.2", "cut-short", FRONT, {"trailing": lambda v, at: v[:512]}, unsigned="cut-short")
    yield Case("end-zeros-with-one-bit", "§1.2", "changed", FRONT, {"trailing": lambda v, at: v[:-1] + b"\1"})
    yield Case("second-archive-after-the-end", "§1.2", "changed", FRONT, {"trailing": lambda v, at: v + container.blocks(
        container.member("evil", b"x")) + v})
    for key in ("tail", "sums", "envelope"):
        for label, f in (("less", lambda n: n - 512), ("more", lambda n: n + 512), ("zero", lambda n: 0),
                         ("odd", lambda n: n + 1), ("beyond", lambda n: 2**52), ("2-63", lambda n: 2**63),
                         ("2-64", lambda n: 2**64)):
            lie = lambda v, at, key=key, f=f: {**v, key: f(v[key])}
            word = "cut-short" if label == "2-64" else "changed"
            yield Case(f"end-{key}-{label}", "§1.3", word, FRONT, {"end": lie}, unsigned=None)
    for label, f in (("with-space", lambda v: v.replace(b",", b", ")), ("with-leading-zero", lambda v: v.replace(
            b":", b":0")), ("without-lf", lambda v: v[:-1]), ("with-another-key", lambda v: v.replace(b"}", b',"x":1}')),
            ("twice", lambda v: v * 2), ("empty", lambda v: b""), ("large", lambda v: v + b" " * 600)):
        lie = lambda v, at, f=f: f(v)
        word = "changed" if label == "large" else "cut-short"
        yield Case(f"end-line-{label}", "§1.3", word, FRONT, {"end_line": lie}, unsigned=None)
    yield Case("cut-in-a-volume", "§1.2", "cut-short", FRONT, {"file": lambda v, at: v[:2048]}, unsigned="cut-short")
    yield Case("cut-in-the-tail", "§1.2", "cut-short", FRONT, {"file": lambda v, at: v[:-3000]}, unsigned="cut-short")
    yield Case("nothing-at-all", "§1.1", "not-a-bundle", FRONT, {"file": lambda v, at: b""}, unsigned="not-a-bundle")
    yield Case("bundle-behind-a-bundle", "§1.2", "changed", FRONT, {"file": lambda v, at: v + v})
    yield Case("bundle-behind-an-archive", "§1.1", "not-a-bundle", FRONT, {
        "file": lambda v, at: container.blocks(container.member("evil", b"x")) + v}, unsigned="not-a-bundle")


def readme():
    first = lambda line: {"readme": lambda v, at: line + v[len(container.FIRST_LINE):]}
    for label, line, word in (
            ("2", b"consign bundle, format 2\n", "newer-format"), ("10", b"consign bundle, format 10\n", "newer-format"),
            ("0", b"consign bundle, format 0\n", "newer-format"), ("01", b"consign bundle, format 01\n", "newer-format"),
            ("of-50-digits", b"consign bundle, format " + b"9" * 50 + b"\n", "newer-format"),
            ("word", b"consign bundle, format x\n", "changed"), ("crlf", b"consign bundle, format 1\r\n", "changed"),
            ("space", b"consign bundle, format 1 \n", "changed"), ("bom", b"\xef\xbb\xbfconsign bundle, format 1\n", None),
            ("upper", b"Consign bundle, format 1\n", None)):
        word = word or "not-a-bundle"
        yield Case(f"readme-format-{label}", "§1.1", word, FRONT, first(line), unsigned=word)
    yield Case("readme-too-large", "§6.3", "too-large", WALK, {"readme": lambda v, at: v.ljust(65537)}, small=False)
    yield Case("readme-of-one-line", "§1.1", "ok", FRONT, first(b"consign bundle, format 1\n"))


def sums():
    own = lambda f: {"sums": lambda v, at: f(v)}
    lines = lambda f: own(lambda v: b"".join(f(v.splitlines(keepends=True))))
    for label, lie in (
            ("line-missing", lines(lambda l: l[:1] + l[2:])), ("line-twice", lines(lambda l: l[:2] + l[1:])),
            ("lines-swapped", lines(lambda l: [l[1], l[0], *l[2:]])), ("no-last-lf", own(lambda v: v[:-1])),
            ("crlf", own(lambda v: v.replace(b"\n", b"\r\n"))), ("one-space", own(lambda v: v.replace(b"  ", b" "))),
            ("star", own(lambda v: v.replace(b"  ", b" *"))), ("upper-case", lines(lambda l: [l[0][:64].upper() + l[0][
                64:], *l[1:]])), ("empty-line", own(lambda v: v + b"\n")), ("comment", own(lambda v: b"# x\n" + v)),
            ("empty", own(lambda v: b"")), ("itself", own(lambda v: v + b"0" * 64 + b"  B3SUMS\n")),
            ("nul", own(lambda v: v + b"\0")), ("bom", own(lambda v: b"\xef\xbb\xbf" + v)),
            ("escaped-name", own(lambda v: b"\\" + v)), ("dot-slash", own(lambda v: v.replace(b"  c", b"  ./c")))):
        yield Case(f"sums-{label}", "§1.1", "changed", FRONT, lie)
    wrong = lambda i: lines(lambda l: [*l[:i], b"0" * 64 + l[i][64:], *l[i + 1:]])
    yield Case("sums-wrong-hash-of-readme", "§6.1", "changed", WALK, wrong(0))
    yield Case("sums-wrong-hash-of-volume", "§6.1", "changed", WALK + "c", wrong(1))
    yield Case("sums-wrong-hash-of-manifest", "§6.1", "changed", HEADS, wrong(2))
    yield Case("sums-wrong-hash-of-key", "§6.1", "changed", FRONT, wrong(3))
    for name in ("blake3", "sha256"):
        def lie(v, at, name=name):
            v["subject"][0]["digest"][name] = "0" * 64
            return v
        yield Case(f"sums-other-{name}", "§2.1", "changed", FRONT, {"statement": lie})
    yield Case("member-data-changed", "§6.1", "changed", WALK + "c",
               {"outer": edit(V0, data=lambda m: m["data"][:-1] + bytes([m["data"][-1] ^ 1]))})
    yield Case("manifest-data-changed", "§6.1", "changed", HEADS,
               {"outer": edit(MANIFEST, data=lambda m: m["data"][:-1] + bytes([m["data"][-1] ^ 1]))})
    yield Case("key-data-changed", "§6.1", "changed", FRONT,
               {"outer": edit(KEY, data=lambda m: m["data"][:-1] + bytes([m["data"][-1] ^ 1]))})
    yield Case("sums-data-changed", "§6.1", "changed", FRONT,
               {"outer": edit("B3SUMS", data=lambda m: (b"1" if m["data"][:1] == b"0" else b"0") + m["data"][1:])})
    yield Case("envelope-data-changed", "§6.1", "bad-signature", FRONT,
               {"outer": edit("envelope.json", data=lambda m: m["data"].replace(b'"P"', b'"Q"'))}, unsigned="changed")


def cards():
    def card(label, make, word="changed", why="§5.4", **more):
        return Case(f"card-{label}", why, word, "iv", plan=lambda d: d.plan(card=make(d)), stranger="untrusted", **more)
    yield card("of-somebody-else", lambda d: d.card(d.second))
    yield card("garbage", lambda d: b"garbage\n")
    yield card("empty", lambda d: b"")
    yield card("with-bom", lambda d: b"\xef\xbb\xbf" + d.card())
    yield card("with-text-after", lambda d: d.card() + b"x\n")
    yield card("with-two-armours", lambda d: d.card() + d.card().split(b"\n", 1)[1])
    yield card("without-armour", lambda d: d.card().split(b"\n", 1)[0] + b"\n")
    yield card("in-crlf", lambda d: d.card().replace(b"\n", b"\r\n"), "ok", "§5.3")
    yield card("newer", lambda d: d.card(consign="card/2"), "newer-format", "§0.4")
    yield card("that-is-a-receipt", lambda d: d.card(consign="receipt/1"))
    yield card("number-0", lambda d: d.card(number=0))
    yield card("without-keys", lambda d: d.card(recipients=[]))
    yield card("with-passphrase", lambda d: d.card(recipients=[{"key": "passphrase", "label": ""}]), "bad-recipient")
    yield card("key-twice", lambda d: d.card(recipients=[{"key": d.third, "label": ""}] * 2))
    yield card("long-label", lambda d: d.card(recipients=[{"key": d.third, "label": "x" * 257}]), "too-large", "§6.3")
    yield card("with-previous-and-one-armour", lambda d: d.card(previous="0" * 64))
    yield card("name-of-no-text", lambda d: d.card(expires=7))
    yield card("changed-after-signing", lambda d: d.card().replace(b'"number":1', b'"number":2'), "bad-signature")
    yield card("as-a-bundle-signed", lambda d: documents.sign(
        d.card().split(b"\n", 1)[0], [d.partner], "consign-bundle-v1"), "bad-signature", "§5.3")
    def huge(d):
        return documents.sign(d.card().split(b"\n", 1)[0][:-1] + b',"x":"' + b"y" * 530_000 + b'"}', [d.partner],
                              documents.NAMESPACES["card"])
    yield Case("card-too-large", "§6.3", "too-large", FRONT, plan=lambda d: d.plan(card=huge(d)), small=False)


def parts():
    """What isn't a bundle at all."""
    for label, data in (("zip", b"PK\3\4" + bytes(3000)), ("zeros", bytes(100_000)), ("text", b"hello\n" * 900),
                        ("age", b"age-encryption.org/v1\n" * 200), ("zstd", b"\x28\xb5\x2f\xfd" + bytes(3000))):
        yield Case(f"not-a-bundle-{label}", "§1.1", "not-a-bundle", FRONT, file=lambda d, data=data: data,
                   small=label not in ("zeros",))


def cases():
    for part in (headers, order, ends, readme, sums, cards, parts):
        yield from part()
