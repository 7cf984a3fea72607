"""age X25519 keys: their strings (Bech32) and files of them."""

import os

from . import curve
from .breach import Breach, changed

CHARS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> i & 1:
                check ^= generator
    return check


def expand(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def bech32(prefix, data):
    bits = int.from_bytes(data, "big") << -len(data) * 8 % 5
    count = (len(data) * 8 + 4) // 5
    five = [bits >> 5 * (count - 1 - i) & 31 for i in range(count)]
    check = polymod(expand(prefix) + five + [0] * 6) ^ 1
    return prefix + "1" + "".join(CHARS[v] for v in five + [check >> 5 * (5 - i) & 31 for i in range(6)])


def unbech32(spelled):
    """Prefix and 32 bytes."""
    prefix, _, rest = spelled.lower().rpartition("1")
    if not prefix or len(rest) != 58 or any(c not in CHARS for c in rest):
        raise changed("no age key of 32 bytes")
    five = [CHARS.index(c) for c in rest]
    if polymod(expand(prefix) + five) != 1:
        raise changed("an age key with a wrong checksum")
    bits = 0
    for v in five[:-6]:
        bits = bits << 5 | v
    return prefix, (bits >> 4).to_bytes(32, "big")


def is_recipient(spelled):
    """Whether it is an X25519 recipient, in lower case."""
    try:
        return unbech32(spelled)[0] == "age" and spelled == spelled.lower()
    except Breach:
        return False


def new_identity(seed=None):
    """`AGE-SECRET-KEY-1…` of 32 random bytes, or of those given."""
    return bech32("age-secret-key-", seed or os.urandom(32)).upper()


def recipient_of(identity):
    prefix, scalar = unbech32(identity)
    if prefix != "age-secret-key-":
        raise changed(f"no X25519 identity: {prefix}")
    return bech32("age", curve.x25519(scalar))
