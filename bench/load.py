"""The load table: 5,000 known runs of which 200 write 10 lines a second; start-up, CPU, memory, time to the alert, stop.

`python bench/load.py [--runs 5000] [--live 200] [--seconds 60] [--warm 20] [--listed]`

The others were judged in an earlier life of the daemon and stand still; with `--listed` they were over before it came.
Times are wall times: on a machine that is busy with other things they say little, the CPU seconds beside them do.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.processes import cpu_seconds, measured, pss_mib, ready_socket, running

BUDGETS = {"start": 5.0, "cpu": 10.0, "median": 0.1, "worst": 1.5, "stop": 2.0}
PER_SECOND = 10
POISONED = 50  # of the live runs, one after the other
DECIDES = 3  # `loss-nonfinite/training` fires at the third NaN in a row: from then on the daemon can be late
OLD_LINES = 10


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--live", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--warm", type=float, default=20, help="seconds that the live runs write before they are measured"
    )
    parser.add_argument("--listed", action="store_true", help="the other runs were over before Sentinel came")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name, ready_socket(Path(name)) as (address, ready):
        folder = Path(name)
        live = lay_out(folder, args.runs, args.live, "1h" if args.listed else "52w")
        environ = {**os.environ, "NOTIFY_SOCKET": address}
        with running(command(folder), env=environ):
            ready(900)  # the first start learns the runs; the second one is what is measured
            learned(folder, 900, 0 if args.listed else args.runs - args.live)
        began = time.monotonic()
        with running(command(folder), env=environ) as child:
            row("start-up, known runs", time.monotonic() - began if ready(900) else None, "s", BUDGETS["start"])
            row("  CPU of it", cpu_seconds(child.pid), "s", None)
            with Writers(live) as writers:
                time.sleep(args.warm)
                before, spent, step = pss_mib(child.pid), cpu_seconds(child.pid), writers.step
                share, after = measured(child.pid, args.seconds)
                lines = (writers.step - step) * len(live)
                row(f"CPU, {args.live} live runs", share, "% of a core", BUDGETS["cpu"])
                row("  of each line", 1e6 * (cpu_seconds(child.pid) - spent) / max(1, lines), "microseconds", None)
                row("  lines a second", lines / args.seconds, "", None)
                row("memory", after, "MiB", None)
                row("memory grown meanwhile", after - before, "MiB", None)
                delays = until_alerts(folder, writers)
                row("alerts in time", len(delays), f"of {min(POISONED, len(live))}", None)
                row("line -> outbox, median", median(delays) if delays else None, "s", BUDGETS["median"])
                row("line -> outbox, worst", max(delays, default=None), "s", BUDGETS["worst"])
                began = time.monotonic()
                child.terminate()
                child.wait(60)
                row("stop, while all write on", time.monotonic() - began, "s", BUDGETS["stop"])


def learned(folder, seconds, runs):
    """Wait until so many runs are written down."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and query(folder, "SELECT count(*) FROM snapshots")[0][0] < runs:
        time.sleep(0.5)


def query(folder, words):
    """Rows of the state as it is written down."""
    with closing(sqlite3.connect(f"file:{folder}/state/sentinel.db?mode=ro", uri=True)) as state:
        return state.execute(words).fetchall()


def lay_out(folder, runs, live, fresh="1h"):
    """Old runs, over long ago, and the logs of the live ones."""
    long_ago = time.time() - 30 * 86400
    for number in range(runs - live):
        log = log_of(folder, f"old-{number:04}")
        log.write_text("".join(line_of(step, 1.0 / step) for step in range(1, OLD_LINES + 1)))
        os.utime(log, (long_ago, long_ago))
        os.utime(log.parent, (long_ago, long_ago))
    (folder / "sentinel.toml").write_text(
        f'[sentinel]\nstate = "{folder}/state"\n[[watch]]\nname = "load"\nruns = "{folder}/runs/*"\nfresh = "{fresh}"\n'
        "[host]\nprocesses = false\n[tell]\nterminal = false\n"
    )
    return [log_of(folder, f"live-{number:03}") for number in range(live)]


def log_of(folder, name):
    run = folder / "runs" / name
    run.mkdir(parents=True, exist_ok=True)
    return run / "train.log"


def line_of(step, loss):
    return f"step={step} loss={loss:.5f} lr=1e-4 grad_norm=1.1\n"


def command(folder):
    return [sys.executable, "-m", "sentinel", "run", "--settings", str(folder / "sentinel.toml")]


class Writers:
    """One thread that writes for all live runs."""

    def __init__(self, logs):
        self.logs, self.over, self.step = logs, False, 0
        self.poisoned = {}  # log -> when its third NaN was written, the one that decides
        self.nans = {}  # log -> how many of them were written
        self.thread = threading.Thread(target=self.write, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_trouble):
        self.over = True
        self.thread.join()

    def write(self):
        files = {log: log.open("a", buffering=1) for log in self.logs}
        while not self.over:
            began = time.monotonic()
            self.step += 1
            for log, file in files.items():
                nan = log in self.poisoned
                if nan:
                    self.nans[log] = self.nans.get(log, 0) + 1
                    if self.nans[log] == DECIDES:
                        self.poisoned[log] = time.monotonic()
                file.write(line_of(self.step, float("nan") if nan else 2.0 + 1.0 / self.step))
            time.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - began)))
        for file in files.values():
            file.close()


def until_alerts(folder, writers):
    """For each of some runs the seconds from the NaN line that decides until its alert is written down and in the outbox."""
    seen, logs, end = {}, writers.logs[:POISONED], time.monotonic() + 60
    for log in logs:
        writers.poisoned[log] = None
        note(folder, seen, time.monotonic() + 0.15)
    while len(seen) < len(logs) and time.monotonic() < end:
        note(folder, seen, time.monotonic() + 0.5)
    return [seen[log.parent.name] - writers.poisoned[log] for log in logs if log.parent.name in seen]


def note(folder, seen, until):
    """When each run's alert was first there, looked for every few milliseconds."""
    with closing(sqlite3.connect(f"file:{folder}/state/sentinel.db?mode=ro", uri=True)) as state:
        while time.monotonic() < until:
            for (run,) in state.execute("SELECT run FROM alerts WHERE rule LIKE 'loss-nonfinite/%'"):
                seen.setdefault(run.rpartition("/")[2], time.monotonic())
            time.sleep(0.01)


def row(title, value, unit, budget):
    """One line of the table."""
    if value is None:
        print(f"{title:32} did not happen")
        return
    verdict = "" if budget is None else f"  (budget {budget:g}: {'kept' if value <= budget else 'MISSED'})"
    print(f"{title:32} {value:8.2f} {unit}{verdict}")


if __name__ == "__main__":
    main()
