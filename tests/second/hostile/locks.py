"""Lies in age files, keys, key files, and in who is named (FORMAT §1.4, §1.5, §2.5, §5.6)."""

import base64

from .. import ageforge, agekeys, container, forward, tools, writer
from .case import FRONT, HEADS, KEYED, SHOWN, WALK, Case, tree


def sealed(**how):
    """A lie on `volumes`, `manifest_age` or `key_age`: the same plaintext, in an age file forged like this."""
    def volumes(v, at):
        return [ageforge.seal([at.steps["recipient"]], f, **how) for f in at.steps["frames"]]
    def manifest_age(v, at):
        return ageforge.seal([at.steps["recipient"]], at.steps["manifest_plain"], **how)
    def key_age(v, at):
        return ageforge.seal([key for _, key in at.plan.compartments[at.n].people], at.steps["key_plain"], **how)
    return {"volumes": volumes, "manifest_age": manifest_age, "key_age": key_age}


KNOWS = {"volumes": WALK + "c", "manifest_age": HEADS, "key_age": HEADS}


def head(f):
    return {"header": f}


def loose(m):
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return m[:-1] + digits[digits.index(m[-1:]) + 1:][:1]


def long_stanza(size):
    return ageforge.stanza(b"x-grease", [b"a"], bytes(size))


