"""One class of attack, and how it becomes bundles: signed by a partner, by a stranger, and not at all."""

import zlib
from dataclasses import dataclass, field
from typing import Callable

from .. import agekeys, documents, sshsig, tools, writer

# Who notices, besides `verify --deep` and `unpack`, which notice everything: inspect, verify, list, cat.
FRONT, WALK, HEADS, KEYED, LISTED, SHOWN, DEEP = "ivlc", "v", "vlc", "lc", "l", "c", ""


@dataclass
class Case:
    """`word` is the reader's answer to a partner's bundle; `knows` are the first letters of the readers that notice."""

    name: str
    why: str
    word: str
    knows: str
    lies: dict = field(default_factory=dict)
    stranger: str | None = None         # None: untrusted, unless what is public tells already
    unsigned: str | None = "changed"    # None: there is no such bundle, as the attack is in the signature
    plan: Callable | None = None        # of a Desk
    file: Callable | None = None        # of a Desk, in place of plan and lies: the whole file
    key_file: Callable | None = None    # of the made bundle and a Desk
    deep: str | None = None             # what `verify --deep` says, if not `word`
    cat: str | None = None              # what `cat a.txt` says, if not `word`
    small: bool = True                  # fit for testdata


class Desk:
    """The keys of all parties: the victim who reads, the partner it trusts, a stranger, and somebody else."""

    def __init__(self, folder):
        self.folder = folder
        self.victim, self.other = agekeys.new_identity(), agekeys.new_identity()
        self.to, self.third = agekeys.recipient_of(self.victim), agekeys.recipient_of(self.other)
        self.partner, self.second, self.stranger = (f"{folder}/{who}" for who in ("partner", "second", "stranger"))
        for key in (self.partner, self.second, self.stranger):
            tools.ssh_new(key)
        self.identity_file = f"{folder}/victim.key"
        with open(self.identity_file, "w", encoding="ascii") as f:
            f.write(self.victim + "\n")
        with open(f"{folder}/partner.signers", "w", encoding="ascii") as f:
            f.write(tools.ssh_public(self.partner) + "\n")

    def people(self):
        return [("victim", self.to)]

    def part(self, entries=None, **more):
        return writer.Compartment(tree() if entries is None else entries, self.people(), **more)

    def plan(self, *parts, signers=None, **more):
        return writer.Plan(list(parts) or [self.part()], signers or [self.partner], name="hostile-0001", sender="P",
                           **more)

    def card(self, key=None, **other):
        return documents.make_card("P", "", [self.third], [key or self.partner], **other)


def file(path, data=b"x", **more):
    return {"p": path if isinstance(path, bytes) else path.encode(), "t": "f", "data": data, "m": 1, **more}


def folder(path, **more):
    return {"p": path if isinstance(path, bytes) else path.encode(), "t": "d", "m": 1, **more}


def link(path, to, **more):
    to = to if isinstance(to, bytes) else to.encode()
    return {"p": path if isinstance(path, bytes) else path.encode(), "t": "l", "to": to, "m": 1, **more}


def tree():
    """The good tree in which each lie is the only one."""
    return [file("a.txt", b"hello\n"), folder("d"), file("d/b.txt", b"world\n"), file("d/run", b"#!\n", x=1),
            link("l", "d/b.txt")]


def bundles(case, desk):
    """(mode, file, word, key file or None) of a case."""
    if case.file:
        yield "partner", case.file(desk), case.word, None
        return
    plan = case.plan(desk) if case.plan else desk.plan()
    made = writer.build(plan, case.lies)
    yield "partner", made.file, case.word, case.key_file(made, desk) if case.key_file else None
    if case.unsigned:
        bare = writer.outer(plan, made.made, {**case.lies, "signatures": lambda v, at: []})
        yield "unsigned", bare.file, case.unsigned, None
    public = "i" in case.knows and case.word != "ok"
    # A reader that meets a stranger stops there, and works out six check words, which takes long: a quarter will do.
    if not public and zlib.crc32(case.name.encode()) % 4:
        return
    strange = writer.Plan(**{**vars(plan), "signers": [desk.stranger, *plan.signers[1:]]})
    lies = {k: v for k, v in case.lies.items() if k in OUTER}
    word = case.stranger or (case.word if public else "untrusted")
    yield "stranger", writer.outer(strange, made.made, lies).file, word, None


OUTER = {"readme", "body", "sums", "statement", "statement_raw", "signatures", "outer", "end", "end_line", "trailing",
         "file"}


def forge(desk_key, **lies):
    """A lie on `signatures`: the first one by hand."""
    def sign(v, at):
        raw = at.steps["statement_raw"]
        key = desk_key(at)
        return [sshsig.armour(sshsig.forge(key, lies.pop("namespace", at.plan.namespace), raw, **lies)), *v[1:]]
    return sign
