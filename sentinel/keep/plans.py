"""The stop plans in the one SQLite file: each as it last stood, written before any of its deeds is done."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from sentinel.core.stopping_plan import Deed, Plan, Route, Stage, Step
from sentinel.core.stopping_world import Ended, Level, Proven

SCHEMA = """
CREATE TABLE IF NOT EXISTS plans (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, watch TEXT NOT NULL, lead TEXT NOT NULL, fingerprint TEXT NOT NULL,
    stage TEXT NOT NULL, rehearsal INTEGER NOT NULL, entered REAL NOT NULL, wall REAL NOT NULL,
    called TEXT NOT NULL DEFAULT '', plan TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS plans_of_run ON plans (run);
CREATE INDEX IF NOT EXISTS plans_of_rule ON plans (lead, watch, fingerprint);
"""


def write_plan(connection: sqlite3.Connection, plan: Plan, wall: float) -> None:
    """Put the plan in the place of its last form."""
    text = json.dumps(asdict(plan), allow_nan=False)
    values = (plan.id, plan.run, plan.watch, plan.lead, plan.fingerprint, plan.stage.value, plan.rehearsal)
    connection.execute(
        "INSERT INTO plans (id, run, watch, lead, fingerprint, stage, rehearsal, entered, wall, plan)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " stage = excluded.stage, entered = excluded.entered, wall = excluded.wall, plan = excluded.plan",
        (*values, plan.entered, wall, text),
    )


def plans_of(connection: sqlite3.Connection, run: str) -> list[Plan]:
    """Every plan that was made for a run, the oldest first."""
    found = connection.execute("SELECT plan FROM plans WHERE run = ? ORDER BY rowid", (run,))
    return [_plan(json.loads(text)) for (text,) in found]


def open_plans(connection: sqlite3.Connection) -> list[Plan]:
    """Every plan that still goes on, or whose last word may not have been said."""
    plans = [_plan(json.loads(text)) for (text,) in connection.execute("SELECT plan FROM plans ORDER BY rowid")]
    return [plan for plan in plans if plan.open or any(step.ended is None for step in plan.steps)]


def rehearsals(connection: sqlite3.Connection, rule: str, watch: str, fingerprint: str) -> int:
    """How many rehearsals of the rule, as it is now, a person called right in that watch."""
    query = (
        "SELECT count(*) FROM plans WHERE lead = ? AND watch = ? AND fingerprint = ? AND rehearsal = 1"
        " AND stage = ? AND called = 'right'"
    )
    return int(connection.execute(query, (rule, watch, fingerprint, Stage.REHEARSED.value)).fetchone()[0])


def call(connection: sqlite3.Connection, plan_id: str, word: str) -> bool:
    """A person's word on a plan: `right` or `wrong`. Whether there is such a plan."""
    return connection.execute("UPDATE plans SET called = ? WHERE id = ?", (word, plan_id)).rowcount == 1


def ended_since(connection: sqlite3.Connection, wall: float, *stages: Stage) -> int:
    """How many real plans came to one of these ends since then and were not called by anybody."""
    marks = ",".join("?" * len(stages))
    query = f"SELECT count(*) FROM plans WHERE wall >= ? AND rehearsal = 0 AND called = '' AND stage IN ({marks})"  # noqa: S608
    return int(connection.execute(query, (wall, *(stage.value for stage in stages))).fetchone()[0])


def _plan(data: dict[str, Any]) -> Plan:
    steps = tuple(
        Step(Stage(s["stage"]), Deed(s["deed"]), s["at"], Ended(s["ended"]) if s["ended"] else None, s["detail"])
        for s in data["steps"]
    )
    kept = {
        **data, "stage": Stage(data["stage"]), "route": Route(data["route"]), "wanted": Level(data["wanted"]),
        "steps": steps, "proven": Proven(**data["proven"]), "waits": tuple(data["waits"]),
        "missing": tuple(data["missing"]),
    }  # fmt: skip
    return Plan(**kept)
