"""What one look costs: many files that grow by a line each, read by turns through the real watcher; no engine, no loop.

`python -m bench.looks [--runs 200] [--rounds 200] [--lines 1] [--profile]`

The parts are measured apart on the same files: what the kernel says of them, the bare system calls of a look, and the
readers on bytes that are there already. Medians over the rounds; what the writing costs is not counted.
"""

import argparse
import cProfile
import gc
import os
import pstats
import tempfile
import time
from pathlib import Path
from statistics import median

from sentinel.daemon.signals import COLLECT
from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names
from sentinel.sources.hints import Hints
from sentinel.sources.plan import WatchPlan
from sentinel.sources.suspects import Suspects
from sentinel.sources.timing import Arrivals
from sentinel.sources.watcher import Watcher

ROOT = Path(__file__).parents[1]
WARM = 20  # rounds before the measured ones


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--lines", type=int, default=1, help="lines that a file grows by between two looks")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two rounds, as a daemon sleeps")
    parser.add_argument("--beside", type=int, default=0, help="KiB of other memory that is touched between two looks")
    parser.add_argument("--profile", action="store_true", help="show where the watcher spends its time")
    args = parser.parse_args(argv)
    names, _ = load_names([ROOT / "rules" / "names.yml"])
    with tempfile.TemporaryDirectory() as folder:
        files = [open(log_of(Path(folder), number), "a", buffering=1) for number in range(args.runs)]
        hints, suspects = Hints([f"{folder}/runs"]), Suspects(Path(folder, "suspects"))
        watcher = Watcher([WatchPlan(name="bench", runs=f"{folder}/runs/*")], names, hints=hints, suspects=suspects)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        table = [
            ("a look through the watcher", looks(watcher, files, args)),
            ("  hints of the kernel", heard(Hints([f"{folder}/runs"]), files, args)),
            ("  stat and two reads, bare", called(files, args)),
            ("  readers, bytes to rows", understood(names, args)),
        ]
        for title, cost in table:
            print(f"{title:32} {cost:7.2f} microseconds a line  {100 * cost / table[0][1]:5.0f} %")
        watcher.close()


def log_of(folder, number):
    """A run's log with some lines in it."""
    run = folder / "runs" / f"run-{number:03}"
    run.mkdir(parents=True)
    (run / "train.log").write_text("".join(line_of(step) for step in range(20)))
    return run / "train.log"


def line_of(step):
    """The line that `bench.load` writes."""
    return f"step={step} loss={2.0 + 1.0 / (step + 1):.5f} lr=1e-4 grad_norm=1.1\n"


def rounds(files, args, work):
    """Let every file grow, then work, which says what it cost; the median of the microseconds a line."""
    costs = []
    for number in range(args.rounds + WARM):
        for file in files:
            for more in range(args.lines):
                file.write(line_of(20 + number * args.lines + more))
        time.sleep(args.pause)
        costs.append(1e6 * work() / (args.runs * args.lines))
    return median(costs[WARM:])


def timed(work):
    """The same with a clock around it."""

    def measured():
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return measured


def looks(watcher, files, args):
    """The real thing. Between two looks other memory is touched, as judging does; that is not counted."""
    profile = cProfile.Profile()
    for _ in range(10):  # find all, read their history
        list(watcher.read(time.time()))
    memory = bytearray(os.urandom(1 << 20)) * (args.beside * args.runs // 1024 + 1)

    def work():
        spent, at = 0.0, 0
        began = time.perf_counter()
        if args.profile:
            profile.enable()
        for _batch in watcher.read(time.time()):
            if args.beside:
                spent += time.perf_counter() - began
                at += args.beside << 10
                memory.count(0, at, at + (args.beside << 10))
                began = time.perf_counter()
        profile.disable()
        return spent + time.perf_counter() - began

    cost = rounds(files, args, work)
    if args.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    return cost


def heard(hints, files, args):
    """What the kernel has to say, as the watcher takes it."""
    cost = rounds(files, args, timed(hints.take))
    hints.close()
    return cost


def called(files, args):
    """One stat and two reads of each file."""
    places = [(file.name, os.open(file.name, os.O_RDONLY)) for file in files]

    def work():
        for path, descriptor in places:
            size = os.stat(path).st_size
            os.pread(descriptor, 400, size - 400)
            os.pread(descriptor, 1024, 0)

    cost = rounds(files, args, timed(work))
    for _, descriptor in places:
        os.close(descriptor)
    return cost


def understood(names, args):
    """The readers alone, one for each file by turns."""
    head = "".join(line_of(step) for step in range(20)).encode()
    readers = [open_reader("train.log", head, names, Arrivals()) for _ in range(args.runs)]
    for reader in readers:
        reader.feed(head, None)
    step = iter(range(20, 10**9))

    def work():
        data = "".join(line_of(next(step)) for _ in range(args.lines)).encode()
        now = time.time()
        for reader in readers:
            reader.feed(data, now)

    return rounds([], args, timed(work))


if __name__ == "__main__":
    main()