def heads():
    lies = [
        ("version-2", {"version": b"age-encryption.org/v2"}, "changed"),
        ("version-with-cr", {"version": b"age-encryption.org/v1\r"}, "changed"),
        ("no-stanza", head(lambda h: h.split(b"\n", 1)[0] + b"\n"), "changed"),
        ("empty-argument", head(lambda h: h.replace(b"-> X25519 ", b"-> X25519  ")), "changed"),
        ("space-after-argument", head(lambda h: h.replace(b"\n", b" \n", 2).replace(b" \n", b"\n", 1)), "changed"),
        ("argument-not-ascii", {"before": [b"-> a-grease \xc3\xa9\n\n"]}, "changed"),
        ("stanza-without-type", {"before": [b"-> \n\n"]}, "changed"),
        ("body-line-of-65", {"before": [b"-> a-grease\n" + b"A" * 65 + b"\n\n"]}, "changed"),
        ("body-without-last-line", {"before": [b"-> a-grease\n" + b"A" * 64 + b"\n"]}, "changed"),
        ("body-padded", {"before": [b"-> a-grease\nAA==\n"]}, "changed"),
        ("body-loose-bits", {"before": [b"-> a-grease\nAB\n"]}, "changed"),
        ("body-of-one-digit", {"before": [b"-> a-grease\nA\n"]}, "changed"),
        ("body-url-alphabet", {"before": [b"-> a-grease\n__\n"]}, "changed"),
        ("mac-wrong", {"mac": lambda m: b"A" * 43}, "changed"),
        ("mac-loose-bits", {"mac": loose}, "changed"),
        ("mac-padded", {"mac": lambda m: m + b"="}, "changed"),
        ("mac-short", {"mac": lambda m: m[:-4]}, "changed"),
        ("crlf", head(lambda h: h.replace(b"\n", b"\r\n")), "changed"),
        ("leading-space", {"version": b" age-encryption.org/v1"}, "changed"),
    ]
    for step in ("volumes", "manifest_age", "key_age"):
        for label, how, word in lies:
            knows = KNOWS[step]
            if label == "mac-wrong":
                knows = {"volumes": SHOWN, "manifest_age": KEYED, "key_age": KEYED}[step]
            yield Case(f"age-{label}-{step.replace('_', '-')}", "§1.5", word, knows, {step: sealed(**how)[step]})
    for step in ("volumes", "manifest_age"):
        tag, knows = step.replace("_", "-"), KNOWS[step]
        both = lambda **how: {step: sealed(**how)[step]}
        yield Case(f"age-grease-twice-{tag}", "§6.3", "too-large", knows, both(before=[ageforge.grease()] * 2))
        yield Case(f"age-grease-once-{tag}", "§1.5", "ok", knows, both(before=[ageforge.grease()]))
        yield Case(f"age-two-recipients-{tag}", "§1.5", "changed", knows, both(
            after=[ageforge.x25519_stanza(bytes(16), agekeys.recipient_of(agekeys.new_identity()))]))
        yield Case(f"age-ssh-stanza-{tag}", "§1.5", "changed", knows, both(
            after=[ageforge.stanza(b"ssh-ed25519", [b"AAAA"], bytes(32))]))
        yield Case(f"age-scrypt-stanza-{tag}", "§1.5", "changed", knows, both(
            after=[ageforge.stanza(b"scrypt", [b"A" * 22, b"40"], bytes(32))]))
        yield Case(f"age-header-of-9-kib-{tag}", "§6.3", "too-large", knows, both(before=[long_stanza(7000)]))
        yield Case(f"age-header-of-96-kib-{tag}", "§6.3", "too-large", HEADS, both(before=[long_stanza(72_000)]),
                   small=False)
        yield Case(f"age-2000-stanzas-{tag}", "§6.3", "too-large", knows, both(
            before=[ageforge.stanza(b"a", [], b"")] * 2000), small=False)
    key = lambda **how: {"key_age": sealed(**how)["key_age"]}
    yield Case("key-129-stanzas", "§6.3", "too-large", HEADS, key(before=[ageforge.stanza(b"a", [b"b"], b"")] * 128))
    yield Case("key-128-stanzas", "§1.5", "ok", HEADS, key(before=[ageforge.stanza(b"a", [b"b"], b"")] * 127))
    yield Case("key-2049-header-lines", "§6.3", "too-large", HEADS, key(before=[long_stanza(48 * 2044)]), small=False)
    yield Case("key-96-kib-in-one-stanza", "§6.3", "too-large", HEADS, key(before=[long_stanza(98_304)]), small=False)
    yield Case("key-100000-stanzas", "§6.3", "too-large", HEADS, key(before=[b"-> a\n\n"] * 40_000), small=False)
    yield Case("key-of-257-kib", "§6.3", "too-large", FRONT, {"key_age": lambda v, at: v + bytes(257 << 10)}, small=False,
               unsigned="too-large")
    yield Case("key-with-scrypt-beside", "§1.5", "changed", HEADS, key(
        after=[ageforge.stanza(b"scrypt", [b"A" * 22, b"18"], bytes(32))]))
    for factor, word in ((b"21", "too-large"), (b"40", "too-large"), (b"9" * 30, "too-large"), (b"018", "changed"), (
            b"0", "changed"), (b"-1", "changed"), (b"+18", "changed")):
        alone = [ageforge.stanza(b"scrypt", [b"A" * 22, factor], bytes(32))]
        forged = head(lambda h, alone=alone: b"age-encryption.org/v1\n" + alone[0])
        yield Case(f"key-scrypt-{factor.decode()}", "§6.3", word, HEADS, key(**forged))
    yield Case("key-armoured", "§1.5", "changed", HEADS, {"key_age": lambda v, at: b"-----BEGIN AGE ENCRYPTED FILE-----\n"
               + base64.encodebytes(v) + b"-----END AGE ENCRYPTED FILE-----\n"})
    yield Case("volume-armoured", "§1.5", "changed", WALK + "c", {"volumes": lambda v, at: [
        b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base64.encodebytes(v[0]) + b"-----END AGE ENCRYPTED FILE-----\n"]})
    for step in ("volumes", "manifest_age", "key_age"):
        tag = step.replace("_", "-")
        knows = {"volumes": SHOWN, "manifest_age": KEYED, "key_age": KEYED}[step]
        each = lambda f: {step: lambda v, at: [f(x) for x in v] if isinstance(v, list) else f(v)}
        yield Case(f"age-bytes-after-{tag}", "§1.5", "changed", knows, each(lambda v: v + b"x"))
        yield Case(f"age-cut-{tag}", "§1.5", "changed", knows, each(lambda v: v[:-1]))
        yield Case(f"age-no-payload-{tag}", "§1.5", "changed", knows, each(lambda v: v[:-20]))
        yield Case(f"age-empty-{tag}", "§1.5", "changed", KNOWS[step], each(lambda v: b""))
        yield Case(f"age-payload-bit-{tag}", "§1.5", "changed", knows, each(lambda v: v[:-1] + bytes([v[-1] ^ 128])))


