"""What is forgotten of stop plans, and what is not."""

import sqlite3
from dataclasses import replace

from sentinel.core.stopping_plan import Deed, Plan, Stage, Step
from sentinel.core.stopping_world import Level
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
    plans.call(connection, "0", "right")
    plans.call(connection, "1", "wrong")
    assert plans.fought(connection, "w:a") == 1
