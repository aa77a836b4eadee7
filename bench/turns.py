"""What a line costs when many runs write by turns, as they do under load: `python bench/turns.py [RUNS ...]`.

Each run is fed one line at a time through a real engine with all shipped rules. Printed are CPU microseconds a line: in one
go, and with a pause before every 40 lines as the daemon makes, after which what a run holds is no longer near the processor.
With `--parts` also the memory of a run and where the time went by Python's own profiler (it makes small functions look dear).
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import random
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, Row, RunInfo
from sentinel.core.rule import Rulebook
from sentinel.rulebook import RuleFolder, load_rulebook
from sentinel.rulebook.names_file import load_names

ROOT = Path(__file__).parents[1]
METRICS = ("train.loss", "lr", "grad_norm")
PER_SECOND = 10
WARM, MEASURED = 300, 8_000  # lines of each run before, and of all runs while it is measured
TURN, PAUSE = 40, 0.02  # lines that the daemon reads at once with 2,000 a second, and how long it pauses before them


class Turns:
    """Some runs that write one line each by turns."""

    def __init__(self, book: Rulebook, names: Names, runs: int, noise: float) -> None:
        """`noise` is a share of the loss: 0 is the calm curve of `bench/load`."""
        self.engine = Engine(book, names)
        self.keys = [f"load:/data/runs/live-{number:03}" for number in range(runs)]
        self.noise, self.step, self.draw = noise, 0, random.Random(1)
        for key in self.keys:
            self.engine.feed([Batch(key, (Found(RunInfo(key, key, "", "load"), None),))])

    def batches(self, rounds: int) -> list[Batch]:
        """What comes in so many rounds: in each of them one line of every run."""
        return [self._line(key) for _ in range(rounds) if self._next() for key in self.keys]

    def _next(self) -> int:
        self.step += 1
        return self.step

    def _line(self, key: str) -> Batch:
        loss = (2.0 + 1.0 / self.step) * (1.0 + self.draw.gauss(0, 1) * self.noise)
        grad = 1.1 + self.noise * self.draw.random()
        text = f"step={self.step} loss={loss:.5f} lr=1e-4 grad_norm={grad:.1f}"
        at = 1e9 + self.step / PER_SECOND
        return Batch(key, (Row(METRICS, (loss, 1e-4, grad), self.step, None, at, "train.log", self.step, text),))

    def feed(self, batches: list[Batch], pause: float = 0.0) -> float:
        """Each line is a batch of its own, and after some of them time goes on, as the daemon does it; the CPU seconds."""
        spent = 0.0
        for first in range(0, len(batches), TURN):
            time.sleep(pause)
            began = time.process_time()
            for batch in batches[first : first + TURN]:
                self.engine.feed([batch])
            self.engine.tick(1e9 + self.step / PER_SECOND)
            spent += time.process_time() - began
        return spent


def measure(book: Rulebook, names: Names, runs: int, noise: float, parts: bool) -> None:
    """Print what a line costs with so many runs."""
    if parts:
        tracemalloc.start()
    turns = Turns(book, names, runs, noise)
    for _ in range(WARM):
        turns.feed(turns.batches(1))
    if parts:
        print(f"{tracemalloc.get_traced_memory()[0] / runs / 1024:.0f} KiB a run")
        tracemalloc.stop()
    gc.collect()
    gc.freeze()
    rounds = max(1, MEASURED // runs)
    costs = [1e6 * turns.feed(turns.batches(rounds), pause) / (rounds * runs) for pause in (0.0, PAUSE)]
    print(f"{runs:5} runs, noise {noise:4.0%}: {costs[0]:6.1f} us a line in one go, {costs[1]:6.1f} with pauses")
    if parts:
        profile, batches = cProfile.Profile(), turns.batches(rounds)
        profile.runcall(turns.feed, batches)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def main() -> None:
    """All sizes asked for, calm and noisy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="*", default=[1, 20, 200])
    parser.add_argument("--parts", action="store_true", help="where it went")
    arguments = parser.parse_args()
    names, _ = load_names([ROOT / "rules" / "names.yml"])
    book = load_rulebook([RuleFolder(ROOT / "rules", shipped=True)], names)
    for noise in (0.0, 0.1):
        for runs in arguments.runs:
            measure(book, names, runs, noise, arguments.parts)


if __name__ == "__main__":
    main()
