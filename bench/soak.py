"""A simulated week: runs come, train, are silent, die and are forgotten; memory and the state file at the end of each day.

`python -m bench.soak [--days 7] [--live 4]` drives the daemon's own loop, engine, store and office; only the clock and
the source of the rows are made up. It must not take more memory on the last day than on the second.
"""

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from functools import partial
from math import inf
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, How, Over, Row, RunInfo
from sentinel.daemon.books import open_books
from sentinel.daemon.delivering import Office
from sentinel.daemon.loop import Daemon
from sentinel.daemon.settings import Settings
from sentinel.daemon.stories import story_of
from sentinel.keep import outbox, plans, words
from sentinel.keep.store import Store

DAY, TURN = 86400.0, 60.0
LIFE = 6 * 3600.0  # how long a run trains
KEPT = DAY  # how long it is remembered after its end
FLAT = 1.10  # memory at the end over memory after the second day
LAYOUTS = (("train.loss", "lr", "grad_norm"), ("val.loss", "val.accuracy"))
PAGE = os.sysconf("SC_PAGE_SIZE")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--live", type=int, default=4)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nobody:
        week = Week(Path(folder), args.live, nobody)
        print(
            f"{args.live} runs train at any time, each for {LIFE / 3600:.0f} h; records are kept for {KEPT / DAY:.0f} day"
        )
        print(
            f"{'day':>3} {'runs':>6} {'awake':>6} {'asleep':>7} {'alerts':>7} {'memory MiB':>11} {'state MiB':>10} {'CPU s':>7}"
        )
        memory = []
        for day in range(1, args.days + 1):
            week.live_for(DAY)
            memory.append(week.show(day))
        grown = memory[-1] / memory[min(1, len(memory) - 1)]
        print(f"memory at the end is {grown:.2f} of that after the second day ({'flat' if grown <= FLAT else 'GROWS'})")
        week.daemon.close()
    return int(grown > FLAT)


class Week:
    """A daemon with a clock that we turn, and the runs that it sees."""

    name, pending = "files", False

    def __init__(self, folder, live, terminal):
        self.now, self.dice, self.runs, self.made = 1.7e9, random.Random(7), [], 0
        self.batches = []
        self.store = Store(folder, [outbox.SCHEMA, words.SCHEMA, plans.SCHEMA])
        books = open_books([])
        self.engine = Engine(books.book, books.names, "host", self.store.state_of)
        office = Office(
            self.store, Settings(), "host", partial(story_of, self.engine), terminal, steady=lambda: self.now
        )
        clock = SimpleNamespace(wall=lambda: self.now, steady=lambda: self.now)
        self.daemon = Daemon(
            clock=clock, waker=SimpleNamespace(wake=lambda: None), store=self.store, engine=self.engine, sources=[self],
            files=self, delivering=office, journal=lambda text: None,
        )  # fmt: skip
        self.daemon.snapshots.keep_runs = KEPT
        self.daemon.turn()
        for slot in range(live):
            self.begin(age=LIFE * slot / live)

    def begin(self, age=0.0):
        """One more run; every fifth dies of NaN, every fifth falls silent for good."""
        self.made += 1
        key = f"soak:/runs/{self.made:05}"
        run = SimpleNamespace(key=key, ends=self.now + LIFE - age, step=0, fate=self.made % 5)
        self.runs.append(run)
        self.batches.append(Batch(key, (Found(RunInfo(key, key[-5:], key[5:], "soak"), self.now),)))

    def live_for(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += TURN
            for run in list(self.runs):
                self.batches.append(self.rows(run))
            self.daemon.turn()
            while self.daemon.resting.more:
                self.daemon.turn()

    def rows(self, run):
        """What a run writes in one turn; its last words, and another run after it."""
        run.step += 100
        value = 2.0 / (1 + run.step / 5000) + self.dice.random() / 50
        last = self.now >= run.ends
        loss = float("nan") if last and run.fate == 0 else value
        train = Row(
            LAYOUTS[0], (loss, 1e-4, 1.0 + self.dice.random()), run.step, None, self.now, "train.log", run.step, ""
        )
        items = [train]
        if run.step % 1000 == 0:
            items.append(
                Row(LAYOUTS[1], (value * 1.1, 1 - value / 3), run.step, None, self.now, "train.log", run.step, "")
            )
        if last:
            self.runs.remove(run)
            self.begin()
            if run.fate != 1:
                items.append(Over(How.DIED if run.fate == 0 else How.ENDED, self.now))
        return Batch(run.key, tuple(items))

    def show(self, day):
        gc.collect()
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20
        state = sum(path.stat().st_size for path in self.store.folder.glob("sentinel.db*")) / 2**20
        alerts = self.store.connection.execute("SELECT count(*) FROM alerts").fetchone()[0]
        awake, asleep = len(self.engine.runs), len(self.engine.sleepers.runs)
        print(
            f"{day:3} {self.made:6} {awake:6} {asleep:7} {alerts:7} {memory:11.1f} {state:10.2f} {time.process_time():7.1f}",
            flush=True,
        )
        return memory

    # --- what the loop asks of its source and files ----------------------------------------------------------------

    def read(self, now):
        batches, self.batches = self.batches, []
        yield from batches

    def bookmarks_of(self, key):
        return {"logs": {}, "over": False}

    def catching_up(self):
        return set()

    next_look = inf

    def be_patient(self, seconds):
        """Nothing waits."""

    def trouble(self):
        return []

    def close(self):
        """Nothing is held."""


if __name__ == "__main__":
    sys.exit(main())
