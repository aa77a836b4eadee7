"""The load table: 5,000 known runs of which 200 write 10 lines a second; start-up, CPU, memory and time to the alert.

`python bench/load.py [--runs 5000] [--live 200] [--seconds 60]`
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.processes import measured, pss_mib, ready_socket, running

BUDGETS = {"start": 5.0, "cpu": 10.0, "alert": 2.0}
PER_SECOND = 10


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--live", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name, ready_socket(Path(name)) as (address, ready):
        folder = Path(name)
        live = lay_out(folder, args.runs, args.live)
        environ = {**os.environ, "NOTIFY_SOCKET": address}
        with running(command(folder), env=environ):
            ready(300)  # the first start learns the runs; the second one is what is measured
        began = time.monotonic()
        with running(command(folder), env=environ) as child:
            row("start-up, known runs", time.monotonic() - began if ready(300) else None, "s", BUDGETS["start"])
            with Writers(live) as writers:
                time.sleep(10)
                before = pss_mib(child.pid)
                share, after = measured(child.pid, args.seconds)
                row(f"CPU, {args.live} live runs", share, "% of a core", BUDGETS["cpu"])
                row("memory", after, "MiB", None)
                row("memory grown meanwhile", after - before, "MiB", None)
                row("NaN written -> in `alerts`", until_alert(folder, writers), "s", BUDGETS["alert"])


def lay_out(folder, runs, live):
    """Old runs, over long ago, and the logs of the live ones."""
    long_ago = time.time() - 30 * 86400
    for number in range(runs - live):
        log = log_of(folder, f"old-{number:04}")
        log.write_text("".join(line_of(step, 1.0 / step) for step in range(1, 101)))
        os.utime(log, (long_ago, long_ago))
    (folder / "sentinel.toml").write_text(
        f'[sentinel]\nstate = "{folder}/state"\n[[watch]]\nname = "load"\nruns = "{folder}/runs/*"\n'
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
        self.logs, self.poison, self.over, self.step = logs, None, False, 0
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
                file.write(line_of(self.step, float("nan") if log == self.poison else 2.0 + 1.0 / self.step))
            time.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - began)))
        for file in files.values():
            file.close()


def until_alert(folder, writers):
    """Seconds from the first NaN line until `sentinel alerts` shows an alert on that run."""
    writers.poison = writers.logs[0]
    began = time.monotonic()
    words = [sys.executable, "-m", "sentinel", "alerts", "--json", "--socket", str(folder / "state" / "control")]
    while time.monotonic() - began < 60:
        asked = time.monotonic()
        said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        if any(is_about(json.loads(line), writers.poison) for line in said.splitlines() if line):
            return asked - began
        time.sleep(0.1)
    return None


def is_about(alert, log):
    """An alert of the numerics family on that log's run: other signs may have fired there before."""
    return alert.get("family") == "numerics" and log.parent.name in json.dumps(alert)


def row(title, value, unit, budget):
    """One line of the table."""
    if value is None:
        print(f"{title:32} did not happen")
        return
    verdict = "" if budget is None else f"  (budget {budget:g}: {'kept' if value <= budget else 'MISSED'})"
    print(f"{title:32} {value:8.2f} {unit}{verdict}")


if __name__ == "__main__":
    main()
