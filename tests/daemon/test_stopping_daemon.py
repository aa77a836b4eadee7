"""Armed nights: a real daemon over many real trainings at once, each ends as docs/operate/stopping.md says. The rows that
need long waits (hung runs, slow saves, failures) stand in the second night.
"""

import json
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_conditions import CONDITIONS
from sentinel.core.stopping_plan import Route, Stage
from sentinel.core.stopping_world import Level
from sentinel.outlets.hands.consent import KEEP
from sentinel.outlets.proof.finding import KEPT
from sentinel.outlets.proof.proving import State, prove
from tests.daemon.stopping_night import TRAININGS, Night
from tests.world.waiting import awaited

TERM, KILL = "SIGTERM", "SIGKILL"
torture = pytest.mark.torture


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """All trainings at once under one daemon: none of them may be touched for another's sake."""
    night = Night(tmp_path_factory.mktemp("night"))
    night.train("asked")
    night.train("unasked", "early")
    night.train("nothing", "none")
    teed = night.folder / "runs" / "teed"
    line = f"{sys.executable} {TRAININGS}/plain.py {teed} handler,early,prints | tee {teed}/train.log"
    night.train("teed", command=["sh", "-c", line])
    night.train("unallowed", consent=None)
    (night.train("kept") / KEEP).touch()
    (night.folder / "runs" / "second").mkdir()
    night.train("first", more=[night.folder / "runs" / "second"])
    night.watch()
    yield night
    night.close()


@pytest.fixture(scope="module")
def hard_night(tmp_path_factory):
    """The same with what goes wrong."""
    night = Night(tmp_path_factory.mktemp("hard"))
    night.train("slow", "handler,early,slow,fresh")
    night.train("full", "handler,early,full")
    night.train("eats", "handler,early,nan,inplace")
    night.train("broken", "handler,early,nanlog")
    night.train("gift", "gift,early")
    night.train("saves", "gift,early", consent=Level.CHECKPOINT)
    loop = f"while :; do {sys.executable} {TRAININGS}/plain.py {night.folder}/runs/again early; sleep 0.2; done"
    night.train("again", command=["sh", "-c", loop])
    night.train("frozen", under="hanging", consent=Level.KILL)
    night.train("unfrozen", under="hanging", consent=Level.STOP)
    night.watch()
    for name in ("frozen", "unfrozen"):
        night.seen(name)
        night.trainings[name].send_signal(signal.SIGSTOP)
    night.train("locked", "deaf,early,lock", under="hanging", consent=Level.KILL, env={"LOCK_AT": "250"})
    yield night
    night.close()


def how(night, name):
    """How a run's plan ended, which signals it got, and how its process ended (None: it goes on)."""
    plan = night.ended(name)
    return plan.stage, night.signals(name), night.trainings[name].poll()


# --- the first night -----------------------------------------------------------------------------------------------


def test_a_loop_with_a_handler_is_asked_proven_and_stopped(night):
    assert how(night, "asked") == (Stage.STOPPED, [TERM], 0), night.story("asked")
    plan = night.plans("asked")[-1]
    assert (plan.route, prove(night.folder / "runs/asked/ckpt.pt").state) == (Route.ASK, State.SANE)


def test_a_loop_without_a_handler_is_ended_on_its_protected_checkpoint(night):
    assert how(night, "unasked") == (Stage.STOPPED, [TERM], -signal.SIGTERM), night.story("unasked")
    assert night.plans("unasked")[-1].route is Route.DIRECT


def test_behind_a_tee_it_is_the_training_that_is_asked(night):
    assert how(night, "teed") == (Stage.STOPPED, [TERM], 0), night.story("teed")
    assert night.plans("teed")[-1].route is Route.ASK


def test_a_loop_without_handler_and_checkpoint_is_refused_and_goes_on(night):
    assert how(night, "nothing") == (Stage.REFUSED, [], None)
    assert "kill -TERM" in night.plans("nothing")[-1].why


def test_a_kept_run_is_left_alone(night):
    assert how(night, "kept") == (Stage.VETOED, [], None)


def test_without_its_owners_consent_it_is_only_rehearsed(night):
    assert how(night, "unallowed") == (Stage.REHEARSED, [], None)
    (plan,) = night.plans("unallowed")
    assert [missing.partition(":")[0] for missing in plan.missing] == ["consent"]


def test_two_runs_in_one_process_are_refused_from_either_side(night):
    assert "also writes for" in night.ended("first").why
    assert how(night, "first") == (Stage.REFUSED, [], None)
    assert night.signals("second") == []


