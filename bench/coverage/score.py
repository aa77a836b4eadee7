"""Scores the readers against `expected.csv`: python -m bench.coverage.score CORPUS [--worst N]."""

import csv
import sys
from collections import defaultdict
from math import isnan
from pathlib import Path

from sentinel.core.records import Row
from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names

HERE = Path(__file__).parent


class Stamps:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


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


def main(corpus, worst=30):
    names, faults = load_names([HERE.parents[1] / "rules" / "names.yml"])
    assert not faults, faults
    index = {r["id"]: r for r in csv.DictReader((corpus / "index.csv").open())}
    wanted = defaultdict(list)
    for row in csv.DictReader((HERE / "expected.csv").open()):
        wanted[row["id"]].append(row)
    per_repository, metrics = defaultdict(lambda: [0, 0]), 0
    covered, per_format, missed, right, total = 0, defaultdict(lambda: [0, 0]), [], 0, 0
    for number, entry in index.items():
        rows = read(corpus / entry["file"], names)
        good = bool(rows) and any(r.step is not None or r.epoch is not None for r in rows)
        covered += good
        metrics += bool(rows)
        per_repository[entry["repo"]][0] += good
        per_repository[entry["repo"]][1] += 1
        per_format[entry["format"]][0] += good
        per_format[entry["format"]][1] += 1
        if not good:
            print("nothing in", number, entry["format"], entry["framework"])
        for want in wanted.get(number, ()):
            total += 1
            ok = hit(want, rows)
            right += ok
            if not ok:
                near = [r for r in rows if want["line"] and r.line == int(want["line"])][:1]
                missed.append((want, near))
    for name, (good, count) in sorted(per_format.items()):
        print(f"{name:24} {good:3} of {count:3}")
    for name, (good, count) in sorted(per_repository.items()):
        if good < count:
            print(f"{name:44} {good:3} of {count:3}")
    whole = sum(good == count for good, count in per_repository.values())
    print(f"repositories understood in full: {whole} of {len(per_repository)}; files with a metric: {metrics}")
    for want, near in missed[:worst]:
        print(
            "missed", *want.values(), "->", [(r.step, r.epoch, *zip(r.names, r.values, strict=True)) for r in near][:1]
        )
    print(f"files with a counter and a metric: {covered} of {len(index)} = {covered / len(index):.1%}")
    print(f"expected readings: {right} of {total} = {right / total:.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
