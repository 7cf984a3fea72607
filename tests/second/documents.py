"""Documents (FORMAT §5.3): cards and key files, made and checked."""

import json
import re
from base64 import b64encode

from . import ageheader, agekeys, hashes, limits, sshsig, tools
from . import strictjson as j
from .breach import changed, limit, need, unsafe

NAMESPACES = {"card": "consign-card-v1", "key": "consign-key-v1", "receipt": "consign-receipt-v1",
              "revocation": "consign-revocation-v1", "checkpoint": "consign-ledger-v1"}


def right_word(value, expected, what):
    """§0.4: another number behind the expected word is a newer format."""
    if isinstance(value, str) and re.fullmatch(f"{expected}/[0-9]+", value) and value != f"{expected}/1":
        raise unsafe(f"{what}: a newer format")
    need(value == f"{expected}/1", f"{what}: not a {expected}")


def is_recipient(value):
    """§2.3, without `passphrase`."""
    if not isinstance(value, str):
        return False
    if value.startswith("ssh-"):
        return sshsig.is_key_line(value) and value.split(" ")[0] in ("ssh-ed25519", "ssh-rsa")
    if re.fullmatch(r"age1[!-@\[-~]+1[0-9a-z]+", value):
        return True
    return re.fullmatch(r"age1[0-9a-z]{58}", value) is not None and agekeys.is_recipient(value)


class Document:
    """Line 1 and the armours of a document, each of which was checked as a signature."""

    def __init__(self, raw, word, what):
        limit(len(raw), limits.DOCUMENT, what)
        raw = raw.replace(b"\r\n", b"\n")
        line, lf, rest = raw.partition(b"\n")
        need(lf and b"\r" not in line, f"{what}: line 1")
        armours = rest.split(sshsig.FINISH)
        need(armours.pop() == b"" and armours, f"{what}: armours, or something after them")
        self.keys = [sshsig.key_of(a + sshsig.FINISH, NAMESPACES[word], line, what) for a in armours]
        self.id, self.says = hashes.H(line).hex(), j.parse(line, what)
        right_word(self.says.get("consign"), word, what)


def distinct(items, what):
    keys = [item["key"] for item in items]
    need(len(set(keys)) == len(keys), f"{what}: a key twice")


def read_card(raw, what="card"):
    """§5.4: the checked fields of a card."""
    card = Document(raw, "card", what)
    labelled = j.shape(key=j.text, label=j.label)
    says = j.fields(card.says, what, name=j.text, contact=j.text, number=j.number, created=j.is_time,
                    expires=j.maybe(j.is_time), recipients=j.several(labelled), pq=j.several(labelled),
                    signers=j.several(labelled, 1), previous=j.maybe(j.hex64))
    need(says["number"] >= 1, f"{what}: number 0")
    for part in ("recipients", "pq", "signers"):
        distinct(says[part], f"{what}: {part}")
    need(says["recipients"] or says["pq"], f"{what}: no recipient")
    for r in says["recipients"]:
        need(is_recipient(r["key"]) and not r["key"].startswith("age1pq1"), f"{what}: a recipient")
    need(all(is_recipient(r["key"]) and r["key"].startswith("age1pq1") for r in says["pq"]), f"{what}: a pq recipient")
    need(all(sshsig.is_key_line(s["key"]) for s in says["signers"]), f"{what}: a signer")
    need(len(card.keys) == (1 if says["previous"] is None else 2), f"{what}: the number of armours")
    need(hashes.fp(card.keys[0]) == sshsig.fp_of(says["signers"][0]["key"]), f"{what}: signed by another key")
    return says


def read_key_file(raw, ref, signer, bundle, compartments, what="key file"):
    """§5.6: the compartment's number, tags, and the age file."""
    doc = Document(raw, "key", what)
    says = j.fields(doc.says, what, bundle=j.hex64, compartment=j.number, tags=j.several(j.hex32, 1, 128), at=j.is_time,
                    key=j.text)
    need(len(doc.keys) == 1 and hashes.fp(doc.keys[0]) == signer, f"{what}: not by the sender alone")
    need(says["bundle"] == ref, f"{what}: for another bundle")
    need(says["compartment"] < compartments, f"{what}: for no compartment of the bundle")
    need(all(a < b for a, b in zip(says["tags"], says["tags"][1:])), f"{what}: the order of tags")
    key = j.unbase64(says["key"], what)
    ageheader.scan_key(key, what)
    return says["compartment"], says["tags"], key


def spell(value):
    """JSON as this writer spells it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sign(says, key_files, namespace):
    """A whole document of a dict, or of a raw line 1."""
    line = says if isinstance(says, bytes) else spell(says)
    return line + b"\n" + b"".join(tools.ssh_sign(k, namespace, line) for k in key_files)


def make_card(name, contact, to, key_files, number=1, created="2026-01-01T00:00:00Z", **other):
    """`other` overrides any field."""
    kind = "pq" if to and to[0].startswith("age1pq1") else "recipients"
    says = {"consign": "card/1", "name": name, "contact": contact, "number": number, "created": created,
            "expires": None, "recipients": [], "pq": [],
            "signers": [{"key": tools.ssh_public(k), "label": ""} for k in key_files], "previous": None}
    says[kind] = [{"key": r, "label": ""} for r in to]
    return sign({**says, **other}, key_files[:1], NAMESPACES["card"])


def make_key_file(ref, bundle_id, n, identity_text, to, key_file, namespace=None, age_file=None, **other):
    """Lets `to` into compartment n; any field, the age file and the namespace can be lied about."""
    age_file = tools.age_encrypt(to, identity_text) if age_file is None else age_file
    says = {"consign": "key/1", "bundle": ref, "compartment": n, "tags": hashes.tags(bundle_id, n, to),
            "at": "2026-01-01T00:00:00Z", "key": b64encode(age_file).decode(), **other}
    return sign(says, [key_file], namespace or NAMESPACES["key"])