def test_people_were_told_before_and_after(night):
    plan = night.ended("asked")
    texts = [json.dumps(message) for message in night.told]
    about = [text for text in texts if "asked" in text]
    assert any("will be asked for a checkpoint" in text for text in about)
    awaited(lambda: any("stopped" in str(message) and plan.proven.good in str(message) for message in night.told))
    assert not any("rehears" in text for text in texts)
    last = next(text for text in map(json.dumps, night.told) if "asked: stopped" in text)
    assert "To go on: cd " in last
    assert "plain.py" in last
    assert "last-train.log" in last  # where the evidence lies
    with closing(sqlite3.connect(night.folder / "state" / "sentinel.db")) as connection:
        letters = [json.loads(text) for (text,) in connection.execute("SELECT letter FROM deliveries")]
    assert any(
        letter["attached"].endswith("/evidence/attached.txt") for letter in letters if "stopped" in letter["head"]
    )


def test_status_shows_each_plan_and_what_leave_a_rehearsal_lacked(night):
    night.ended("unallowed")
    assert "leave that is missing: consent" in night.ask("status").stdout


def test_every_condition_was_logged_with_its_value_and_a_dry_run_prints_the_same(night):
    plan = night.ended("asked")
    logged = {line[4:].split()[0] for entry in night.record(plan) for line in entry.get("conditions", ())}
    assert logged == {condition.name for condition in CONDITIONS}
    printed = night.ask("stop", night.folder / "runs" / "unallowed", "--dry-run").stdout
    assert "consent      The run's owner allows it: no consent was given" in printed
    assert "way to ask" in night.ask("stop", "unallowed", "--dry-run").stdout  # by its name too
    assert "no run is called" in night.ask("stop", "nobody", "--dry-run").stderr
    assert logged == {line[4:].split()[0] for line in printed.splitlines() if line[:4] in ("yes ", "NO  ")}


# --- the second night ----------------------------------------------------------------------------------------------


@torture
def test_a_slow_save_is_waited_for(hard_night):
    assert how(hard_night, "slow") == (Stage.STOPPED, [TERM], 0), hard_night.story("slow")
    assert hard_night.plans("slow")[-1].proven.good.endswith("stop.pt")


@torture
def test_a_full_disk_in_the_save_is_told_and_the_good_copy_stays(hard_night):
    assert how(hard_night, "full") == (Stage.FAILED, [TERM], 1), hard_night.story("full")
    assert prove(next((hard_night.folder / "runs/full" / KEPT).iterdir())).state is State.SANE


@torture
def test_a_loop_that_saves_nan_onto_its_only_file_keeps_the_good_one(hard_night):
    stage, signals, _ = how(hard_night, "eats")
    assert (stage, signals) == (Stage.FAILED, [TERM]), hard_night.story("eats")
    assert prove(hard_night.folder / "runs/eats/ckpt.pt").state is State.TAINTED
    assert prove(next((hard_night.folder / "runs/eats" / KEPT).iterdir())).state is State.SANE


@torture
def test_a_run_whose_numbers_are_broken_is_never_asked_to_save(hard_night):
    assert how(hard_night, "broken")[:2] == (Stage.STOPPED, [TERM]), hard_night.story("broken")
    plan = hard_night.plans("broken")[-1]
    assert (plan.route, prove(Path(plan.proven.copy)).step) == (Route.DIRECT, 10)


@torture
def test_the_gift_of_the_trainer_saves_and_leaves_with_75(hard_night):
    assert how(hard_night, "gift") == (Stage.STOPPED, [], 75), hard_night.story("gift")


@torture
def test_at_level_checkpoint_the_run_saves_and_goes_on(hard_night):
    assert how(hard_night, "saves") == (Stage.SAVED, [], None), hard_night.story("saves")


@torture
def test_a_run_that_something_starts_again_is_told_and_not_fought(hard_night):
    awaited(lambda: hard_night.forgive() and (found := hard_night.plans("again")) and not found[0].open, 90)
    plan = hard_night.plans("again")[0]
    assert (plan.stage, hard_night.trainings["again"].poll()) == (Stage.FAILED, None)
    assert "start" in plan.why
    assert [line["signal"] for line in hard_night.record(plan) if line["event"] == "signalling"] == [TERM]


@torture
def test_a_run_that_hangs_is_never_asked_and_goes_only_at_level_kill(hard_night):
    for name in ("frozen", "locked"):
        ended = (Stage.STOPPED, [TERM, KILL], -signal.SIGKILL)
        assert how(hard_night, name) == ended, hard_night.story(name)
    assert how(hard_night, "unfrozen") == (Stage.REFUSED, [], None)
