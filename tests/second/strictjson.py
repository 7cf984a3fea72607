"""JSON under the rules of FORMAT §0.3, and the text forms of values."""

import base64
import json
import re
import time

from . import limits
from .breach import changed, limit, need

STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)


def depth(raw):
    """How deep the brackets nest, outside strings."""
    now = most = 0
    for byte in STRING.sub(b'""', raw):
        if byte in b"{[":
            now += 1
            most = max(most, now)
        elif byte in b"}]":
            now -= 1
    return most


def whole_number(digits):
    need(digits.isascii() and digits.isdigit() and len(digits) < 17, f"a number spelled {digits[:20]}")
    need(int(digits) < 2**53, "a number above 2^53-1")
    return int(digits)


def no_number(spelled):
    raise changed(f"a number spelled {spelled[:20]}")


def once_each(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key twice in one object")
    return dict(pairs)


def all_text(value):
    """§0.3: no half of a surrogate pair in any string or key."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, list):
        for inner in value:
            all_text(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            all_text(key)
            all_text(inner)


def parse(raw, what):
    """One object, or a breach."""
    limit(depth(raw), limits.JSON_DEPTH, f"{what}: JSON nesting")
    try:
        text = raw.decode("utf-8", "strict")
        need(not text.startswith("\ufeff"), f"{what}: a byte order mark")
        value = json.loads(text, object_pairs_hook=once_each, parse_int=whole_number, parse_float=no_number,
                           parse_constant=no_number)
        all_text(value)
    except (ValueError, RecursionError) as e:
        raise changed(f"{what}: no JSON under §0.3: {e}") from e
    need(isinstance(value, dict), f"{what}: not an object")
    return value


# Types of fields. Each takes a value and says whether the value has the type.

def text(value):
    return isinstance(value, str)


def number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def boolean(value):
    return isinstance(value, bool)


def hexes(count):
    shape = re.compile(f"[0-9a-f]{{{count}}}")
    return lambda value: isinstance(value, str) and shape.fullmatch(value) is not None


hex64, hex32, hex16 = hexes(64), hexes(32), hexes(16)


def unix_time(value):
    """Seconds since 1970, or None if that is no time of §0.3."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", value):
        return None
    year, month, day, hour, minute, second = (int(n) for n in re.findall("[0-9]+", value))
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second < 60):
        return None
    february = 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    days = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    if not 1 <= day <= days:
        return None
    years = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = 365 * years + years // 4 - years // 100 + years // 400 + of_year - 719468
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def is_time(value):
    return unix_time(value) is not None


def spell_time(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def unbase64(value, what):
    """§0.3: standard alphabet, padded, no white space, unused bits zero."""
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError as e:
        raise changed(f"{what}: no base64") from e
    spelled = base64.b64encode(raw)
    need(spelled == (value.encode() if isinstance(value, str) else value), f"{what}: base64 in another spelling")
    return raw


def is_fp(value):
    if not isinstance(value, str) or not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", value):
        return False
    return base64.b64encode(base64.b64decode(value[7:] + "=")).decode() == value[7:] + "="


def label(value):
    if isinstance(value, str):
        limit(len(value.encode()), limits.LABEL, "a label")
    return isinstance(value, str)


def word(exact):
    return lambda value: value == exact


def one_of(*words):
    return lambda value: isinstance(value, str) and value in words


def maybe(kind):
    return lambda value: value is None or kind(value)


def several(kind, least=0, most=None):
    def check(value):
        if not isinstance(value, list) or len(value) < least or (most is not None and len(value) > most):
            return False
        return all(kind(inner) for inner in value)
    return check


def shape(**types):
    """An object with at least these fields. `from_` and the like can be written with a final underscore."""
    def check(value):
        return isinstance(value, dict) and all(k in value and kind(value[k]) for k, kind in types.items())
    return check


def fields(value, what, **types):
    """Breaks off, naming the field, unless all are there with their types."""
    for key, kind in types.items():
        need(key in value, f"{what}: no field {key}")
        need(kind(value[key]), f"{what}: field {key} breaks its rule")
    return value
