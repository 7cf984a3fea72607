"""The reader: every statement of FORMAT that a full reader must check, in the order of §6.1."""

import re
import time

from . import ageheader, agekeys, container, documents, envelope, hashes, limits, sshsig, tarlines, tools, zstdframe
from . import strictjson as j
from .breach import Breach, limit, need
from .manifest import Manifest, read_terms
from .paths import Tree


class Outside:
    """Steps 1 to 5, and the rest of what a reader without a key checks. Nothing is decrypted."""

    def __init__(self, file, signers, now=None):
        self.members = container.split(file)
        self.at = {m["name"]: m for m in self.members}
        raw = self.at["envelope.json"]["data"]
        self.ref = hashes.H(raw).hex()
        armours = [m for m in self.members if m["name"].endswith(".sig")]
        keys = [sshsig.key_of(m["data"], envelope.NAMESPACE, raw, m["name"]) for m in armours]
        fps = [hashes.fp(key) for key in keys]
        self.says = envelope.read(raw)
        need(fps == self.says["signers"], "the signatures aren't by the listed signers, in order")
        self.pinned(fps[0], signers)
        self.in_time(time.time() if now is None else now)
        sums_at = [m["name"] for m in self.members].index("B3SUMS")
        self.summed = self.members[:sums_at]
        self.sums = envelope.check_sums(self.at["B3SUMS"]["data"], self.says["digest"], self.summed)
        envelope.check_members(self.says, self.members)
        container.check_end(self.members)

    def pinned(self, fp, signers):
        """§8.4: `created` is the time at which validity is judged."""
        mine, at = [s for s in signers if s.fp == fp], j.unix_time(self.says["created"])
        need(mine, f"the signer {fp} isn't pinned", "untrusted")
        need(any(s.valid(at) for s in mine), f"the signer {fp} wasn't valid then", "untrusted")

    def in_time(self, now):
        ends = self.says["expires"]
        need(ends is None or now < j.unix_time(ends), f"expired at {ends}", "refused")

    def check_member(self, m):
        need(hashes.H(m["data"]).hex() == self.sums[m["name"]], f"{m['name']} differs from what was signed")

    def scan(self, m):
        name = m["name"]
        if name.endswith(("/key.age", "/terms.age")):
            return ageheader.scan_key(m["data"], name)
        return ageheader.scan_volume(m["data"], name)

    def check_all(self):
        """Every member, every age header, the card."""
        for m in self.summed:
            self.check_member(m)
        kinds = {}
        for m in self.summed:
            if m["name"].endswith(".age"):
                kind = self.scan(m)
                if not isinstance(kind, list):
                    first = kinds.setdefault(m["name"].split("/")[0], kind)
                    need(kind == first, f"{m['name']} is for another kind of key than the rest")
        if "sender.card" in self.at:
            card = documents.read_card(self.at["sender.card"]["data"], "sender.card")
            need(sshsig.fp_of(card["signers"][0]["key"]) == self.says["signers"][0], "the card is another signer's")
        return self


def identity_in(plain, what):
    """§1.4 rule 3: the one identity of a key's plaintext."""
    limit(len(plain), limits.KEY_PLAIN, what)
    need(plain.endswith(b"\n") and b"\r" not in plain, f"{what}: line ends")
    lines = [line for line in plain[:-1].split(b"\n") if not line.startswith(b"#")]
    need(len(lines) == 1 and re.fullmatch(rb"AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]+", lines[0]), f"{what}: no identity file")
    return lines[0].decode()


