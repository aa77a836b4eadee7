"""The stop plans in the one SQLite file: each as it last stood, written before any of its deeds is done."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sentinel.core.stopping_plan import OPEN, Deed, Plan, Route, Stage, Step
from sentinel.core.stopping_world import Ended, Level, Proven
from sentinel.core.versions import known

SCHEMA = """
CREATE TABLE IF NOT EXISTS plans (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, watch TEXT NOT NULL, lead TEXT NOT NULL, fingerprint TEXT NOT NULL,
    stage TEXT NOT NULL, rehearsal INTEGER NOT NULL, entered REAL NOT NULL, wall REAL NOT NULL,
    called TEXT NOT NULL DEFAULT '', plan TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS carried (
    boot TEXT NOT NULL, run TEXT NOT NULL, pid INTEGER NOT NULL, start INTEGER NOT NULL,
    PRIMARY KEY (boot, run, pid, start)) WITHOUT ROWID;
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
    marks = ", ".join(f"'{stage.value}'" for stage in OPEN)
    query = f"SELECT plan FROM plans WHERE stage IN ({marks}) OR plan LIKE '%\"ended\": null%' ORDER BY rowid"  # noqa: S608
    return [_plan(json.loads(text)) for (text,) in connection.execute(query)]


def called_right(connection: sqlite3.Connection, watch: str) -> dict[tuple[str, str], int]:
    """Rule and fingerprint -> how many rehearsals of the rule in that form a person called right in that watch."""
    query = (
        "SELECT lead, fingerprint, count(*) FROM plans WHERE watch = ? AND rehearsal = 1 AND stage = ?"
        " AND called = 'right' GROUP BY lead, fingerprint"
    )
    found = connection.execute(query, (watch, Stage.REHEARSED.value))
    return {(lead, fingerprint): int(count) for lead, fingerprint, count in found}


def call(connection: sqlite3.Connection, plan_id: str, word: str) -> bool:
    """A person's word on a plan: `right` or `wrong`. Whether there is such a plan."""
    return connection.execute("UPDATE plans SET called = ? WHERE id = ?", (word, plan_id)).rowcount == 1


def ended_since(connection: sqlite3.Connection, wall: float, stage: Stage, *, uncalled: bool = False) -> int:
    """How many real plans came to that end since then; `uncalled` counts those that nobody has looked at."""
    query = "SELECT count(*) FROM plans WHERE wall >= ? AND rehearsal = 0 AND stage = ? AND (called = '' OR NOT ?)"
    return int(connection.execute(query, (wall, stage.value, uncalled)).fetchone()[0])


def fought(connection: sqlite3.Connection, run: str) -> int:
    """How many real plans signalled this run, or another generation of it, to their end, stopped or failed, and nobody has
    called them right since.
    """
    source = run.partition("#")[0]
    query = (
        "SELECT count(*) FROM plans WHERE rehearsal = 0 AND stage IN (?, ?) AND called != 'right'"
        " AND (run = ? OR substr(run, 1, ?) = ?)"
    )
    values = (Stage.STOPPED.value, Stage.FAILED.value, source, len(source) + 1, f"{source}#")
    return int(connection.execute(query, values).fetchone()[0])


def recent(connection: sqlite3.Connection, wall: float) -> list[tuple[Plan, str]]:
    """The plans that moved since then, the newest first, each with what a person called it."""
    query = "SELECT plan, called FROM plans WHERE wall >= ? ORDER BY wall DESC, rowid DESC LIMIT 200"
    return [(_plan(json.loads(text)), called) for text, called in connection.execute(query, (wall,))]


def plan_of(connection: sqlite3.Connection, plan_id: str) -> Plan | None:
    """One plan by its id."""
    row = connection.execute("SELECT plan FROM plans WHERE id = ?", (plan_id,)).fetchone()
    return _plan(json.loads(row[0])) if row else None


# --- who worked for which run --------------------------------------------------------------------------------------

Members = Iterable[tuple[int, int]]  # pid and start, in clock ticks since boot


def unknown_processes(connection: sqlite3.Connection, boot: str, run: str, members: Members) -> bool:
    """Whether one of these is not yet written down as having worked for the run."""
    return bool(set(members) - processes_by_run(connection, boot).get(run, set()))


def had_processes(connection: sqlite3.Connection, boot: str, run: str) -> bool:
    """Whether anybody was ever seen to work for the run since the machine was started."""
    found = connection.execute("SELECT 1 FROM carried WHERE boot = ? AND run = ? LIMIT 1", (boot, run))
    return found.fetchone() is not None


def note_processes(connection: sqlite3.Connection, boot: str, run: str, members: Members) -> None:
    """These processes work, or worked, for that run. What was before the last boot is forgotten."""
    connection.execute("DELETE FROM carried WHERE boot != ?", (boot,))
    rows = [(boot, run, pid, start) for pid, start in members]
    connection.executemany("INSERT OR IGNORE INTO carried VALUES (?, ?, ?, ?)", rows)


def processes_by_run(connection: sqlite3.Connection, boot: str) -> dict[str, set[tuple[int, int]]]:
    """Each run with the processes that were ever seen to work for it."""
    found: dict[str, set[tuple[int, int]]] = {}
    for run, pid, start in connection.execute("SELECT run, pid, start FROM carried WHERE boot = ?", (boot,)):
        found.setdefault(run, set()).add((pid, start))
    return found


def _plan(data: dict[str, Any]) -> Plan:
    steps = tuple(
        Step(Stage(s["stage"]), Deed(s["deed"]), s["at"], Ended(s["ended"]) if s["ended"] else None, s["detail"])
        for s in data["steps"]
    )
    kept = {
        **data, "stage": Stage(data["stage"]), "route": Route(data["route"]), "wanted": Level(data["wanted"]),
        "steps": steps, "proven": Proven(**known(Proven, data["proven"])), "waits": tuple(data["waits"]),
        "missing": tuple(data["missing"]),
    }  # fmt: skip
    return Plan(**known(Plan, kept))
