"""Lies in the envelope and its signatures (FORMAT §0.3, §2, §8.2)."""

from .. import sshsig, tools
from .case import DEEP, FRONT, KEYED, Case, forge


def says(**fields):
    return {"statement": lambda v, at: {**v, "predicate": {**v["predicate"], **fields}}}


def inner(f):
    """The first compartment in the envelope, changed by f."""
    def lie(v, at):
        f(v["predicate"]["compartments"][0])
        return v
    return {"statement": lie}


def part(**fields):
    return inner(lambda c: c.update(fields))


def manifest(**fields):
    return inner(lambda c: c["manifest"].update(fields))


def raw(f):
    return {"statement_raw": lambda v, at: f(v)}


def extra(text):
    """The envelope with one more field, whose JSON is given."""
    return raw(lambda v: v[:-1] + b',"x":' + text + b"}")


def nested(depth, open_="[", close="]"):
    return (open_ * depth + close * depth).encode()


SPELLINGS = {
    "bom": raw(lambda v: b"\xef\xbb\xbf" + v), "bytes-after": raw(lambda v: v + b"x"), "nul-after": raw(
        lambda v: v + b"\0"), "two-objects": raw(lambda v: v + v), "array": raw(lambda v: b"[" + v + b"]"),
    "empty": raw(lambda v: b""), "null": raw(lambda v: b"null"), "cut": raw(lambda v: v[:-1]),
    "key-twice": raw(lambda v: v.replace(b'"kind"', b'"kind":"drop","kind"')),
    "key-twice-escaped": raw(lambda v: v.replace(b'"kind"', b'"\\u006bind":"return","kind"')),
    "key-twice-in-an-unknown-field": extra(b'{"a":1,"a":1}'),
    "key-twice-at-the-top": extra(b'1,"x":2'),
    "negative": extra(b"-1"), "negative-zero": extra(b"-0"), "fraction": extra(b"1.0"), "exponent": extra(b"1e0"),
    "2-53": extra(b"9007199254740992"), "number-of-10000-digits": extra(b"1" * 10_000), "leading-zero": extra(b"01"),
    "nan": extra(b"NaN"), "plus": extra(b"+1"), "hexadecimal": extra(b"0x1"), "single-quotes": extra(b"'x'"),
    "comment": extra(b"1/**/"), "trailing-comma": extra(b"[1,]"), "lone-surrogate": extra(b'"\\ud800"'),
    "lone-surrogate-in-a-key": extra(b'{"\\udfff":1}'), "not-utf8": extra(b'"\xff"'), "overlong-utf8": extra(
        b'"\xc0\xaf"'), "surrogate-in-utf8": extra(b'"\xed\xa0\x80"'), "raw-control": extra(b'"\n"'),
    "wrong-escape": extra(b'"\\x41"'), "vertical-tab": extra(b"\x0b1"), "no-break-space": extra(b"\xc2\xa01"),
    "capital-true": extra(b"True"),
}


def spelling():
    for label, lie in SPELLINGS.items():
        yield Case(f"json-{label}", "§0.3", "changed", FRONT, lie)
    yield Case("json-33-deep", "§6.3", "too-large", FRONT, extra(nested(32)))
    yield Case("json-32-deep", "§0.3", "ok", FRONT, extra(nested(31)))
    yield Case("json-100000-deep", "§6.3", "too-large", FRONT, extra(nested(100_000)), small=False)
    yield Case("json-100000-objects-deep", "§6.3", "too-large", FRONT, extra(b'{"":' * 100_000 + b"1" + b"}" * 100_000),
               small=False)
    yield Case("json-of-half-a-document-deep", "§0.3", "changed", FRONT, raw(lambda v: b"[" * 100_000), small=False)
    yield Case("json-unknown-field", "§0.3", "ok", FRONT, extra(b'{"a":[null,true]}'))
    yield Case("json-white-space", "§0.3", "ok", FRONT, raw(lambda v: b" \r\n\t" + v + b"\n"))
    yield Case("json-too-large", "§6.3", "too-large", FRONT, extra(b'"' + b"y" * (1 << 20) + b'"'), small=False,
               unsigned="too-large")
    yield Case("json-1-mib-of-numbers", "§0.3", "ok", FRONT, extra(b"[" + b"1," * 500_000 + b"1]"), small=False)
    yield Case("json-1-mib-of-keys", "§0.3", "ok", FRONT, extra(
        b"{" + b",".join(b'"%x":1' % i for i in range(95_000)) + b"}"), small=False)


