"""Breaches and their classes (FORMAT §0.4). The class is the exit code of the program."""

CODES = {
    "failed": 1, "usage": 2, "needs-base": 2, "choose": 2, "changed": 3, "wrong-key": 4, "untrusted": 5,
    "refused": 6, "record": 8, "needs-a-person": 9, "unsafe": 10,
}


class Breach(Exception):
    """Something on the page does not hold. `word` is a key of CODES."""

    def __init__(self, word, what):
        super().__init__(what)
        self.word, self.code, self.what = word, CODES[word], what


def changed(what):
    return Breach("changed", what)


def unsafe(what):
    return Breach("unsafe", what)


def need(holds, what, word="changed"):
    """Raises the breach unless the statement holds."""
    if not holds:
        raise Breach(word, what)


def limit(number, most, what):
    """§6.3: a limit passed is unsafe."""
    need(number <= most, f"{what}: {number}, more than {most}", "unsafe")
