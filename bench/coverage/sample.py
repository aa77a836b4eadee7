"""Draws readings for the eye to judge: python -m bench.coverage.sample CORPUS --seed N [--count 600] > TABLE.

Every format family gives its part and within it every file, so that no long file drowns the others. The table holds
the line beside each reading and stays out of the repository; what goes into `judged.csv` is the verdict alone.
"""

import argparse
import csv
import random
import sys
from collections import defaultdict
from pathlib import Path

from bench.coverage.score import read, table, the_names


def readings(corpus, entry, names):
    for row in read(corpus / entry["file"], names):
        for name, value in zip(row.names, row.values, strict=True):
            yield row, name, value


def draw(corpus, seed, count):
    """At most `count` readings: the same number of every format, and within it of every file, at random."""
    rng, names, by_format = random.Random(seed), the_names(), defaultdict(list)
    for entry in table(corpus / "index.csv"):
        found = list(readings(corpus, entry, names))
        if found:
            by_format[entry["format"]].append((entry, found))
    quota = dict.fromkeys(by_format, 0)
    places = {f: len(files) * 12 for f, files in by_format.items()}
    while sum(quota.values()) < count and any(quota[f] < places[f] for f in quota):
        for name in quota:
            if quota[name] < places[name] and sum(quota.values()) < count:
                quota[name] += 1
    for name, files in by_format.items():
        rng.shuffle(files)
        for at in range(quota[name]):
            entry, found = files[at % len(files)]
            yield entry, *rng.choice(found)


def lines_of(path):
    text = path.read_bytes().replace(b"\0", b"").decode("utf-8", "replace")
    return text.split("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=600)
    args = parser.parse_args()
    out, lines = csv.writer(sys.stdout), {}
    out.writerow(["id", "line", "name", "value", "step", "epoch", "header", "text"])
    for entry, row, name, value in draw(args.corpus, args.seed, args.count):
        if entry["id"] not in lines:
            lines[entry["id"]] = lines_of(args.corpus / entry["file"])
        whole = lines[entry["id"]]
        text = row.text or (whole[row.line - 1] if 0 < row.line <= len(whole) else "")
        out.writerow([entry["id"], row.line, name, repr(value), row.step, row.epoch, whole[0][:3000], text[:3000]])


if __name__ == "__main__":
    main()
