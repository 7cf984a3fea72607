"""The worked examples of FORMAT.md, computed anew: each value must stand on the page."""

import base64
import hashlib

from . import hashes, manifest, paths, sshsig, strictjson, tarlines
from .breach import Breach, need

TIME = 1767225600
TREE = [
    {"p": b"a.txt", "t": "f", "data": b"hello\n", "m": TIME},
    {"p": b"bin", "t": "d", "m": TIME},
    {"p": "bin/é.sh".encode(), "t": "f", "data": b"#!/bin/sh\n", "m": TIME, "x": 1},
    {"p": b"latest", "t": "l", "to": "bin/é.sh".encode(), "m": TIME},
]
NONCE = bytes(range(32)).hex()
CHALLENGE = bytes(range(0x20, 0x40)).hex()
RECIPIENT = "age155fvreeezgmxlzxjzndnpx6dgy5ne46p93cf06c2wefl8tq6n5yq05v5z3"


def appendix_a():
    from .writer import complete, part
    entries = [complete(e) for e in TREE]
    lines = [manifest.entry_line(e) for e in entries]
    stream = b"".join(map(part, entries)) + tarlines.END
    leaves = hashes.leaves(NONCE, lines)
    need(len(stream) == 6144, "the length of the stream")
    yield from (line.decode() for line in lines)
    yield from (h.hex() for h in leaves)
    yield from (hashes.H(stream).hex(), hashes.H(tarlines.headers(entries[0])).hex(), hashes.content_id(entries))
    yield from (hashes.D("consign 1 entry salt", bytes.fromhex(NONCE)).hex(),
                hashes.K(hashes.D("consign 1 entry salt", bytes.fromhex(NONCE)), hashes.u64(0)).hex())
    yield from (hashes.root(leaves[:2]).hex(), hashes.root(leaves[:3]).hex(), hashes.root(leaves).hex())
    yield from (hashes.entries_root(NONCE, lines[:n]) for n in (0, 3, 4))


def tags():
    bundle = bytes(range(16)).hex()
    yield hashes.tag(bundle, 0, "passphrase")
    yield from (hashes.tag(bundle, n, RECIPIENT) for n in (0, 1))


def possession():
    key = sshsig.string(b"ssh-ed25519") + sshsig.string(bytes(range(32)))
    x, ref = hashes.possession(CHALLENGE, [b"frame zero", b"frame one"]), hashes.H(b"{}").hex()
    yield from ("ssh-ed25519 " + base64.b64encode(key).decode(), hashes.fp(key), x.hex(), ref)
    yield hashes.proof(x, ref, hashes.fp(key))
    s = int.from_bytes(hashlib.scrypt(key, salt=b"consign check words 1", n=1 << 15, r=8, p=1, maxmem=1 << 26, dklen=32))
    yield ", ".join(str(s >> 256 - 11 * (j + 1) & 2047) for j in range(6))


def spellings():
    yield manifest.spell(b'q"\\\n\xc3\xa9').decode()
    yield manifest.v_line([[4109326, 4194304], [812, 2048]]).decode()
    for key, value in ((b"path", "bin/é.sh"), (b"linkpath", "bin/é.sh"), (b"size", "8589934592")):
        yield tarlines.record(key, value.encode()).decode().rstrip("\n")
    need(len(tarlines.record(b"path", bytes(90))) == 99 and len(tarlines.record(b"path", bytes(91))) == 101, "LEN")


def terms():
    yield manifest.terms_id({"title": "T", "owner": "Northwind Ltd", "licence": "LicenseRef-N", "class": "confidential",
                             "agreement": "NDA-1", "text": "Not yours to share.\n"})


def refused(check, *args):
    try:
        check(*args)
    except Breach as e:
        return e.word == "unsafe"
    return False


def names():
    """The examples of §3.7 and §3.8, which are no values."""
    for name in (".GIT", ".git. .", ".git::$INDEX_ALLOCATION", "GIT~1", ".g\u200cit", ".Con\u017fign"):
        need(refused(paths.check_path, name.encode()), f"{name!r} passes")
    for link, target in ((b"l", b"../x"), (b"a/l", b"b/../c"), (b"l", b"/etc/x"), (b"l", b"C:/x")):
        need(refused(paths.check_link, link, target), f"{target!r} passes")
    for link, target in ((b"a/b/l", b"../../x"), (b"a/l", b".././/x/"), (b"l", b".")):
        paths.check_link(link, target)
    need(strictjson.unix_time("2026-01-01T00:00:00Z") == TIME, "the time")
    return iter(())


def check(page):
    """The number of values, all of which stand on the page."""
    count = 0
    for part in (appendix_a, tags, possession, spellings, terms, names):
        for value in part():
            need(value in page, f"{part.__name__}: FORMAT.md has no {value}")
            count += 1
    return count