def keys():
    def plain(label, f, word="changed", **more):
        return Case(f"key-plain-{label}", "§1.4", word, KEYED, {"key_plain": lambda v, at: f(v)}, **more)
    yield plain("crlf", lambda v: v.replace(b"\n", b"\r\n"))
    yield plain("without-last-lf", lambda v: v[:-1])
    yield plain("empty-line", lambda v: v + b"\n")
    yield plain("two-identities", lambda v: v + v)
    yield plain("no-identity", lambda v: b"# nothing\n")
    yield plain("empty", lambda v: b"")
    yield plain("lower-case", lambda v: v.lower())
    yield plain("space-before", lambda v: v.replace(b"AGE-", b" AGE-"))
    yield plain("space-after", lambda v: v[:-1] + b" \n")
    yield plain("wrong-checksum", lambda v: v[:-2] + (b"Q" if v[-2:-1] != b"Q" else b"P") + b"\n")
    yield plain("text", lambda v: b"hello\n")
    yield plain("nul", lambda v: b"#\0\n" + v, "ok")
    yield plain("of-5-kib", lambda v: b"#" * 5000 + b"\n" + v, "too-large")
    yield plain("of-200-kib", lambda v: b"#" * 200_000 + b"\n" + v, "too-large", small=False)
    yield plain("plugin", lambda v: b"AGE-PLUGIN-YUBIKEY-1QQPQQQQQQQQQQQQQ\n")
    yield plain("ssh", lambda v: b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    yield plain("of-another", lambda v: agekeys.new_identity().encode() + b"\n")


def naming():
    def line_1(label, f, word="changed", why="§2.5", **more):
        return Case(f"naming-{label}", why, word, KEYED, {"line_1": f}, **more)
    yield line_1("another-bundle", lambda v, at: {**v, "bundle": "0" * 32})
    yield line_1("another-compartment", lambda v, at: {**v, "compartment": 1})
    yield line_1("another-sender", lambda v, at: {**v, "sender": "SHA256:" + "A" * 43})
    yield Case("naming-recipient-missing", "§2.5", "changed", KEYED, {"tags": lambda v, at: v[:1]},
               plan=lambda d: d.plan(writer.Compartment(tree(), [*d.people(), ("third", d.third)])))
    yield Case("naming-recipient-twice", "§2.5", "changed", KEYED, {"tags": lambda v, at: v[:1]},
               plan=lambda d: d.plan(writer.Compartment(tree(), d.people() * 2)))
    def only_third(v, at):
        return {**v, "recipients": [{"name": "third", "key": "age1" + "q" * 58, "agreement": None}]}
    yield line_1("locked-to-me-but-names-another", lambda v, at: only_third(v, at))
    yield Case("naming-recipient-is-no-recipient", "§2.3", "changed", KEYED, {"line_1": lambda v, at: {
        **v, "recipients": [{"name": "x", "key": "ftp://x", "agreement": None}]}})
    yield Case("naming-recipient-upper-case", "§2.3", "changed", KEYED, {"line_1": lambda v, at: {
        **v, "recipients": [{**v["recipients"][0], "key": v["recipients"][0]["key"].upper()}]}})
    yield Case("not-for-me", "§2.5", "wrong-key", KEYED,
               plan=lambda d: d.plan(writer.Compartment(tree(), [("third", d.third)])))
    yield Case("names-me-but-locked-to-another", "§1.4", "wrong-key", KEYED,
               {"key_age": lambda v, at: tools.age_encrypt([agekeys.recipient_of(agekeys.new_identity())],
                                                           at.steps["key_plain"])})
    yield Case("classical-key-for-post-quantum-people", "§1.4", "changed", KEYED, {"line_1": lambda v, at: {
        **v, "recipients": [{**v["recipients"][0], "key": "age1pq1" + "q" * 58}]}})


def made_over():
    """What a receiver can make of a bundle that it opened."""
    yield Case("signed-anew-by-a-receiver", "§2.5", "changed", KEYED,
               file=resigned)
    yield Case("forwarded-under-the-senders-name", "§2.5", "changed", KEYED,
               file=forwarded)


def resigned(d):
    """A stranger's bundle to the partner; the partner strips the signature and signs it as its own."""
    first = writer.build(writer.Plan([writer.Compartment(tree(), [("third", d.third), *d.people()])], [d.stranger]))
    predicate, made = forward.taken(first.file, [d.identity_file])
    return writer.outer(writer.Plan([], [d.partner], name="hostile-0001", bundle=predicate["bundle"]), made).file


def forwarded(d):
    """A bundle of the partner to a third, which locks its key to the victim. Even with the partner's own signature."""
    first = writer.build(writer.Plan([writer.Compartment(tree(), [("third", d.third)])], [d.partner]))
    other = f"{d.folder}/third.key"
    with open(other, "w", encoding="ascii") as f:
        f.write(d.other + "\n")
    predicate, made = forward.taken(first.file, [other], d.people())
    return writer.outer(writer.Plan([], [d.partner], name="hostile-0001", bundle=predicate["bundle"]), made).file


def splices():
    def splice(name):
        def make(d):
            one, two = (container.loose(writer.build(d.plan()).file) for _ in range(2))
            donor = {m["name"]: m for m in two[0]}
            return container.join([donor[m["name"]] if m["name"] == name else m for m in one[0]]) + one[1]
        return make
    for name, knows, word in (("c0/v000000.age", WALK + "c", "changed"), ("c0/manifest.age", HEADS, "changed"),
                              ("c0/key.age", FRONT, "changed"), ("B3SUMS", FRONT, "changed"),
                              ("envelope.json", FRONT, "bad-signature"), ("envelope.json.sig", FRONT, "bad-signature")):
        yield Case(f"splice-{name.replace('/', '-')}", "§6.1", word, knows, file=splice(name))
    def whole_tail(d):
        one, two = (container.loose(writer.build(d.plan()).file) for _ in range(2))
        cut = [m["name"] for m in one[0]].index("c0/key.age")
        return container.join([*one[0][:cut], *two[0][cut:]]) + one[1]
    yield Case("splice-whole-tail", "§6.1", "changed", WALK + "lc", file=whole_tail)
    def other_volumes(d):
        """The partner signs volumes of one bundle with the manifest of another: a stream nobody can open."""
        one, two = writer.build(d.plan()), writer.build(d.plan())
        steps = {**one.made[0], "volumes": two.made[0]["volumes"]}
        return writer.outer(d.plan(bundle=one.steps["statement"]["predicate"]["bundle"]), [steps]).file
    yield Case("splice-volumes-and-signed", "§1.4", "changed", SHOWN, file=other_volumes)
    yield Case("replay", "§6.5", "ok", FRONT, file=lambda d: writer.build(d.plan()).file)


def key_files():
    held = lambda d: d.plan(d.part(held=True))
    def one(label, make, word="changed", knows=KEYED, **more):
        return Case(f"key-file-{label}", "§5.6", word, knows, plan=held, key_file=make, unsigned=None, **more)
    def lied(**lies):
        return lambda made, d: made.key_file(0, [d.to], d.partner, **lies)
    yield one("good", lied(), "ok")
    yield one("by-a-stranger", lambda made, d: made.key_file(0, [d.to], d.stranger))
    yield one("in-another-namespace", lied(namespace="consign-bundle-v1"), "bad-signature")
    yield one("for-another-bundle", lied(bundle="0" * 64))
    yield one("for-compartment-1", lied(compartment=1))
    yield one("for-compartment-2-53", lied(compartment=2**53 - 1))
    yield one("of-version-2", lied(consign="key/2"), "newer-format")
    yield one("that-is-a-card", lied(consign="card/1"))
    yield one("without-tags", lied(tags=[]))
    yield one("with-unsorted-tags", lied(tags=["f" * 32, "0" * 32]))
    yield one("with-tags-of-another", lied(tags=["0" * 32]))
    yield one("with-bad-base64", lied(key="!"))
    yield one("with-an-identity-of-another", lambda made, d: made.key_file(0, [d.to], d.partner, key=encoded(tools.age_encrypt(
        [d.to], agekeys.new_identity().encode() + b"\n"))))
    yield one("with-garbage-inside", lambda made, d: made.key_file(0, [d.to], d.partner, key=encoded(tools.age_encrypt(
        [d.to], b"garbage\n"))))
    yield one("with-a-header-bomb", lambda made, d: made.key_file(0, [d.to], d.partner, key=encoded(ageforge.seal(
        [d.to], made.made[0]["identity_text"], before=[ageforge.stanza(b"a", [], b"")] * 200))), "too-large")
    yield one("with-no-age-file", lied(key=encoded(b"x")))
    yield one("changed-after-signing", lambda made, d: made.key_file(0, [d.to], d.partner).replace(
        b"2026-01-01", b"2026-01-02"), "bad-signature")
    yield one("with-two-armours", lambda made, d: twice(made.key_file(0, [d.to], d.partner)))
    yield one("with-bytes-after", lambda made, d: made.key_file(0, [d.to], d.partner) + b"x")
    yield one("in-crlf", lambda made, d: made.key_file(0, [d.to], d.partner).replace(b"\n", b"\r\n"), "ok")
    yield one("too-large", lambda made, d: made.key_file(0, [d.to], d.partner, x="y" * 530_000), "too-large", small=False)
    yield Case("held-without-key-file", "§5.6", "held", KEYED, plan=held)
    yield Case("held-with-other-terms", "§5.6", "changed", KEYED, {"key_plain": lambda v, at: v[:-1] + b' }'}, plan=held)
    yield Case("held-with-the-key-as-terms", "§1.4", "changed", KEYED,
               {"key_plain": lambda v, at: at.steps["identity_text"]}, plan=held)
    yield Case("held-with-terms-too-large", "§6.3", "too-large", KEYED, {"terms": lambda v, at: {
        **v, "text": "x" * (193 << 10)}}, plan=held, small=False)


def encoded(key):
    return base64.b64encode(key).decode()


def twice(document):
    line, armour = document.split(b"\n", 1)
    return line + b"\n" + armour * 2


def cases():
    for part in (heads, keys, naming, made_over, splices, key_files):
        yield from part()
