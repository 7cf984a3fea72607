"""The writer: a pipeline of plain steps, at each of which it can be made to lie.

A lie is a function (value, at) -> value under the name of its step; see STEPS. Everything behind the step is made of
the lied value, and signed. So one lie is the only defect of the bundle.
"""

import hashlib
import os
import time
from dataclasses import dataclass, field

from . import agekeys, container, documents, envelope, hashes, manifest, sshsig, strictjson, tarlines, tools, zstdframe

STEPS = """
for each compartment; at.n is its number, at.steps what was made so far:
  entries         list of dicts p (bytes), t, m, data, x, to, ref; s, b3, line, head override what follows from them
  lines           list of entry lines without LF (bytes): only the manifest and entriesRoot see it
  parts           the stream as a list of bytes, one for each entry, then the end
  cuts            plain lengths
  slices          the stream in slices
  frames          one zstd frame for each slice
  identity        AGE-SECRET-KEY-1… of the compartment
  volumes         one age file for each frame
  pairs           [size, plain length] of the v lines
  v_lines         list of raw lines
  line_1          dict
  line_1_raw      bytes
  terms           dict
  terms_line      bytes
  groups          list of lists of lines: each becomes a frame (head first, then those that begin with an o line)
  texts           each frame's plain text
  manifest_frames list of bytes, one zstd frame each
  manifest_plain  the frames joined
  manifest_age    the member
  key_plain       plaintext of key.age, or of terms.age if held
  key_age         the member
  tags            list
  says            compartments[N] of the envelope, but for manifest.offset
for the outer file; at.n is None, at.steps what was made so far, at.made the steps of all compartments:
  readme          bytes
  body            list of dicts name, data, head, pad (container.member): README.txt to the last key
  sums            bytes of B3SUMS
  statement       dict: the whole envelope
  statement_raw   bytes
  signatures      list of armours
  outer           list of members: body, B3SUMS, envelope.json, .sig; not covered by the signatures from here on
  end             dict tail, sums, envelope
  end_line        bytes
  trailing        the final zeros
  file            the whole
"""


@dataclass
class Compartment:
    """What goes into one compartment. Fields in line_1 and terms_fields stand over the made ones."""

    entries: list
    people: list                        # (name, recipient string)
    held: bool = False
    volume: int = 4 * 1024 * 1024
    per_frame: int = 1000
    level: int = 3
    line_1: dict = field(default_factory=dict)
    terms: dict = field(default_factory=dict)


@dataclass
class Plan:
    """A bundle to be made. `signers` are files of private SSH keys; fields in `says` stand over the predicate's."""

    compartments: list
    signers: list
    name: str = "second-0001"
    sender: str = "Second Ltd"
    says: dict = field(default_factory=dict)
    bundle: str = field(default_factory=lambda: os.urandom(16).hex())
    created: str = "2026-11-01T00:00:00Z"
    namespace: str = envelope.NAMESPACE
    card: bytes | None = None


class Lying:
    """Holds the steps; hands each value to the lie of its name, if there is one."""

    def __init__(self, plan, lies, n=None, made=None):
        self.plan, self.lies, self.n, self.made, self.steps = plan, lies, n, made, {}

    def step(self, name, value):
        lie = self.lies.get(name)
        value = lie(value, self) if lie else value
        self.steps[name] = value
        return value


class Bundle:
    """What came out: `file`, the outer `steps`, the steps of each compartment in `made`."""

    def __init__(self, steps, made):
        self.steps, self.made, self.file = steps, made, steps["file"]
        self.ref = hashes.H(steps["statement_raw"]).hex()

    def key_file(self, n, recipients, signer, **lies):
        """Releases compartment n, or lets somebody in (§5.6)."""
        bundle_id = self.steps["statement"]["predicate"]["bundle"]
        plain = self.made[n]["identity_text"]
        return documents.make_key_file(self.ref, bundle_id, n, plain, recipients, signer, **lies)


PUBLIC = {}


def public(key_file):
    if key_file not in PUBLIC:
        PUBLIC[key_file] = tools.ssh_public(key_file)
    return PUBLIC[key_file]


def build(plan, lies=None):
    """A bundle of the plan, with these lies."""
    lies = lies or {}
    made = [inner(plan, n, c, lies) for n, c in enumerate(plan.compartments)]
    return outer(plan, made, lies)


def inner(plan, n, c, lies):
    """All steps of one compartment."""
    at = Lying(plan, lies, n)
    write_stream(at, c)
    write_volumes(at, c)
    write_manifest(at, c)
    write_key(at, c)
    return at.steps


