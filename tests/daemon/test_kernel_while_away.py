"""A training goes while Sentinel is down: the real daemon tells of it when it is back, of the right run, and once.

The kernel killed it and says so; nobody says anything; or the machine itself went down, which is played by writing
another boot into the state.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from sentinel.sources.processes.missed import restarted
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

    def ended(self):
        return [alert for alert in self.alerts() if alert["rule"] in {"cannot-tell", "died"}]


def killed_between_two_lives(place):
    with (place / "runs" / "a" / "train.log").open("w") as log:
        training = subprocess.Popen(["sleep", "600"], stdout=log)
    try:
        with Life(place) as life:
            (place / "runs" / "a" / "train.log").write_text(STEPS)
            assert until(lambda: kept_pids(place) & {training.pid}), life.out.read_text()
    finally:
        training.kill()
        training.wait()
    return training


def test_a_training_that_went_while_nobody_watched_is_told_and_once(place):
    killed_between_two_lives(place)
    for number in (signal.SIGKILL, signal.SIGTERM):
        with Life(place, number) as life:
            assert until(life.ended), (life.alerts(), life.out.read_text())
            (alert,) = life.ended()
            assert (alert["run"], alert["rule"]) == ("a", "cannot-tell")
            assert "its processes were gone when Sentinel came back" in alert["say"]
    told = "".join(path.read_text() for path in sorted(place.glob("out-*")))
    assert told.count(f"[{alert['id']}]") == 1, told


def test_a_training_that_the_machines_restart_took_is_told_with_its_cause(place):
    killed_between_two_lives(place)
    with sqlite3.connect(place / "state" / "sentinel.db") as state:
        state.execute("UPDATE carried SET boot = 'the one before'")
    shortly_before = restarted() - 5.0
    os.utime(place / "runs" / "a" / "train.log", (shortly_before, shortly_before))
    with Life(place) as life:
        assert until(life.ended), (life.alerts(), life.out.read_text())
        (alert,) = life.ended()
    assert (alert["run"], alert["rule"], alert["severity"]) == ("a", "died", "critical")
    assert "the machine restarted at" in alert["say"]


def test_a_training_killed_while_nobody_watched_is_told_of_its_run_and_once(place):
    training = killed_between_two_lives(place)
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
    with sqlite3.connect(f"file:{place}/state/sentinel.db?mode=ro", uri=True) as state:
        return {pid for (pid,) in state.execute("SELECT pid FROM carried")}
