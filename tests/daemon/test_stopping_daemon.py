"""One armed night: a real daemon over a dozen real trainings at once, each ends as docs/operate/stopping.md says."""

import json
import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_plan import Route, Stage
from sentinel.core.stopping_world import Level
from sentinel.outlets.hands.consent import KEEP
from sentinel.outlets.proof.finding import KEPT
from sentinel.outlets.proof.proving import State, prove
from tests.daemon.stopping_night import TRAININGS, Night, until

TERM, KILL = "SIGTERM", "SIGKILL"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """All trainings at once under one daemon: none of them may be touched for another's sake."""
    night = Night(tmp_path_factory.mktemp("night"))
    for name, mode in (
        ("asked", "handler,early"),
        ("unasked", "early"),
        ("nothing", "none"),
        ("slow", "handler,early,slow,fresh"),
        ("full", "handler,early,full"),
        ("eats", "handler,early,nan,inplace"),
        ("broken", "handler,early,nanlog"),
        ("kept", "handler,early"),
        ("gift", "gift,early"),
    ):
        folder = night.train(name, mode)
        if name == "kept":
            (folder / KEEP).touch()
    night.train("unallowed", consent=None)
    loop = f"while :; do {sys.executable} {TRAININGS}/plain.py {night.folder}/runs/again early; sleep 0.2; done"
    night.train("again", command=["sh", "-c", loop])
    night.train("saves", "gift,early", consent=Level.CHECKPOINT)
    (night.folder / "runs" / "second").mkdir()
    night.train("first", more=[night.folder / "runs" / "second"])
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


def test_a_loop_with_a_handler_is_asked_proven_and_stopped(night):
    assert how(night, "asked") == (Stage.STOPPED, [TERM], 0), night.story("asked")
    plan = night.plans("asked")[-1]
    assert (plan.route, prove(night.folder / "runs/asked/ckpt.pt").state) == (Route.ASK, State.SANE)


def test_a_loop_without_a_handler_is_ended_on_its_protected_checkpoint(night):
    assert how(night, "unasked") == (Stage.STOPPED, [TERM], -signal.SIGTERM)
    assert night.plans("unasked")[-1].route is Route.DIRECT


def test_a_loop_without_handler_and_checkpoint_is_refused_and_goes_on(night):
    assert how(night, "nothing") == (Stage.REFUSED, [], None)
    assert "kill -TERM" in night.plans("nothing")[-1].why


def test_a_slow_save_is_waited_for(night):
    assert how(night, "slow") == (Stage.STOPPED, [TERM], 0)
    assert night.plans("slow")[-1].proven.good.endswith("stop.pt")


def test_a_full_disk_in_the_save_is_told_and_the_good_copy_stays(night):
    assert how(night, "full") == (Stage.FAILED, [TERM], 1)
    assert prove(next((night.folder / "runs/full" / KEPT).iterdir())).state is State.SANE


def test_a_loop_that_saves_nan_onto_its_only_file_keeps_the_good_one(night):
    stage, signals, _ = how(night, "eats")
    assert (stage, signals) == (Stage.FAILED, [TERM])
    assert prove(night.folder / "runs/eats/ckpt.pt").state is State.TAINTED
    assert prove(next((night.folder / "runs/eats" / KEPT).iterdir())).state is State.SANE


def test_a_run_whose_numbers_are_broken_is_never_asked_to_save(night):
    assert how(night, "broken")[:2] == (Stage.STOPPED, [TERM])
    plan = night.plans("broken")[-1]
    assert (plan.route, prove(Path(plan.proven.copy)).step) == (Route.DIRECT, 10)


def test_a_kept_run_is_left_alone(night):
    assert how(night, "kept") == (Stage.VETOED, [], None)


def test_the_gift_of_the_trainer_saves_and_leaves_with_75(night):
    assert how(night, "gift") == (Stage.STOPPED, [], 75)


def test_at_level_checkpoint_the_run_saves_and_goes_on(night):
    assert how(night, "saves") == (Stage.SAVED, [], None)


def test_without_its_owners_consent_it_is_only_rehearsed(night):
    assert how(night, "unallowed") == (Stage.REHEARSED, [], None)
    (plan,) = night.plans("unallowed")
    assert [missing.partition(":")[0] for missing in plan.missing] == ["consent"]


def test_two_runs_in_one_process_are_refused_from_either_side(night):
    for name in ("first", "second"):
        plan = night.ended(name) if night.plans(name) else None
        assert plan is None or (plan.stage, night.signals(name)) == (Stage.REFUSED, [])
    assert "also writes for" in night.ended("first").why
    assert night.trainings["first"].poll() is None


def test_a_run_that_hangs_is_never_asked_and_goes_only_at_level_kill(night):
    for name in ("frozen", "locked"):
        assert how(night, name) == (Stage.STOPPED, [TERM, KILL], -signal.SIGKILL), night.story(name)
    assert how(night, "unfrozen") == (Stage.REFUSED, [], None)


def test_a_run_that_something_starts_again_is_told_and_not_fought(night):
    until(lambda: (found := night.plans("again")) and not found[0].open, 60, lambda: night.story("again"))
    plan = night.plans("again")[0]
    assert (plan.stage, night.trainings["again"].poll()) == (Stage.FAILED, None)
    assert "start" in plan.why
    assert [line["signal"] for line in night.record(plan) if line["event"] == "signalling"] == [TERM]


def test_people_were_told_before_and_after(night):
    plan = night.ended("asked")
    texts = [json.dumps(message) for message in night.told]
    about = [text for text in texts if "asked" in text]
    assert any("will be asked for a checkpoint" in text for text in about)
    assert any("stopped" in text and plan.proven.good in text for text in about)
    assert not any("rehears" in text for text in texts)


def test_status_shows_each_plan_and_what_leave_a_rehearsal_lacked(night):
    night.ended("unallowed")
    shown = night.ask("status", "--json").stdout
    assert "leave that is missing: consent" in shown


def test_every_condition_was_logged_with_its_value_and_a_dry_run_prints_the_same(night):
    plan = night.ended("asked")
    record = (night.folder / "state" / "plans" / plan.id / "audit.jsonl").read_text()
    logged = {
        line[4:].split()[0] for entry in map(json.loads, record.splitlines()) for line in entry.get("conditions", ())
    }
    assert {"mode", "consent", "signs", "reached", "grace", "one-run"} <= logged
    printed = night.ask("stop", night.folder / "runs" / "unallowed", "--dry-run").stdout
    assert "consent      The run's owner allows it: no consent was given" in printed
    assert logged <= {line[4:].split()[0] for line in printed.splitlines() if line[:4] in ("yes ", "NO  ")}