def complete(e):
    """An entry with s and b3, of its data unless they were given."""
    if e["t"] in ("d", "l"):
        return e
    data = e.get("data", b"")
    return {"s": len(data), "b3": hashes.H(data).hex(), **e}


def part(e):
    """What an entry adds to the stream; `head` in it stands for its headers."""
    if e.get("ref"):
        return b""
    head = e["head"] if "head" in e else tarlines.headers(e)
    return head + (b"" if e["t"] in ("d", "l") else tarlines.padded(e.get("data", b"")))


def write_stream(at, c):
    entries = [complete(e) for e in at.step("entries", sorted(c.entries, key=lambda e: e["p"]))]
    at.steps["entries"] = entries
    at.step("lines", [manifest.entry_line(e) for e in entries])
    parts = at.step("parts", [part(e) for e in entries] + [tarlines.END])
    at.steps["stream"] = b"".join(parts)


def write_volumes(at, c):
    stream = at.steps["stream"]
    most = c.volume - c.volume % 512 or 512
    cuts = at.step("cuts", [min(most, len(stream) - i) for i in range(0, len(stream), most)])
    slices, i = [], 0
    for plain in cuts:
        slices.append(stream[i:i + plain])
        i += plain
    slices = at.step("slices", slices)
    frames = at.step("frames", [zstdframe.compress(s, c.level) for s in slices])
    identity = at.step("identity", agekeys.new_identity())
    at.steps["recipient"] = agekeys.recipient_of(identity)
    at.step("volumes", [tools.age_encrypt([at.steps["recipient"]], f) for f in frames])


def write_manifest(at, c):
    steps, plan, fp = at.steps, at.plan, sshsig.fp_of(public(at.plan.signers[0]))
    pairs = at.step("pairs", [[len(v), len(s)] for v, s in zip(steps["volumes"], steps["slices"])])
    v_lines = at.step("v_lines", [manifest.v_line(pairs[i:i + 512]) for i in range(0, len(pairs), 512)])
    files = [e for e in steps["entries"] if e["t"] not in ("d", "l")]
    people = [{"name": name, "key": key, "agreement": None} for name, key in c.people]
    one = at.step("line_1", {
        "consign": "manifest/1", "bundle": plan.bundle, "compartment": at.n, "nonce": os.urandom(32).hex(),
        "challenge": os.urandom(32).hex(), "sender": fp, "recipients": people,
        "content": content(steps["entries"]), "parent": None, "ledger": None, "scope": "all", "purpose": "",
        "files": len(files), "bytes": sum(e["s"] for e in files if isinstance(e["s"], int)), **c.line_1})
    terms = at.step("terms", {
        "consign": "terms/1", "bundle": plan.bundle, "compartment": at.n, "sender": fp,
        "nonce": os.urandom(32).hex(), "title": "", "owner": plan.sender, "licence": "", "agreement": None, "text": "",
        **c.terms})
    head = [at.step("line_1_raw", documents.spell(one)), at.step("terms_line", documents.spell(terms)), *v_lines]
    groups = at.step("groups", [head] + entry_groups(at, c.per_frame))
    texts = at.step("texts", [b"".join(line + b"\n" for line in g) for g in groups])
    made = at.step("manifest_frames", [zstdframe.compress(t, c.level) for t in texts])
    plain = at.step("manifest_plain", b"".join(made))
    at.step("manifest_age", tools.age_encrypt([steps["recipient"]], plain))


def content(entries):
    """The content id, as far as lied entries have one."""
    try:
        return hashes.content_id(entries)
    except (ValueError, TypeError, KeyError):
        return bytes(32).hex()


def entry_groups(at, per_frame):
    """Entry lines by frames, each with its o line first."""
    lines, parts, offset, groups = at.steps["lines"], at.steps["parts"], 0, []
    for i, line in enumerate(lines):
        if i % per_frame == 0:
            groups.append([manifest.o_line(offset)])
        groups[-1].append(line)
        offset += len(parts[i]) if i < len(parts) else 0
    return groups


