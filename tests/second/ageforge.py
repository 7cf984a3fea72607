"""age files byte by byte, for headers that the stock age never writes. Their MAC is right, unless told otherwise."""

import base64
import hashlib
import hmac
import os

from . import agekeys, curve
from .ageheader import VERSION

CHUNK = 64 * 1024


def hkdf(key, salt, info):
    """RFC 5869 with SHA-256, 32 bytes."""
    inner = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(inner, info + b"\1", "sha256")


def unpadded(data):
    return base64.b64encode(data).rstrip(b"=")


def stanza(kind, args, body):
    """One stanza as the header has it; kind and args are bytes."""
    spelled = unpadded(body)
    lines = [spelled[i:i + 64] for i in range(0, len(spelled), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append(b"")
    return b"-> " + b" ".join([kind, *args]) + b"\n" + b"\n".join(lines) + b"\n"


def x25519_stanza(file_key, recipient):
    ephemeral = os.urandom(32)
    share, to = curve.x25519(ephemeral), agekeys.unbech32(recipient)[1]
    wrap = hkdf(curve.x25519(ephemeral, to), share + to, b"age-encryption.org/v1/X25519")
    return stanza(b"X25519", [unpadded(share)], curve.chacha20poly1305(wrap, bytes(12), file_key))


def scrypt_stanza(file_key, passphrase, factor=18):
    salt = os.urandom(16)
    label = b"age-encryption.org/v1/scrypt" + salt
    wrap = hashlib.scrypt(passphrase, salt=label, n=1 << factor, r=8, p=1, maxmem=1 << 31, dklen=32)
    return stanza(b"scrypt", [unpadded(salt), b"%d" % factor], curve.chacha20poly1305(wrap, bytes(12), file_key))


def grease(kind=b"9x-grease", args=(b"a", b"b"), body=b"nothing"):
    return stanza(kind, args, body)


def payload(file_key, plain):
    """Nonce and chunks: about half a MB a second, so for small contents."""
    nonce = os.urandom(16)
    key = hkdf(file_key, nonce, b"payload")
    chunks = [plain[i:i + CHUNK] for i in range(0, len(plain), CHUNK)] or [b""]
    out = nonce
    for i, chunk in enumerate(chunks):
        last = b"\1" if i == len(chunks) - 1 else b"\0"
        out += curve.chacha20poly1305(key, i.to_bytes(11, "big") + last, chunk)
    return out


def seal(recipients, plain, before=(), after=(), header=None, mac=None, version=VERSION, file_key=None):
    """An age file to X25519 recipients.

    before, after: raw stanzas around the true ones.
    header: called with the raw header up to the `---`, gives what stands in its place; the MAC is of that.
    mac: called with the 43 true characters, gives the raw bytes of the MAC line after `--- `.
    """
    file_key = file_key or os.urandom(16)
    stanzas = [*before, *(x25519_stanza(file_key, r) for r in recipients), *after]
    head = version + b"\n" + b"".join(stanzas)
    if header:
        head = header(head)
    spelled = unpadded(hmac.digest(hkdf(file_key, b"", b"header"), head + b"---", "sha256"))
    if mac:
        spelled = mac(spelled)
    return head + b"--- " + spelled + b"\n" + payload(file_key, plain)
