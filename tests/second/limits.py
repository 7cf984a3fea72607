"""The numbers of FORMAT §6.3."""

KIB, MIB, GIB = 1024, 1024**2, 1024**3

KEY_MEMBER = 256 * KIB
KEY_STANZAS = 128
KEY_HEADER_LINES = 2048
KEY_PLAIN = 4 * KIB
VOLUME_HEADER = 8 * KIB
SCRYPT_FACTOR = 20
README = 64 * KIB
ARMOUR = 64 * KIB
DOCUMENT = 512 * KIB
ENVELOPE = MIB
SUMS = 128 * MIB
MANIFEST = 4 * GIB
LINE_1 = MIB
TERMS_LINE = 192 * KIB
LINE = 64 * KIB
MANIFEST_FRAME = 4 * MIB
ENTRIES = 10_000_000
VOLUMES = 999_999
VOLUME = 64 * MIB
WINDOW = 8 * MIB
PATH, COMPONENT, DEPTH = 4096, 255, 256
JSON_DEPTH = 32
LABEL = 256
PARTS = 999


def volume_member(plain):
    """The most that the member of a volume of that plain length may take, or the frame of a manifest."""
    return plain + plain // 64 + 64 * KIB