def write_key(at, c):
    steps = at.steps
    steps["identity_text"] = f"# consign compartment {at.n}\n{steps['identity']}\n".encode()
    plain = at.step("key_plain", steps["terms_line"] if c.held else steps["identity_text"])
    at.step("key_age", tools.age_encrypt([key for _, key in c.people], plain))
    people = [r["key"] for r in steps["line_1"]["recipients"]]
    tags = at.step("tags", hashes.tags(at.plan.bundle, at.n, people))
    at.step("says", {
        "tags": tags, "held": c.held, "volumes": len(steps["volumes"]), "volume": max(p for _, p in steps["pairs"]),
        "stream": len(steps["stream"]),
        "manifest": {"offset": None, "size": len(steps["manifest_age"]), "bytes": len(steps["manifest_plain"]),
                     "lines": sum(len(t) for t in steps["texts"]), "blake3": hashes.H(steps["manifest_plain"]).hex()},
        "terms": hashes.H(steps["terms_line"]).hex(),
        "entriesRoot": hashes.entries_root(steps["line_1"]["nonce"], steps["lines"])})


def outer(plan, made, lies=None):
    """The outer file around compartments that were made here, or taken from a bundle (forward.py)."""
    at = Lying(plan, lies or {}, None, made)
    write_body(at, made)
    write_statement(at, made)
    write_end(at)
    return Bundle(at.steps, made)


def write_body(at, made):
    line = f'sender namespaces="{envelope.NAMESPACE}" {public(at.plan.signers[0])}\n'.encode()
    readme = at.step("readme", container.FIRST_LINE + b"Made by a test, with FORMAT.md as its only source.\n" + line)
    body = [container.member("README.txt", readme)]
    if at.plan.card is not None:
        body.append(container.member("sender.card", at.plan.card))
    for n, steps in enumerate(made):
        body += [container.member(container.volume(n, j), v) for j, v in enumerate(steps["volumes"])]
        body.append(container.member(f"c{n}/manifest.age", steps["manifest_age"]))
    for n, steps in enumerate(made):
        kind = "terms" if steps["says"]["held"] else "key"
        body.append(container.member(f"c{n}/{kind}.age", steps["key_age"]))
    body = at.step("body", body)
    at.step("sums", container.sums(body))


def write_statement(at, made):
    plan, steps = at.plan, at.steps
    places, said = container.offsets(steps["body"]), []
    for n, c in enumerate(made):
        offset = places.get(f"c{n}/manifest.age", 0)
        said.append({**c["says"], "manifest": {**c["says"]["manifest"], "offset": offset}})
    digest = {"blake3": hashes.H(steps["sums"]).hex(), "sha256": hashlib.sha256(steps["sums"]).hexdigest()}
    statement = at.step("statement", {
        "_type": envelope.TYPE, "predicateType": envelope.PREDICATE,
        "subject": [{"name": "B3SUMS", "digest": digest}],
        "predicate": {
            "format": 1, "crit": [], "bundle": plan.bundle, "name": plan.name, "kind": "drop",
            "created": plan.created, "expires": None, "sender": {"name": plan.sender},
            "signers": [sshsig.fp_of(public(s)) for s in plan.signers], "tool": "second 1", "inReplyTo": None,
            "parent": None, "supersedes": [], "compartments": said, **plan.says}})
    raw = at.step("statement_raw", documents.spell(statement))
    at.step("signatures", [tools.ssh_sign(s, plan.namespace, raw) for s in plan.signers])


def write_end(at):
    steps = at.steps
    members = [*steps["body"], container.member("B3SUMS", steps["sums"]),
               container.member("envelope.json", steps["statement_raw"])]
    for k, armour in enumerate(steps["signatures"]):
        members.append(container.member(f"envelope.json.{k}.sig" if k else "envelope.json.sig", armour))
    members = at.step("outer", members)
    places = container.offsets(members)
    tail = places.get("c0/key.age", places.get("c0/terms.age", 0))
    end = at.step("end", {"tail": tail, "sums": places.get("B3SUMS", 0), "envelope": places.get("envelope.json", 0)})
    line = at.step("end_line", container.end_line(end["tail"], end["sums"], end["envelope"]))
    trailing = at.step("trailing", bytes(1024))
    at.step("file", container.join([*members, container.member("end", line)]) + trailing)


def delta(entries, base, bundle, ref, n=0):
    """Entries with their refs against a base, and the `parent` for line 1 (§4.9)."""
    old = {e["p"]: complete(e) for e in base}
    out = []
    for e in map(complete, entries):
        was = old.get(e["p"], {"t": None})
        same = e["t"] == "f" and was["t"] == "f" and (was["s"], was["b3"]) == (e["s"], e["b3"])
        out.append({**e, "ref": 1} if same else e)
    base_id = hashes.content_id(sorted(old.values(), key=lambda e: e["p"]))
    return out, {"bundle": ref, "compartment": n, "content": base_id}


def now():
    """The time of the clock, as §0.3 spells it."""
    return strictjson.spell_time(time.time())
