"""Who is trusted, and which keys open: files of identities, files of signers."""

import calendar
import fnmatch
import re
import time

from . import agekeys, documents, sshsig, tools
from .breach import Breach
from .envelope import NAMESPACE


class Identity:
    """One identity: a file that age takes, and its own recipient string (None if it doesn't tell)."""

    def __init__(self, path, recipient):
        self.path, self.recipient = path, recipient


def identities(path):
    """Each identity of a file by itself, so that it is known which one opened."""
    with open(path, "rb") as f:
        raw = f.read()
    if b"PRIVATE KEY-----" in raw:
        return [Identity(path, tools.ssh_public(path))]
    found = []
    for line in raw.decode("utf-8", "replace").splitlines():
        if line.startswith("AGE-SECRET-KEY-1"):
            found.append(Identity(tools.SCRAP.file(line.encode() + b"\n"), agekeys.recipient_of(line)))
        elif line.startswith("AGE-SECRET-KEY-PQ-1"):
            raise Breach("wrong-key", "post-quantum keys (mlkem768x25519) aren't implemented here")
        elif line and not line.startswith("#"):
            raise Breach("usage", f"{path}: no identity file")
    return found


def local_time(spelled):
    """The times of allowed_signers: digits, with a Z for UTC."""
    zone = time.gmtime if spelled.endswith("Z") else time.localtime
    digits = spelled.rstrip("Z")
    shape = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[len(digits)]
    parsed = time.strptime(digits, shape)
    return calendar.timegm(parsed) if zone is time.gmtime else time.mktime(parsed)


class Signer:
    """A pinned key: its fp, and what its line says of namespaces and times."""

    def __init__(self, line, options=""):
        self.fp, self.options = sshsig.fp_of(line), options

    def option(self, name):
        found = re.search(rf'{name}="([^"]*)"', self.options)
        return found and found[1]

    def valid(self, at):
        spaces, since, until = self.option("namespaces"), self.option("valid-after"), self.option("valid-before")
        if spaces and not any(fnmatch.fnmatchcase(NAMESPACE, s) for s in spaces.split(",")):
            return False
        return not (since and at < local_time(since)) and not (until and at >= local_time(until))


def signers(path):
    """A card, SSH public keys, or lines of an allowed_signers file."""
    with open(path, "rb") as f:
        raw = f.read()
    if raw.startswith(b"{"):
        return [Signer(s["key"]) for s in documents.read_card(raw, path)["signers"]]
    found = []
    for line in raw.decode().splitlines():
        key = re.search(r"(?:^|\s)((?:ssh|ecdsa|sk)-[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+)", line)
        if key and not line.startswith("#"):
            found.append(Signer(key[1], line[:key.start(1)]))
    return found