PREDICATE = ("format", "crit", "bundle", "name", "kind", "created", "expires", "sender", "signers", "tool", "inReplyTo",
             "parent", "supersedes", "compartments")
PART = ("tags", "held", "volumes", "volume", "stream", "manifest", "terms", "entriesRoot")
PLACE = ("offset", "size", "bytes", "lines", "blake3")


def drop(*path):
    def lie(v, at):
        where = v
        for step in path[:-1]:
            where = where[step]
        del where[path[-1]]
        return v
    return {"statement": lie}


def put(value, *path):
    def lie(v, at):
        where = v
        for step in path[:-1]:
            where = where[step]
        where[path[-1]] = value
        return v
    return {"statement": lie}


def shapes():
    """Each field absent, null, and of another type."""
    inner_path = ("predicate", "compartments", 0)
    paths = [("_type",), ("predicateType",), ("subject",), ("predicate",), ("subject", 0, "name"), ("subject", 0, "digest"),
             *(("predicate", p) for p in PREDICATE), ("predicate", "sender", "name"), *((*inner_path, p) for p in PART),
             *((*inner_path, "manifest", p) for p in PLACE)]
    nullable = {"expires", "inReplyTo", "parent"}
    for path in paths:
        name = "-".join(str(p) for p in path if p not in (0, "predicate") or len(path) == 1).replace("_", "")
        yield Case(f"field-absent-{name}", "§2.1", "changed", FRONT, drop(*path))
        if path[-1] not in nullable:
            yield Case(f"field-null-{name}", "§2.1", "changed", FRONT, put(None, *path))
        yield Case(f"field-of-another-type-{name}", "§2.1", "changed", FRONT, put({"x": [1]}, *path))


