"""What is forgotten of stop plans, and what is not."""

import json
import sqlite3
from dataclasses import replace

import pytest

from sentinel.core.stopping_plan import Deed, Plan, Stage, Step
from sentinel.core.stopping_words import status_line
from sentinel.core.stopping_world import Ended, Level
from sentinel.keep import plans

PLAN = Plan("old", "w:a", "w", "s/r", "f", 1, Level.STOP, True, "boot", 0.0, 0.0, Stage.REHEARSED)


def test_old_plans_are_forgotten_but_open_ones_credit_and_unsaid_last_words_stay():
    connection = sqlite3.connect(":memory:")
    connection.executescript(plans.SCHEMA)
    unsaid = Step(Stage.FAILED, Deed.TELL, 0.0)
    for name, wall, change in (
        ("old", 10.0, {}), ("open", 10.0, {"stage": Stage.GRACE}), ("credit", 10.0, {}), ("new", 90.0, {}),
        ("unsaid", 10.0, {"stage": Stage.FAILED, "steps": (unsaid,)}),
    ):  # fmt: skip
        plans.write_plan(connection, replace(PLAN, id=name, **change), wall)
    plans.call(connection, "credit", "right")
    assert plans.forget(connection, 50.0) == ["old"]
    left = {name for (name,) in connection.execute("SELECT id FROM plans")}
    assert left == {"open", "credit", "new", "unsaid"}


def test_a_run_that_was_stopped_or_could_not_be_is_not_fought_until_a_person_agrees():
    connection = sqlite3.connect(":memory:")
    connection.executescript(plans.SCHEMA)
    ends = ((Stage.STOPPED, "w:a"), (Stage.FAILED, "w:a#2"), (Stage.STOPPED, "w:ab"), (Stage.VETOED, "w:a"))
    for number, (stage, run) in enumerate(ends):
        plans.write_plan(connection, replace(PLAN, id=str(number), run=run, stage=stage, rehearsal=False), 1.0)
    assert plans.fought(connection, "w:a#3") == 2
    assert plans.fought(connection, "w:new", ["2", "3"]) == 1
    plans.call(connection, "0", "right")
    plans.call(connection, "1", "wrong")
    assert plans.fought(connection, "w:a") == 1


def test_what_was_done_to_a_run_is_known_for_ever_and_its_evidence_is_not():
    connection = sqlite3.connect(":memory:")
    connection.executescript(plans.SCHEMA)
    for stage in (Stage.STOPPED, Stage.FAILED, Stage.VETOED):
        plans.write_plan(connection, replace(PLAN, id=stage.value, stage=stage, rehearsal=False), 10.0)
    assert plans.forget(connection, 50.0) == ["vetoed"]
    assert plans.worn(connection, 50.0) == ["stopped", "failed"]
    assert plans.fought(connection, "w:a") == 2


@pytest.mark.parametrize(
    "change", [{"stage": "paused"}, {"wanted": 9}, {"steps": [{"stage": "grace", "deed": "sing"}]}]
)
def test_a_plan_that_only_a_newer_sentinel_understands_is_kept_and_named_and_hides_no_other(change):
    connection = sqlite3.connect(":memory:")
    connection.executescript(plans.SCHEMA)
    for name in ("new", "open"):
        plans.write_plan(connection, replace(PLAN, id=name, stage=Stage.GRACE), 10.0)
    text = json.dumps(json.loads(connection.execute("SELECT plan FROM plans WHERE id = 'new'").fetchone()[0]) | change)
    connection.execute("UPDATE plans SET plan = ?, stage = ? WHERE id = 'new'", (text, change.get("stage", "grace")))
    found = {plan.id: plan for plan in plans.open_plans(connection)}
    assert (found["new"].stage, found["open"].stage) == (Stage.UNREAD, Stage.GRACE)
    assert "a newer Sentinel" in status_line(found["new"])
    assert plans.forget(connection, 50.0) == []
    assert plans.plan_of(connection, "new").run == "w:a"
    assert connection.execute("SELECT plan FROM plans WHERE id = 'new'").fetchone() == (text,)


@pytest.mark.parametrize("wall", [0.0, 1000.0, 1e9])
def test_setting_the_time_of_day_makes_no_room_for_more_stops(wall):
    connection = sqlite3.connect(":memory:")
    connection.executescript(plans.SCHEMA)
    plans.write_plan(connection, replace(PLAN, rehearsal=False, stage=Stage.STOPPED, entered=500.0), 1000.0)
    assert plans.acted_since(connection, plans.Since(wall, "boot", 400.0)) == 1
    assert plans.acted_since(connection, plans.Since(1e9, "boot", 600.0)) == 0


def test_a_plan_that_failed_after_it_signalled_counts_as_a_stop():
    connection = sqlite3.connect(":memory:")
    connection.executescript(plans.SCHEMA)
    for name, steps in (("asked", (Step(Stage.ASKED, Deed.ASK, 1.0, Ended.DONE),)), ("mute", ())):
        plans.write_plan(connection, replace(PLAN, id=name, rehearsal=False, stage=Stage.FAILED, steps=steps), 10.0)
    assert plans.acted_since(connection, plans.Since(1.0, "boot", 0.0)) == 1
    assert plans.failed_since(connection, plans.Since(1.0, "boot", 0.0)) == 2
