"""Writes all bundles into a folder, with the victim's key, the partner's line, and an index. With `--small` it writes
what is kept in testdata/hostile: a few of each family, by a partner, without private keys that sign.

A line of the index: file, mode, the word that `unpack` must say, the first letters of inspect, verify, list and cat if
they say it too (and not `ok`), the words of `verify --deep` and of `cat a.txt`, class, section of FORMAT; with tabs
between. Beside a bundle there may be `FILE.key`, a key file to give to the reader.
"""

import collections
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from . import lines, locks, outside, statement, stream
from .case import Desk, bundles


def catalogue():
    found = [case for part in (outside, statement, locks, lines, stream) for case in part.cases()]
    twice = [name for name, n in collections.Counter(case.name for case in found).items() if n > 1]
    if twice:
        raise SystemExit(f"two cases of one name: {twice}")
    return found


def write(case, desk, small):
    rows = []
    for mode, file, word, key_file in bundles(case, desk):
        if small and mode != "partner":
            continue
        name = case.name if small else f"{case.name}.{mode}"
        for suffix, data in ((".consign", file), (".key", key_file)):
            if data is not None:
                with open(f"{desk.folder}/{name}{suffix}", "wb") as f:
                    f.write(data)
        deep, cat = case.deep or word, case.cat or (word if "c" in case.knows else "ok")
        rows.append("\t".join((name, mode, word, case.knows, deep, cat, case.name, case.why)) + "\n")
    return rows


def kept(cases):
    """Of each family (the first word of a name) a few, evenly spread; more of those that people ask about."""
    families = collections.defaultdict(list)
    for case in cases:
        if case.small:
            families[case.name.split("-")[0]].append(case)
    for family, all_ in families.items():
        count = min(len(all_), {"path": 14, "link": 10, "replay": 1}.get(family, 2))
        yield from (all_[i * (len(all_) - 1) // max(count - 1, 1)] for i in range(count))


def some(desk, small, nth, of):
    rows = []
    for i, case in enumerate(kept(catalogue()) if small else catalogue()):
        if i % of == nth:
            try:
                rows.append((i, write(case, desk, small)))
            except Exception as e:
                raise SystemExit(f"{case.name}: {type(e).__name__}: {e}") from e
    return rows


def main():
    folder, small = sys.argv[1], "--small" in sys.argv
    os.makedirs(folder, exist_ok=True)
    desk, workers = Desk(folder), os.cpu_count() or 1
    with ProcessPoolExecutor(workers) as pool:
        done = [pool.submit(some, desk, small, nth, workers) for nth in range(workers)]
        rows = sorted(row for part in done for row in part.result())
    with open(f"{folder}/index", "w", encoding="utf-8") as f:
        f.writelines(line for _, lines_ in rows for line in lines_)
    if small:
        for name in os.listdir(folder):
            if not name.endswith((".consign", ".key", ".signers", "index")) or name == "third.key":
                os.remove(f"{folder}/{name}")


if __name__ == "__main__":
    main()