def values():
    def one(label, lie, word="changed", knows=FRONT, why="§2.1", **more):
        return Case(f"envelope-{label}", why, word, knows, lie, **more)
    yield one("format-2", says(format=2), "newer-format")
    yield one("format-0", says(format=0), "newer-format")
    yield one("crit-unknown", says(crit=["x"]), "newer-format")
    yield one("type-of-another-version", {"statement": lambda v, at: {**v, "_type": v["_type"] + "1"}})
    yield one("predicate-type-2", {"statement": lambda v, at: {**v, "predicateType": "urn:consign:bundle:2"}})
    yield one("bundle-upper-case", {"statement": lambda v, at: {**v, "predicate": {
        **v["predicate"], "bundle": "ABCDEF" + v["predicate"]["bundle"][6:]}}})
    yield one("bundle-of-31-digits", says(bundle="0" * 31))
    for label, name in (("up", "../x"), ("absolute", "/x"), ("dot", ".x"), ("empty", ""), ("of-65", "x" * 65), (
            "with-lf", "x\n"), ("with-escape", "x\x1b[2J"), ("backslash", "a\\b"), ("with-nul", "a\0"), ("not-ascii", "é")):
        yield one(f"name-{label}", says(name=name))
    yield one("kind-other", says(kind="gift"))
    for label, time in (("that-never-was", "2026-02-30T00:00:00Z"), ("leap-second", "2026-06-30T23:59:60Z"), (
            "fraction", "2026-01-01T00:00:00.0Z"), ("zone", "2026-01-01T00:00:00+00:00"), ("small-z", "2026-01-01T00:00:00z"),
            ("blank", "2026-01-01 00:00:00Z"), ("year-10000", "10000-01-01T00:00:00Z"), ("hour-24", "2026-01-01T24:00:00Z")):
        yield one(f"time-{label}", says(created=time), why="§0.3")
    yield one("expired", says(expires="2026-11-02T00:00:00Z"), "expired", "vlc", "§6.5")
    yield one("signers-none", says(signers=[]))
    yield one("signers-9", says(signers=["SHA256:" + "A" * 42 + c for c in "AEIMQUYcg"]))
    yield one("signer-is-another", says(signers=["SHA256:" + "A" * 43]))
    yield one("signer-with-loose-bits", {"statement": lambda v, at: {**v, "predicate": {**v["predicate"], "signers": [
        v["predicate"]["signers"][0][:-1] + "B"]}}})
    yield one("signer-md5", says(signers=["MD5:00"]))
    yield one("drop-with-in-reply-to", says(inReplyTo="0" * 64))
    yield one("return-without", says(kind="return"))
    yield one("parent-short", says(parent="0" * 63))
    yield one("supersedes-text", says(supersedes=["x"]))
    yield one("no-compartments", says(compartments=[]))
    yield one("65-compartments", {"statement": lambda v, at: {**v, "predicate": {**v["predicate"], "compartments": v[
        "predicate"]["compartments"] * 65}}})
    yield one("another-compartment", {"statement": lambda v, at: {**v, "predicate": {**v["predicate"], "compartments": v[
        "predicate"]["compartments"] * 2}}})
    yield one("no-tags", part(tags=[]))
    yield one("129-tags", part(tags=[f"{i:032x}" for i in range(129)]))
    yield one("tag-twice", inner(lambda c: c.update(tags=c["tags"] * 2)))
    yield one("tags-unsorted", part(tags=["f" * 32, "0" * 32]))
    yield one("tag-upper-case", inner(lambda c: c.update(tags=["ABCDEF" + c["tags"][0][6:]])))
    yield one("tag-of-another", part(tags=["0" * 32]), knows=KEYED, why="§2.5")
    yield one("one-tag-too-many", inner(lambda c: c.update(tags=sorted([*c["tags"], "0" * 32]))), knows=KEYED, why="§2.5")
    yield one("held-as-text", part(held="true"))
    yield one("held-with-a-key", part(held=True))
    for label, count, word in (("0", 0, "changed"), ("2", 2, "changed"), ("a-million", 10**6, "too-large"), (
            "2-53", 2**53 - 1, "too-large"), ("999999", 999_999, "changed")):
        yield one(f"volumes-{label}", part(volumes=count), word)
    for label, size, word, knows in (
            ("0", 0, "changed", FRONT), ("smaller", 512, "changed", FRONT), ("odd", 1, "changed", FRONT), (
                "64-mib", 64 << 20, "changed", FRONT), ("beyond-64-mib", (64 << 20) + 1, "changed", FRONT), (
                "2-53", 2**53 - 1, "changed", FRONT)):
        yield one(f"volume-{label}", part(volume=size), word, knows)
    for label, size in (("0", 0), ("longer", 10240), ("2-53", 2**53 - 1)):
        yield one(f"stream-{label}", part(stream=size))
    for label, f, word in (("0", lambda n: 0, "changed"), ("less", lambda n: n - 512, "changed"), (
            "beyond", lambda n: 2**52, "changed"), ("odd", lambda n: n + 1, "changed")):
        yield one(f"manifest-offset-{label}", inner(lambda c, f=f: c["manifest"].update(offset=f(c["manifest"]["offset"]))),
                  word, "vlc")
    for field in ("size", "bytes", "lines"):
        knows = "vlc" if field == "size" else KEYED
        for label, f in (("less", lambda n: n - 1), ("more", lambda n: n + 1), ("0", lambda n: 0)):
            lie = inner(lambda c, field=field, f=f: c["manifest"].update({field: f(c["manifest"][field])}))
            early = FRONT if label == "0" and field != "size" else knows
            early = "l" if (label, field) == ("more", "lines") else early
            yield one(f"manifest-{field}-{label}", lie, knows=early)
        yield one(f"manifest-{field}-4-gib", manifest(**{field: 4 << 30}), knows="l" if field == "lines" else knows)
        yield one(f"manifest-{field}-beyond-4-gib", manifest(**{field: (4 << 30) + 1}), "too-large")
        yield one(f"manifest-{field}-2-53", manifest(**{field: 2**53 - 1}), "too-large")
    yield one("manifest-blake3-another", manifest(blake3="0" * 64), knows=KEYED)
    yield one("terms-another", part(terms="0" * 64), knows=KEYED)
    yield one("entries-root-another", part(entriesRoot="0" * 64), knows=DEEP, why="§5.1")
    yield one("subject-twice", {"statement": lambda v, at: {**v, "subject": v["subject"] * 2}})
    yield one("subject-none", {"statement": lambda v, at: {**v, "subject": []}})
    yield one("subject-of-another-name", {"statement": lambda v, at: {**v, "subject": [{**v["subject"][0], "name": "b3sums"}]}})


