"""The public statement (FORMAT §2): its fields, and what it says of the members."""

import hashlib
import re

from . import hashes, limits
from . import strictjson as j
from .breach import limit, need

NAMESPACE = "consign-bundle-v1"
TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:consign:bundle:1"


def is_name(value):
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value) is not None


def check_compartment(c, n):
    what = f"compartment {n} of the envelope"
    numbers = j.shape(offset=j.number, size=j.number, bytes=j.number, lines=j.number, blake3=j.hex64)
    j.fields(c, what, tags=j.several(j.hex32, 1, 128), held=j.boolean, volumes=j.number, volume=j.number,
             stream=j.number, manifest=numbers, terms=j.hex64, entriesRoot=j.hex64)
    need(all(a < b for a, b in zip(c["tags"], c["tags"][1:])), f"{what}: the order of tags")
    need(c["volumes"] >= 1, f"{what}: no volume")
    limit(c["volumes"], limits.VOLUMES, f"{what}: volumes")
    limit(c["volume"], limits.VOLUME, f"{what}: volume")
    for size in ("size", "bytes", "lines"):
        limit(c["manifest"][size], limits.MANIFEST, f"{what}: manifest.{size}")


def read(raw):
    """The predicate, with its fields checked (§2.1)."""
    what = "envelope"
    whole = j.parse(raw, what)
    digests = j.shape(blake3=j.hex64, sha256=j.hex64)
    j.fields(whole, what, _type=j.word(TYPE), predicate=j.shape(), subject=j.several(
        j.shape(name=j.word("B3SUMS"), digest=digests), 1, 1))
    says = whole["predicate"]
    j.fields(says, what, format=j.number, crit=j.several(j.text))
    need(says["format"] == 1, "a newer format", "unsafe")
    need(not says["crit"], "an extension that isn't known here", "unsafe")
    j.fields(whole, what, predicateType=j.word(PREDICATE))
    j.fields(says, what, bundle=j.hex32, name=is_name, kind=j.one_of("drop", "return"), created=j.is_time,
             expires=j.maybe(j.is_time), sender=j.shape(name=j.text), signers=j.several(j.is_fp, 1, 8), tool=j.text,
             inReplyTo=j.maybe(j.hex64), parent=j.maybe(j.hex64), supersedes=j.several(j.hex64),
             compartments=j.several(j.shape(), 1, 64))
    need(len(set(says["signers"])) == len(says["signers"]), "a signer twice")
    need((says["kind"] == "return") == (says["inReplyTo"] is not None), "inReplyTo and kind don't agree")
    for n, c in enumerate(says["compartments"]):
        check_compartment(c, n)
    return {**says, "digest": whole["subject"][0]["digest"]}


def check_sums(raw, digest, members):
    """§6.1 step 5: both digests; names, order and hashes of all members before."""
    need(hashes.H(raw).hex() == digest["blake3"], "B3SUMS isn't the one that was signed")
    need(hashlib.sha256(raw).hexdigest() == digest["sha256"], "B3SUMS has another SHA-256")
    lines = raw.split(b"\n")
    need(lines.pop() == b"", "B3SUMS: the last line")
    found = {}
    for line in lines:
        spelled = re.fullmatch(rb"([0-9a-f]{64})  (\S+)", line)
        need(spelled, "B3SUMS: a line in another spelling")
        found[spelled[2].decode("ascii", "replace")] = spelled[1].decode()
    names = [m["name"] for m in members]
    need(list(found) == names and len(lines) == len(names), "B3SUMS names other members")
    return found


def check_members(says, members):
    """§2.1, last paragraph but one: the members are those that the envelope says."""
    at = {m["name"]: m for m in members}
    count = sum(1 for name in at if name.endswith("/manifest.age"))
    need(count == len(says["compartments"]), "the number of compartments")
    for n, c in enumerate(says["compartments"]):
        volumes = [m for m in members if m["name"].startswith(f"c{n}/v")]
        need(len(volumes) == c["volumes"], f"c{n}: the number of volumes")
        for m in volumes:
            limit(len(m["data"]), limits.volume_member(c["volume"]), f"size of {m['name']}")
        manifest = at[f"c{n}/manifest.age"]
        need(manifest["at"] == c["manifest"]["offset"], f"c{n}: the place of the manifest")
        need(len(manifest["data"]) == c["manifest"]["size"], f"c{n}: the size of the manifest")
        need((f"c{n}/terms.age" in at) == c["held"], f"c{n}: held or not")