class Compartment:
    """One compartment that one of the keys opens: its manifest, checked against the envelope."""

    def __init__(self, outside, n, identity, opened_by, named):
        self.outside, self.n, self.says = outside, n, outside.says["compartments"][n]
        self.identity, self.file = identity, tools.SCRAP.file(identity.encode() + b"\n")
        plain = self.decrypt(outside.at[f"c{n}/manifest.age"])
        need(len(plain) == self.says["manifest"]["bytes"], "the size of the manifest's plaintext")
        need(hashes.H(plain).hex() == self.says["manifest"]["blake3"], "the manifest isn't the one that was signed")
        self.manifest = Manifest(plain, self.says)
        self.named(opened_by, named)
        self.members = [m for m in outside.summed if m["name"].startswith(f"c{n}/v")]
        self.manifest.check_volumes(self.says, self.members)
        self.frames = []

    def decrypt(self, member):
        self.outside.check_member(member)
        kind = self.outside.scan(member)
        need((kind == b"X25519") == self.identity.startswith("AGE-SECRET-KEY-1"), "the kind of the compartment's key")
        plain = tools.age_decrypt(self.file, member["data"])
        need(plain is not None, f"{member['name']} isn't for the compartment's key")
        return plain

    def named(self, opened_by, named):
        """§2.5, §1.4 rule 2, §4.4, and the parent of §4.9."""
        one, outer = self.manifest.line_1, self.outside.says
        sender = outer["signers"][0]
        need((one["bundle"], one["compartment"], one["sender"]) == (outer["bundle"], self.n, sender),
             "the manifest is of another bundle, compartment or sender")
        people = [r["key"] for r in one["recipients"]]
        need(hashes.tags(outer["bundle"], self.n, people) == self.says["tags"], "the manifest names other recipients")
        need(len(set(people)) == len(people), "a recipient twice")
        need(opened_by in people or named, "your own key isn't named, though it opens")
        pq = all(p.startswith("age1pq1") for p in people)
        need(pq == self.identity.startswith("AGE-SECRET-KEY-PQ-"), "the kind of the compartment's key")
        read_terms(self.manifest.terms_line, outer["bundle"], self.n, sender, self.says["terms"])
        parent = one["parent"]
        need(parent is None or parent["bundle"] == outer["parent"], "the base is another bundle")

    def stream(self):
        """Step 9: all volumes, each decrypted after its hash was compared; then inflated as one run."""
        for (_, plain), m in zip(self.manifest.pairs, self.members):
            frame = self.decrypt(m)
            zstdframe.one(frame, plain, m["name"])
            self.frames.append(frame)
        whole = tools.zstd_decompress(b"".join(self.frames), self.says["stream"])
        need(len(whole) == self.says["stream"], "the stream has another length")
        return whole

    def tree(self, base=None):
        """Step 10: the entries with their contents; refs get theirs from the base."""
        old, at, stream = self.check_base(base), 0, self.stream()
        for e in self.manifest.entries:
            if e.get("ref"):
                e["data"] = old[e["p"]]["data"] if old is not None else None
                continue
            head = tarlines.headers(e)
            need(stream[at:at + len(head)] == head, f"{e['p']!r} isn't as the manifest says")
            at += len(head)
            if e["t"] == "f":
                e["data"] = stream[at:at + e["s"]]
                need(len(e["data"]) == e["s"] and hashes.H(e["data"]).hex() == e["b3"], f"{e['p']!r} has other contents")
                pad = tarlines.padding(e["s"])
                need(stream[at + e["s"]:at + e["s"] + len(pad)] == pad, f"the padding after {e['p']!r}")
                at += e["s"] + len(pad)
        need(stream[at:] == tarlines.END, "the end of the stream")
        return self.manifest.entries

    def check_base(self, base):
        """§4.9, both directions of `if and only if`."""
        parent = self.manifest.line_1["parent"]
        if parent is None or base is None:
            return None
        for e in base:
            if e["t"] == "f":
                e.update(s=len(e["data"]), b3=hashes.H(e["data"]).hex())
        need(hashes.content_id(base) == parent["content"], "the base has another content", "refused")
        old = {e["p"]: e for e in base}
        for e in self.manifest.entries:
            if e["t"] == "f":
                was = old.get(e["p"], {"t": None})
                same = was["t"] == "f" and (was["s"], was["b3"]) == (e["s"], e["b3"])
                need(same == bool(e.get("ref")), f"{e['p']!r} is a ref, or no ref, against its base")
        return old

    def has_refs(self):
        return any(e.get("ref") for e in self.manifest.entries)

    def possession(self):
        """X of §5.2, once the stream was read."""
        return hashes.possession(self.manifest.line_1["challenge"], self.frames)


def key_member(outside, n, key_files):
    """The age file to try for compartment n, and the tags of the key file if it comes from one; None if held back."""
    own = outside.at.get(f"c{n}/key.age") or outside.at[f"c{n}/terms.age"]
    outside.check_member(own)
    outside.scan(own)
    for number, tags, key in key_files:
        if number == n:
            return key, tags
    return (None, None) if outside.says["compartments"][n]["held"] else (own["data"], None)


def check_held(outside, n, identities):
    """§5.6, opening a held compartment without a key file: whether it was for one of these identities."""
    for identity in identities:
        plain = tools.age_decrypt(identity.path, outside.at[f"c{n}/terms.age"]["data"])
        if plain is not None:
            says = outside.says
            read_terms(plain, says["bundle"], n, says["signers"][0], says["compartments"][n]["terms"])
            return True
    return False


def open_one(outside, n, identities, key_files):
    """Compartment n, or None if no identity opens it."""
    key, tags = key_member(outside, n, key_files)
    if key is None:
        check_held(outside, n, identities)
        return None
    for identity in identities:
        plain = tools.age_decrypt(identity.path, key)
        if plain is not None:
            inner = identity_in(plain, f"the key of c{n}")
            if not inner.startswith("AGE-SECRET-KEY-1"):
                raise Breach("wrong-key", "post-quantum keys (mlkem768x25519) aren't implemented here")
            agekeys.recipient_of(inner)
            named = tags is not None and hashes.tag(outside.says["bundle"], n, identity.recipient) in tags
            return Compartment(outside, n, inner, identity.recipient, named)
    return None


def open_all(outside, identities, key_files=(), compartment=None):
    """Steps 6 to 8 for each compartment that opens."""
    says = outside.says
    read = [documents.read_key_file(raw, outside.ref, says["signers"][0], says["bundle"], len(says["compartments"]))
            for raw in key_files]
    found = []
    for n in range(len(says["compartments"])):
        if compartment in (None, n):
            opened = open_one(outside, n, identities, read)
            found += [opened] if opened else []
    need(found, "no identity here opens it, or its key is held back", "wrong-key")
    return found


def union(trees):
    """§4.10."""
    merged = {}
    for tree in trees:
        for e in tree:
            was = merged.setdefault(e["p"], e)
            same = all(was.get(k) == e.get(k) for k in ("t", "x", "b3", "to"))
            need(same, "several compartments that differ: name one with --compartment", "choose")
    out = [merged[p] for p in sorted(merged)]
    rules = Tree()
    for e in out:
        rules.take(e)
    return out


def verify(file, signers, identities, key_files=(), compartment=None, base=None):
    """As `verify --deep`: each compartment that opens by itself, with no union and, if need be, without a base."""
    opened = open_all(Outside(file, signers).check_all(), identities, key_files, compartment)
    return [c.tree(base) for c in opened], opened


def unpack(file, signers, identities, key_files=(), compartment=None, base=None):
    """All steps but 11: the tree, and the compartments it came from."""
    opened = open_all(Outside(file, signers).check_all(), identities, key_files, compartment)
    if any(c.has_refs() for c in opened):
        need(base is not None, "it holds only changes: name their base with --base", "needs-base")
    return union([c.tree(base) for c in opened]), opened
