"""SSH signatures and their armours (FORMAT §8.2), checked by ssh-keygen and, for lies, made by hand."""

import base64
import hashlib
import re

from . import curve, hashes, limits, tools
from .breach import Breach, limit, need

BEGIN, FINISH = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
SIGNS = {
    "ssh-ed25519": {"ssh-ed25519"},
    "ecdsa-sha2-nistp256": {"ecdsa-sha2-nistp256"},
    "ecdsa-sha2-nistp384": {"ecdsa-sha2-nistp384"},
    "ecdsa-sha2-nistp521": {"ecdsa-sha2-nistp521"},
    "ssh-rsa": {"rsa-sha2-512", "rsa-sha2-256"},
    "sk-ssh-ed25519@openssh.com": {"sk-ssh-ed25519@openssh.com"},
    "sk-ecdsa-sha2-nistp256@openssh.com": {"sk-ecdsa-sha2-nistp256@openssh.com"},
}


def string(data):
    return len(data).to_bytes(4, "big") + data


class Parts:
    """Reads `string`s off a blob."""

    def __init__(self, blob, what):
        self.blob, self.at, self.what = blob, 0, what

    def raw(self, count):
        piece = self.blob[self.at:self.at + count]
        need(len(piece) == count, f"{self.what}: cut short")
        self.at += count
        return piece

    def string(self):
        return self.raw(int.from_bytes(self.raw(4), "big"))

    def end(self):
        need(self.at == len(self.blob), f"{self.what}: bytes after the end")


def armour(blob):
    spelled = base64.b64encode(blob)
    lines = [spelled[i:i + 70] for i in range(0, len(spelled), 70)]
    return BEGIN + b"".join(line + b"\n" for line in lines) + FINISH


def unarmour(raw, what):
    """The blob of an armour with its exact bytes."""
    limit(len(raw), limits.ARMOUR, what)
    need(raw.startswith(BEGIN) and raw.endswith(FINISH), f"{what}: no SSH signature")
    lines = raw[len(BEGIN):-len(FINISH)]
    try:
        blob = base64.b64decode(lines)
    except ValueError:
        blob = b""
    need(armour(blob) == raw, f"{what}: an armour in another spelling")
    return blob


def check_key(blob, what):
    """§8.2: the type of the key; RSA has 2048 bits or more."""
    parts = Parts(blob, f"{what}: public key")
    kind = parts.string().decode("ascii", "replace")
    need(kind in SIGNS, f"{what}: a key of type {kind}")
    if kind == "ssh-rsa":
        parts.string()
        need(int.from_bytes(parts.string(), "big").bit_length() >= 2048, f"{what}: a short RSA key")
    return kind


def key_of(raw, namespace, message, what):
    """Checks one armour and gives the blob of the key that made it."""
    parts = Parts(unarmour(raw, what), what)
    need(parts.raw(6) == b"SSHSIG" and parts.raw(4) == b"\0\0\0\1", f"{what}: not SSHSIG version 1")
    key = parts.string()
    need(parts.string() == namespace.encode(), f"{what}: another namespace")
    need(parts.string() == b"", f"{what}: the reserved field is filled")
    need(parts.string() == b"sha512", f"{what}: another hash algorithm")
    signature = parts.string()
    parts.end()
    kind = check_key(key, what)
    inner = Parts(signature, f"{what}: signature")
    need(inner.string().decode("ascii", "replace") in SIGNS[kind], f"{what}: another kind of signature")
    inner.string()
    if kind.startswith("sk-"):
        need(inner.raw(1)[0] & 1, f"{what}: nobody touched the key")
        inner.raw(4)
    inner.end()
    done = tools.ssh_check(raw, namespace, message)
    need(done.returncode == 0, f"{what}: bad signature: {done.stderr.decode(errors='replace').strip()}")
    return key


def blob_of(line):
    """The blob of a `type base64` line."""
    return base64.b64decode(line.split()[1])


def fp_of(line):
    return hashes.fp(blob_of(line))


def is_key_line(value):
    """§5.4: `type base64`, one space, no comment; the blob has that type."""
    words = value.split(" ") if isinstance(value, str) else []
    if len(words) != 2 or not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", words[1]):
        return False
    try:
        blob = base64.b64decode(words[1], validate=True)
    except ValueError:
        return False
    return base64.b64encode(blob).decode() == words[1] and whole(words[0].encode(), blob)


def whole(kind, blob):
    """Whether a key blob has that type, and the parts and length of it as far as they are fixed."""
    parts = Parts(blob, "a public key")
    try:
        need(parts.string() == kind, "another type")
        inside = [parts.string()]
        while parts.at < len(blob):
            inside.append(parts.string())
    except Breach:
        return False
    if kind == b"ssh-ed25519":
        return [len(part) for part in inside] == [32]
    return kind != b"ssh-rsa" or (len(inside) == 2 and int.from_bytes(inside[1], "big").bit_length() >= 2048)


def seed_of(key_file):
    """The 32 secret bytes of an ed25519 key file without a passphrase."""
    with open(key_file, "rb") as f:
        inner = base64.b64decode(b"".join(f.read().splitlines()[1:-1]))
    parts = Parts(inner, key_file)
    need(parts.raw(15) == b"openssh-key-v1\0", "no OpenSSH key", "usage")
    for _ in range(3):
        parts.string()
    parts.raw(4)
    parts.string()
    private = Parts(parts.string(), key_file)
    private.raw(8)
    need(private.string() == b"ssh-ed25519", "not an ed25519 key without a passphrase", "usage")
    private.string()
    return private.string()[:32]


def forge(key_file, namespace, message, version=1, reserved=b"", hash_name="sha512", signed_as=None, after=b"",
          key=None, kind=b"ssh-ed25519"):
    """The blob of a signature by an ed25519 key, with any field lied about; the signature is over the lied fields.

    signed_as: the namespace that is really signed, if another one is to be shown.
    """
    hashed = hashlib.new(hash_name, message).digest()
    over = b"SSHSIG" + string((signed_as or namespace).encode()) + string(reserved)
    over += string(hash_name.encode()) + string(hashed)
    public = key or blob_of(tools.ssh_public(key_file))
    blob = b"SSHSIG" + version.to_bytes(4, "big") + string(public) + string(namespace.encode()) + string(reserved)
    blob += string(hash_name.encode())
    return blob + string(string(kind) + string(curve.ed25519_sign(seed_of(key_file), over))) + after
