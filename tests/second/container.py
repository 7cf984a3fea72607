"""The outer file (FORMAT §1.1 to §1.3): members, their order, headers, padding, the end."""

import re

from . import limits, tarlines
from .breach import changed, limit, need, unsafe

FIRST_LINE = b"consign bundle, format 1\n"
MEMBER_MOST = 8**11


def header(name, size):
    return tarlines.ustar(name.encode(), b"0", 0o644, size, 0)


def member(name, data, head=None, pad=None):
    """A member as a plain dict. `head` and `pad`, if not None, stand in place of the true bytes."""
    return {"name": name, "data": data, "head": head, "pad": pad}


def blocks(m):
    head = header(m["name"], len(m["data"])) if m["head"] is None else m["head"]
    return head + m["data"] + (tarlines.padding(len(m["data"])) if m["pad"] is None else m["pad"])


def join(members):
    return b"".join(blocks(m) for m in members)


def offsets(members):
    """Name to the offset of its header; of two equal names the first."""
    at, found = 0, {}
    for m in members:
        found.setdefault(m["name"], at)
        at += len(blocks(m))
    found[None] = at
    return found


def volume(n, j):
    return f"c{n}/v{j:06}.age"


def end_line(tail, sums, envelope):
    return b'{"tail":%d,"sums":%d,"envelope":%d}\n' % (tail, sums, envelope)


def sums(members):
    from .hashes import H
    return b"".join(H(m["data"]).hex().encode() + b"  " + m["name"].encode() + b"\n" for m in members)


class Order:
    """Which names may come next (§1.1)."""

    def __init__(self):
        self.next, self.compartments = {"README.txt": limits.README}, 0

    def take(self, name):
        """The size limit of the member, or None if it is out of place."""
        most = self.next.get(name)
        if most is not None:
            self.next = self.after(name)
        return most

    def keys(self, n):
        return {f"c{n}/key.age": limits.KEY_MEMBER, f"c{n}/terms.age": limits.KEY_MEMBER}

    def first_volume(self, n):
        return {volume(n, 0): limits.volume_member(limits.VOLUME)} if n < 64 else {}

    def after(self, name):
        inside = re.fullmatch(r"c(\d+)/(?:v(\d+)|(manifest)|(key|terms))\.age", name)
        if inside:
            return self.after_inner(int(inside[1]), inside[2], inside[3])
        if name == "README.txt":
            return {"sender.card": limits.DOCUMENT, **self.first_volume(0)}
        if name == "sender.card":
            return self.first_volume(0)
        if name == "B3SUMS":
            return {"envelope.json": limits.ENVELOPE}
        if name == "envelope.json":
            return {"envelope.json.sig": limits.ARMOUR}
        if name == "end":
            return {}
        k = int((re.fullmatch(r"envelope\.json\.(\d+)\.sig", name) or [0, 0])[1]) + 1
        return {"end": 512, **({f"envelope.json.{k}.sig": limits.ARMOUR} if k < 8 else {})}

    def after_inner(self, n, j, manifest):
        if j is not None:
            more = {volume(n, int(j) + 1): limits.volume_member(limits.VOLUME)} if int(j) + 1 < limits.VOLUMES else {}
            return {**more, f"c{n}/manifest.age": limits.MANIFEST}
        if manifest:
            self.compartments = n + 1
            return {**self.first_volume(n + 1), **self.keys(0)}
        return self.keys(n + 1) if n + 1 < self.compartments else {"B3SUMS": limits.SUMS}


def check_first_line(file):
    """§1.1: before anything else is looked at."""
    other = re.match(rb"consign bundle, format ([0-9]+)\n", file[512:512 + 128])
    if other and other[1] != b"1":
        raise unsafe("a newer format")
    need(file[512:512 + len(FIRST_LINE)] == FIRST_LINE, "not a consign bundle")


def read_header(head, at):
    need(len(head) == 512, f"cut short at {at}")
    name = head[:100].split(b"\0", 1)[0]
    need(re.fullmatch(rb"[A-Za-z0-9./]+", name) and re.fullmatch(rb"[0-7]{11}\0", head[124:136]), f"the header at {at}")
    name, size = name.decode(), int(head[124:135], 8)
    return name, size


def split(file):
    """The members, in order, with `at` their header's offset; every byte of headers and padding is compared."""
    check_first_line(file)
    order, members, at = Order(), [], 0
    while not members or members[-1]["name"] != "end":
        name, size = read_header(file[at:at + 512], at)
        most = order.take(name)
        if most is None:
            raise changed(f"{name} is out of place")
        need(file[at:at + 512] == header(name, size), f"the header of {name}")
        limit(size, most, f"size of {name}")
        data = file[at + 512:at + 512 + size]
        pad = tarlines.padding(size)
        after = at + 512 + size
        need(len(data) == size and file[after:after + len(pad)] == pad, f"{name} is cut short, or its padding isn't zero")
        members.append({**member(name, data), "at": at})
        at = after + len(pad)
    need(file[at:] == bytes(1024), "what follows the last member")
    return members


def check_end(members):
    """§1.3: the three numbers are true."""
    at = {m["name"]: m["at"] for m in members}
    tail = at.get("c0/key.age", at.get("c0/terms.age"))
    need(members[-1]["data"] == end_line(tail, at["B3SUMS"], at["envelope.json"]), "the offsets in `end`")


def loose(file):
    """The members of any ustar file as dicts that join() puts together again: to damage a bundle after it was made."""
    members, at = [], 0
    while file[at:at + 1] not in (b"\0", b""):
        head, size = file[at:at + 512], int(file[at + 124:at + 135], 8)
        pad = file[at + 512 + size:at + 512 + size + -size % 512]
        members.append(member(head[:100].rstrip(b"\0").decode(), file[at + 512:at + 512 + size], head, pad))
        at += 512 + size + len(pad)
    return members, file[at:]
