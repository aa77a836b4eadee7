"""What judging costs: `python bench/judging.py`. Lines per CPU-second with all shipped rules, and that windows cost the same
however long the run and the window are."""

from __future__ import annotations

import random
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


def rows(count: int) -> list[Row]:
    draw = random.Random(1)
    return [
        Row(
            METRICS,
            (3.0 / (1 + i / 2000) + draw.gauss(0, 0.05), 1e-3, 1 + draw.random()),
            i,
            None,
            i * 0.5,
            "train.log",
            i,
        )
        for i in range(count)
    ]


def judging(count: int = 50_000) -> None:
    names, _ = load_names([ROOT / "rules" / "names.yml"])
    began = time.process_time()
    book = load_rulebook([RuleFolder(ROOT / "rules", shipped=True)], names)
    loaded = time.process_time() - began
    engine = Engine(book, names)
    engine.feed([Batch("r", (Found(RunInfo("r", "r", "", ""), None),))])
    many = rows(count)
    began = time.process_time()
    for start in range(0, count, 64):
        engine.feed([Batch("r", tuple(many[start : start + 64]))])
    spent = time.process_time() - began
    watched = engine.runs["r"]
    looked = len(watched._looking_at(METRICS))
    print(f"{len(book.rules)} rules loaded in {loaded:.2f} s; {looked} looked at per line of 3 metrics")
    print(f"judging alone: {count / spent:,.0f} lines per CPU-second, {spent / count * 1e6:.1f} us a line")


def cost(kind: str, method: str, length: int, before: int, count: int = 20_000) -> float:
    """Nanoseconds for one reading and one question, after so many readings."""
    run = Run(RunInfo("k", "n", "", ""), Names())
    ask = InWindow("x", kind, method, (Amount(length, Unit.READINGS),)).meet(run, "")
    series = run.cell("x")
    draw = random.Random(2)
    values = [draw.gauss(5, 1) for _ in range(1000)]
    for i in range(before):
        series.push(values[i % 1000], float(i), 0.0, 0.0, 0)
    ask(5)
    best = 1e9
    for _ in range(5):
        began = time.process_time()
        for i in range(count):
            series.push(values[i % 1000], float(i), 0.0, 0.0, 0)
            ask(5)
        best = min(best, (time.process_time() - began) / count * 1e9)
    return best


def constant(longest: int) -> None:
    for kind, method in (
        ("sums", "mean"),
        ("sums", "sum"),
        ("extremes", "low"),
        ("extremes", "high"),
        ("fading", "mean"),
    ):
        figures = {
            (length, before): cost(kind, method, length, before)
            for length in (10, 10_000)
            for before in (10_000, longest)
        }
        shown = "  ".join(
            f"window {length:,} after {before:,}: {ns:,.0f} ns" for (length, before), ns in figures.items()
        )
        print(f"{method:5} {shown}  spread {max(figures.values()) / min(figures.values()) - 1:.0%}")


if __name__ == "__main__":
    judging()
    constant(int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000)