def signatures():
    def one(label, lie, word="bad-signature", why="§8.2", **more):
        return Case(f"signature-{label}", why, word, FRONT, {"signatures": lie}, unsigned=None, **more)
    key = lambda at: at.plan.signers[0]
    yield Case("signature-in-the-namespace-of-files", "§8.2", "bad-signature", FRONT, unsigned=None,
               plan=lambda d: d.plan(namespace="file"))
    yield Case("signature-in-the-namespace-of-cards", "§8.2", "bad-signature", FRONT, unsigned=None,
               plan=lambda d: d.plan(namespace="consign-card-v1"))
    yield one("shows-another-namespace-than-it-signs", forge(key, signed_as="file"))
    yield one("of-other-bytes", lambda v, at: [tools.ssh_sign(key(at), at.plan.namespace, b"other")])
    yield one("version-0", forge(key, version=0))
    yield one("version-2", forge(key, version=2))
    yield one("reserved-filled", forge(key, reserved=b"x"))
    yield one("sha256", forge(key, hash_name="sha256"))
    yield one("bytes-after", forge(key, after=b"x"))
    yield one("kind-of-another-key", forge(key, kind=b"ssh-rsa"))
    yield one("zero-key", forge(key, key=sshsig.string(b"ssh-ed25519") + sshsig.string(bytes(32))))
    yield one("short-key", forge(key, key=sshsig.string(b"ssh-ed25519") + sshsig.string(bytes(31))))
    yield one("unknown-key-type", forge(key, key=sshsig.string(b"ssh-dss") + sshsig.string(bytes(32))))
    yield one("crlf", lambda v, at: [v[0].replace(b"\n", b"\r\n")])
    yield one("lines-of-76", lambda v, at: [rewrapped(v[0], 76)])
    yield one("in-one-line", lambda v, at: [rewrapped(v[0], 100_000)])
    yield one("without-last-lf", lambda v, at: [v[0][:-1]])
    yield one("with-text-before", lambda v, at: [b"x\n" + v[0]])
    yield one("with-text-after", lambda v, at: [v[0] + b"x\n"])
    yield one("twice-in-one-member", lambda v, at: [v[0] + v[0]])
    yield one("with-loose-bits", lambda v, at: [loose(v[0])])
    yield one("empty", lambda v, at: [b""])
    yield one("that-is-pgp", lambda v, at: [v[0].replace(b"SSH", b"PGP")])
    yield one("too-large", lambda v, at: [v[0] + b"x" * 65_536], "too-large", "§6.3", small=False)
    yield one("64-kib-of-base64", lambda v, at: [sshsig.armour(b"SSHSIG" + bytes(47_000))], small=False)
    yield one("length-of-4-gib", lambda v, at: [sshsig.armour(b"SSHSIG\0\0\0\1\xff\xff\xff\xff" + bytes(60))])
    both = lambda d: d.plan(signers=[d.partner, d.second])
    yield one("of-the-second-missing", lambda v, at: v[:1], "changed", "§2.2", plan=both)
    yield one("of-the-second-twice", lambda v, at: [v[0], v[0]], "changed", "§2.2", plan=both)
    yield one("order-swapped", lambda v, at: v[::-1], "changed", "§2.2", plan=both)
    yield one("one-more-than-listed", lambda v, at: v * 2, "changed", "§2.2")
    yield one("nine", lambda v, at: v * 9, "too-large", "§2.2")
    yield Case("signer-listed-twice", "§2.1", "changed", FRONT, unsigned=None, stranger="untrusted",
               plan=lambda d: d.plan(signers=[d.partner, d.partner]))
    yield one("of-the-second-bad", lambda v, at: [v[0], tools.ssh_sign(at.plan.signers[1], at.plan.namespace, b"x")],
              plan=both, why="§2.2")


def rewrapped(armour, width):
    lines = armour.split(b"\n")
    body = b"".join(lines[1:-2])
    return b"\n".join([lines[0], *(body[i:i + width] for i in range(0, len(body), width)), *lines[-2:]])


def loose(armour):
    """Unused bits of the last base64 digit set, where there are some."""
    lines = armour.split(b"\n")
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = lines[-3].rstrip(b"=")
    pad = len(lines[-3]) - len(body)
    if not pad:
        return armour.replace(lines[-3], lines[-3] + b"=")
    lines[-3] = body[:-1] + digits[digits.index(body[-1:]) + 1:][:1] + b"=" * pad
    return b"\n".join(lines)


def cases():
    for part_ in (spelling, shapes, values, signatures):
        yield from part_()
