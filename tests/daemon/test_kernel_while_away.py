"""The kernel kills a training while Sentinel is down: the real daemon tells of it when it is back, of the right run, and once."""

import json
import signal
import subprocess
import sys

import pytest

from tests.daemon.test_running import ROOT, ask
from tests.world.settings import settings_in
from tests.world.waiting import PATIENCE, until

OOM = "Out of memory: Killed process {} (python) total-vm:9000000kB, anon-rss:8000000kB\n"
STEPS = "".join(f"step={n} loss={2.5 - n / 10}\n" for n in range(1, 12))


@pytest.fixture
def place(tmp_path):
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "kern.log").write_text("")
    host = {"poll": "1s", "kernel_log": f"{tmp_path}/kern.log"}
    (tmp_path / "sentinel.toml").write_text(settings_in(tmp_path, host=host))
    return tmp_path


class Life:
    """One life of the daemon."""

    def __init__(self, place, number=signal.SIGTERM):
        self.place, self.number = place, number
        self.out = place / f"out-{len(list(place.glob('out-*')))}.txt"

    def __enter__(self):
        command = [sys.executable, "-m", "sentinel", "run", "--settings", str(self.place / "sentinel.toml")]
        with self.out.open("w") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        assert until(lambda: "is up and watching" in self.out.read_text()), self.out.read_text()
        return self

    def __exit__(self, *_trouble):
        self.process.send_signal(self.number)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()

    def alerts(self):
        return [json.loads(line) for line in ask(self.place, "alerts", "--json").stdout.splitlines()]

    def killed(self):
        return [alert for alert in self.alerts() if alert["rule"] in {"killed", "neighbour-killed"}]


def test_a_training_killed_while_nobody_watched_is_told_of_its_run_and_once(place):
    with (place / "runs" / "a" / "train.log").open("w") as log:
        training = subprocess.Popen(["sleep", "600"], stdout=log)
    try:
        with Life(place) as life:
            (place / "runs" / "a" / "train.log").write_text(STEPS)
            assert until(lambda: kept_pids(place) & {training.pid}), life.out.read_text()
    finally:
        training.kill()
        training.wait()
    with (place / "kern.log").open("a") as log:
        log.write(OOM.format(training.pid))
    for number in (signal.SIGKILL, signal.SIGTERM):
        with Life(place, number) as life:
            assert until(life.killed), (life.alerts(), life.out.read_text())
            (alert,) = life.killed()
            assert alert["run"] == "a", alert
    told = "".join(path.read_text() for path in sorted(place.glob("out-*")))
    assert told.count(f"[{alert['id']}]") == 1, told


def kept_pids(place):
    import sqlite3

    with sqlite3.connect(f"file:{place}/state/sentinel.db?mode=ro", uri=True) as state:
        return {pid for (pid,) in state.execute("SELECT pid FROM carried")}
