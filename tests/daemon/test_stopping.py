"""The whole way with a real training, a real store and real children, and Sentinel killed -9 at every step of the plan."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_plan import Stage
from sentinel.keep import plans
from sentinel.outlets.hands.consent import KEEP
from sentinel.outlets.proof.proving import State, prove
from tests.world.waiting import PATIENCE, awaited

ROOT = Path(__file__).parents[2]
TRAINING = ROOT / "tests" / "outlets" / "trainings" / "plain.py"


@pytest.fixture
def training(tmp_path):
    started = []

    def begin(mode):
        folder = tmp_path / "run"
        folder.mkdir()
        started.append(subprocess.Popen([sys.executable, str(TRAINING), str(folder), mode]))
        log = folder / "train.log"
        awaited(lambda: log.exists() and "step 25" in log.read_text())
        return folder, started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def driver(folder, state, *, die_at=0, channels=1, seconds=80, hung=0):
    """The daemon's part, begun; it kills itself at its n-th step."""
    words = [str(folder), str(state), str(die_at), str(channels), str(seconds), str(hung)]
    return subprocess.Popen([sys.executable, "-X", "sentinel", "-m", "tests.daemon.stopping_driver", *words], cwd=ROOT)


def drive(folder, state, *, seconds=80, **how):
    """Run the daemon's part until its plan ends. Its exit code."""
    with driver(folder, state, seconds=seconds, **how) as begun:
        try:
            return begun.wait(seconds + 30)
        finally:
            begun.kill()


def plan_of(state):
    with sqlite3.connect(state / "plans.db") as connection:
        found = plans.plans_of(connection, "nlp:run")
    connection.close()
    return found[-1]


def signals(state):
    lines = [
        json.loads(line) for record in state.glob("plans/*/audit.jsonl") for line in record.read_text().splitlines()
    ]
    return [line["signal"] for line in lines if line["event"] == "signalling"]


def test_a_doomed_run_is_asked_proven_and_stopped(training, tmp_path):
    folder, process = training("handler,early")
    assert drive(folder, tmp_path / "state") == 0
    plan = plan_of(tmp_path / "state")
    assert plan.stage is Stage.STOPPED, plan.why
    assert (process.wait(PATIENCE), signals(tmp_path / "state")) == (0, ["SIGTERM"])
    assert prove(Path(plan.proven.good)).state is State.SANE


def test_of_two_sentinels_over_one_run_one_acts(training, tmp_path):
    folder, process = training("handler,early")
    both = [driver(folder, tmp_path / name) for name in ("one", "two")]
    for begun in both:
        begun.wait(110)
    assert sorted([signals(tmp_path / "one"), signals(tmp_path / "two")]) == [[], ["SIGTERM"]]
    assert process.wait(PATIENCE) == 0
    ends = [plan_of(tmp_path / name).stage for name in ("one", "two")]
    assert ends.count(Stage.STOPPED) == 1, ends


def test_without_a_human_channel_nothing_is_done(training, tmp_path):
    folder, process = training("handler,early")
    assert drive(folder, tmp_path / "state", channels=0) == 3
    assert (plan_of(tmp_path / "state").stage, process.poll()) == (Stage.ANNOUNCED, None)


def test_a_file_called_keep_ends_the_plan(training, tmp_path):
    folder, process = training("handler,early")
    (folder / KEEP).touch()
    drive(folder, tmp_path / "state")
    assert (process.poll(), signals(tmp_path / "state")) == (None, [])


def test_a_run_without_a_way_is_ended_on_its_protected_checkpoint(training, tmp_path):
    folder, process = training("early")
    assert drive(folder, tmp_path / "state") == 0
    assert (plan_of(tmp_path / "state").stage, process.wait(PATIENCE)) == (Stage.STOPPED, -signal.SIGTERM)


@pytest.mark.torture
@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", range(1, 25))
def test_killed_at_every_step_it_goes_on_rightly_and_sends_nothing_twice(training, tmp_path, step):
    _killed_at(training, tmp_path, step)


@pytest.mark.parametrize("step", [11, 13])
def test_killed_around_its_request_it_sends_nothing_twice(training, tmp_path, step):
    _killed_at(training, tmp_path, step)


def _killed_at(training, tmp_path, step):
    folder, process = training("handler,early")
    state = tmp_path / "state"
    assert drive(folder, state, die_at=step) in (-signal.SIGKILL, 0)
    assert drive(folder, state) == 0
    plan = plan_of(state)
    assert process.wait(PATIENCE) is not None
    assert plan.stage is Stage.STOPPED, plan.why
    assert signals(state).count("SIGTERM") <= 2  # once to ask, once to end; never the same one twice
    claims = [path.name for path in state.glob("plans/*/*.claim")]
    assert len(claims) == len(set(claims)) == len(signals(state))
    assert os.path.exists(plan.proven.good)
