"""What judging costs: `python bench/judging.py`. Lines per CPU-second with all shipped rules, and that windows cost the same
however long the run and the window are."""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.core.amounts import Amount, Unit
from sentinel.core.engine import Engine
from sentinel.core.functions.needs import InWindow
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, Row, RunInfo
from sentinel.core.run import Run
from sentinel.rulebook import RuleFolder, load_rulebook
from sentinel.rulebook.names_file import load_names

ROOT = Path(__file__).parents[1]
METRICS = ("train.loss", "lr", "grad_norm")


def rows(count: int, wild: bool) -> list[Row]:
    """A loss that falls from 3 to 0.1: its noise is a tenth of it, or as large at the end as at the start."""
    draw = random.Random(1)
    level = [3.0 / (1 + i / 2000) for i in range(count)]
    return [
        Row(
            METRICS,
            (level[i] + draw.gauss(0, 0.05 if wild else 0.1 * level[i]), 1e-3, 1 + draw.random()),
            i,
            None,
            i * 0.5,
            "train.log",
            i,
        )
        for i in range(count)
    ]


def judging(wild: bool, count: int = 50_000) -> None:
    names, _ = load_names([ROOT / "rules" / "names.yml"])
    began = time.process_time()
    book = load_rulebook([RuleFolder(ROOT / "rules", shipped=True)], names)
    loaded = time.process_time() - began
    engine = Engine(book, names)
    engine.feed([Batch("r", (Found(RunInfo("r", "r", "", ""), None),))])
    many = rows(count, wild)
    began = time.process_time()
    for start in range(0, count, 64):
        engine.feed([Batch("r", tuple(many[start : start + 64]))])
    spent = time.process_time() - began
    watched = engine.runs["r"]
    looked, plan = len(watched._looking_at(METRICS)), watched._plan(METRICS)
    print("a loss whose noise is half of it at the end" if wild else "a loss with a tenth of noise")
    print(f"{len(book.rules)} rules loaded in {loaded:.2f} s; {looked} read one of the 3 metrics of a line,")
    print(
        f"{len(plan.bounds)} could say yes and are looked at, {len(plan.awake(watched.run, False))} had to be worked out at the last line"
    )
    print(f"judging alone: {count / spent:,.0f} lines per CPU-second, {spent / count * 1e6:.1f} us a line")


SETTINGS = ((10, False), (10, True), (10_000, False), (10_000, True))  # length of the window, after a long run
CONSTANT = (("sums", "mean"), ("sums", "std"), ("extremes", "low"), ("extremes", "high"), ("fading", "mean"))
ROUNDS, SLICE = 60, 512


class Asked:
    """A series with one window, pushed and asked by turns."""

    def __init__(self, kind: str, method: str, length: int, before: int) -> None:
        run = Run(RunInfo("k", "n", "", ""), Names())
        self.ask = InWindow("x", kind, method, (Amount(length, Unit.READINGS),)).meet(run, "")
        self.series, self.at = run.cell("x"), before
        for i in range(before):
            self.series.push(VALUES[i % 1000], float(i), 0.0, 0.0, 0)
            if not i % 4096:
                self.ask(5)

    def slice(self) -> float:
        """Nanoseconds for one reading and one question."""
        push, ask, start = self.series.push, self.ask, self.at
        began = time.process_time()
        for i in range(start, start + SLICE):
            push(VALUES[i % 1000], float(i), 0.0, 0.0, 0)
            ask(5)
        self.at = start + SLICE
        return (time.process_time() - began) / SLICE * 1e9


_draw = random.Random(2)
VALUES = [_draw.gauss(5, 1) for _ in range(1000)]


def constant(longest: int) -> bool:
    """What a reading costs in short and long windows, early and late: by turns in one run, so that noise cancels."""
    worst = 0.0
    for kind, method in CONSTANT:
        asked = [Asked(kind, method, length, longest if late else 10_000) for length, late in SETTINGS]
        rounds = [[one.slice() for one in asked] for _ in range(ROUNDS)]
        plain = [statistics.median(column) for column in zip(*rounds, strict=True)]
        ratios = [statistics.median(row[k] / row[0] for row in rounds) for k in range(1, 4)]
        worst = max(worst, *ratios)
        print(
            f"{kind}.{method:5} {plain[0]:,.0f} ns a reading; after {longest:,} x{ratios[0]:.2f}, "
            f"window 10,000 x{ratios[1]:.2f}, both x{ratios[2]:.2f}"
        )
    print(f"dearest ratio: x{worst:.2f} (bar: x1.10)")
    return worst <= 1.1


if __name__ == "__main__":
    for wild in (False, True):
        judging(wild)
    constant(int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000)
