"""Scores the readers over a corpus: python -m bench.coverage.score CORPUS [--worst N].

Three figures: files that give a counter and a metric, expected readings that are read (`expected.csv`, read by eye
before the parser ran), and the share of invented readings (`judged.csv`, made by `bench.coverage.sample`).
"""

import csv
import sys
from collections import Counter, defaultdict
from math import isnan, sqrt
from pathlib import Path

from sentinel.core.records import Row
from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names

HERE = Path(__file__).parent


class Stamps:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


def the_names():
    names, faults = load_names([HERE.parents[1] / "rules" / "names.yml"])
    assert not faults, faults
    return names


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read(path, names):
    data = path.read_bytes()
    reader = open_reader(path.name, data[:65536], names, Stamps())
    items = []
    for at in range(0, len(data), 1 << 18):
        items += reader.feed(data[at : at + (1 << 18)], None)
    return [item for item in [*items, *reader.finish()] if isinstance(item, Row) and item.names]


def same(a, b):
    return (isnan(a) and isnan(b)) or abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-12)


def hit(want, rows):
    for row in rows:
        if want["line"] and int(want["line"]) != row.line:
            continue
        for name, value in zip(row.names, row.values, strict=True):
            if name == want["name"] and same(value, float(want["value"])):
                step = "" if row.step is None else str(row.step)
                good = want["step"] in ("?", step)
                if good and (not want["epoch"] or (row.epoch is not None and same(row.epoch, float(want["epoch"])))):
                    return True
    return False


class Tally:
    """Good ones of how many, by format and by repository."""

    def __init__(self):
        self.good, self.count = 0, 0
        self.by = {"format": defaultdict(lambda: [0, 0]), "repo": defaultdict(lambda: [0, 0])}

    def add(self, entry, good):
        self.good += good
        self.count += 1
        for what, found in self.by.items():
            found[entry[what]][0] += good
            found[entry[what]][1] += 1

    def show(self):
        for name, (good, count) in sorted(self.by["format"].items()):
            print(f"{name:24} {good:3} of {count:3}")
        for name, (good, count) in sorted(self.by["repo"].items()):
            if good < count:
                print(f"{name:44} {good:3} of {count:3}")
        whole = sum(good == count for good, count in self.by["repo"].values())
        print(f"repositories understood in full: {whole} of {len(self.by['repo'])}")


def coverage(index, read_rows, nothing):
    """The table of files, and those that hold no reading at all by name."""
    tally, metric, strange = Tally(), 0, []
    for number, entry in index.items():
        rows = read_rows[number]
        metric += bool(rows)
        good = any(r.step is not None or r.epoch is not None for r in rows)
        tally.add(entry, good)
        if number in nothing and rows:
            strange.append(number)
        if not good and number not in nothing:
            print(f"{'no step or epoch' if rows else 'nothing'} in {number} {entry['format']}, {entry['framework']}")
    for number, why in nothing.items():
        print(f"holds no reading: {number}, line {why['line']}: {why['reason']}")
    for number in strange:
        print(f"a reading was invented in {number}, which holds none")
    tally.show()
    holding = len(index) - len(nothing)
    print(f"files with a metric: {metric} of {holding} that hold one")
    print(f"files with a counter and a metric: {tally.good} of all {len(index)} = {tally.good / len(index):.1%}")
    print(f"  of the {holding} that hold readings: {tally.good / holding:.1%}")


def expected(index, read_rows, worst):
    missed, right, total, files = [], 0, 0, Counter()
    for want in table(HERE / "expected.csv"):
        rows = read_rows[want["id"]]
        total += 1
        files[want["id"]] += 1
        if hit(want, rows):
            right += 1
        else:
            missed.append((want, [r for r in rows if want["line"] and r.line == int(want["line"])][:1]))
    for want, near in missed[:worst]:
        said = [(r.step, r.epoch, *zip(r.names, r.values, strict=True)) for r in near]
        print("missed", *want.values(), "->", said)
    formats = Counter(index[number]["format"] for number in files)
    thin = [f for f, n in formats.items() if n < min(2, sum(e["format"] == f for e in index.values()))]
    print(
        f"expected readings: {right} of {total} = {right / total:.1%} in {len(files)} files, formats too thin: {thin}"
    )


def wilson(bad, count, z=1.96):
    share, spread = bad / count, z * sqrt(bad * (count - bad) / count**3 + z * z / (4 * count * count))
    middle, scale = share + z * z / (2 * count), 1 + z * z / count
    return max(0.0, (middle - spread) / scale), (middle + spread) / scale


def invented(read_rows):
    """What the eye said of the sampled readings; a judgement counts while the parser still reads just that."""
    path = HERE / "judged.csv"
    judged, seeds = (table(path) if path.exists() else []), defaultdict(Counter)
    there = defaultdict(set)
    for row in judged:
        there[row["id"]].add((row["name"], row["line"]))
    now = defaultdict(list)
    for number, wanted in there.items():
        for read_row in read_rows[number]:
            for name, value in zip(read_row.names, read_row.values, strict=True):
                for line in (str(read_row.line), "0"):  # judged when documents had no lines yet
                    if (name, line) in wanted:
                        step = "" if read_row.step is None else str(read_row.step)
                        now[number, name, line, step].append(value)
    for row in judged:
        found = now[row["id"], row["name"], row["line"], row["step"]]
        still = any(same(value, float(row["value"])) for value in found)
        seeds[row["seed"]][row["verdict"] if still else "gone"] += 1
    for seed, found in seeds.items():
        bad, count = found["invented"], found["invented"] + found["right"]
        low, high = wilson(bad, count)
        print(
            f"invented readings, sample {seed}: {bad} of {count} = {bad / count:.2%} "
            f"(95 %: {low:.2%} to {high:.2%}); {found['gone']} no longer read"
        )


def main(corpus, worst=30):
    names = the_names()
    index = {r["id"]: r for r in table(corpus / "index.csv")}
    read_rows = {number: read(corpus / entry["file"], names) for number, entry in index.items()}
    coverage(index, read_rows, {r["id"]: r for r in table(HERE / "holds-nothing.csv")})
    expected(index, read_rows, worst)
    invented(read_rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[sys.argv.index("--worst") + 1]) if "--worst" in sys.argv else 30)
