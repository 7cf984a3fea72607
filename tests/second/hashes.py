"""The hashes of FORMAT: H, K, D, and what is built of them (§2.3, §4.8, §5.1, §5.2)."""

import base64
import hashlib

from blake3 import blake3


def H(m):
    return blake3(m).digest()


def K(key, m):
    return blake3(m, key=key).digest()


def D(context, m):
    return blake3(m, derive_key_context=context).digest()


def u64(n):
    return n.to_bytes(8, "little")


def fp(blob):
    """§0.3: the fingerprint of a public key blob."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def tag(bundle, n, recipient):
    """§2.3; `bundle` is 32 hex."""
    return D("consign 1 recipient tag", bytes.fromhex(bundle) + u64(n) + recipient.encode())[:16].hex()


def tags(bundle, n, recipients):
    return sorted(tag(bundle, n, r) for r in recipients)


def content_id(entries):
    """§4.8, of entry dicts with `p`, `t`, and `b3` or `to`."""
    whole = blake3()
    for e in entries:
        digest = bytes(32)
        if e["t"] == "f":
            digest = bytes.fromhex(e["b3"])
        elif e["t"] == "l":
            digest = H(e["to"])
        whole.update(e["t"].encode() + (b"1" if e["t"] == "f" and e.get("x") else b"0") + digest + e["p"] + b"\0")
    return whole.digest().hex()


def split(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def root(leaves):
    """The tree of RFC 6962 over leaf hashes."""
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return H(b"\x01" + root(leaves[:k]) + root(leaves[k:]))


def leaves(nonce, lines):
    key = D("consign 1 entry salt", bytes.fromhex(nonce))
    return [H(b"\0" + K(key, u64(i)) + line) for i, line in enumerate(lines)]


def entries_root(nonce, lines):
    """§5.1; lines without their LF."""
    return H(b"\x02" + u64(len(lines)) + root(leaves(nonce, lines))).hex()


def possession(challenge, frames):
    """X of §5.2."""
    c = bytes.fromhex(challenge)
    return K(c, b"".join(K(c, frame) for frame in frames))


def proof(x, ref, signer):
    """§5.2: what a receipt by the key of that fp says of a compartment."""
    return K(x, b"consign 1 receipt" + bytes.fromhex(ref) + base64.b64decode(signer[7:] + "=")).hex()
