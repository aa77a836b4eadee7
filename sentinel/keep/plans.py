"""The stop plans in the one SQLite file: each as it last stood, written before any of its deeds is done."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sentinel.core.stopping_plan import OPEN, Deed, Plan, Route, Stage, Step
from sentinel.core.stopping_world import Ended, Level, Proven
from sentinel.core.versions import known

ENDED = ", ".join(f"'{stage.value}'" for stage in Stage if stage not in OPEN)  # those that this version knows
OLD = f"wall < ? AND stage IN ({ENDED}) AND plan NOT LIKE '%\"ended\": null%'"
ACTED = f"(rehearsal = 0 AND stage IN ('{Stage.STOPPED.value}', '{Stage.FAILED.value}'))"
COLUMNS = ("id", "run", "watch", "lead", "fingerprint", "entered", "called", "plan")
ROW = f"SELECT {', '.join(COLUMNS)} FROM plans"  # noqa: S608
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
    return [_read(row) for row in connection.execute(f"{ROW} WHERE run = ? ORDER BY rowid", (run,))]


def open_plans(connection: sqlite3.Connection) -> list[Plan]:
    """Every plan that still goes on, or whose last word may not have been said, or that cannot be read."""
    query = f"{ROW} WHERE stage NOT IN ({ENDED}) OR plan LIKE '%\"ended\": null%' ORDER BY rowid"
    return [_read(row) for row in connection.execute(query)]


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


@dataclass(frozen=True, slots=True)
class Since:
    """A moment to count from, by the time of day and by the steady clock of this boot: setting the one moves not the other."""

    wall: float
    boot: str
    steady: float


LATER = "(wall >= ? OR (json_extract(plan, '$.boot') = ? AND entered >= ?)) AND rehearsal = 0"


def acted_since(connection: sqlite3.Connection, since: Since) -> int:
    """How many runs were stopped since then, or asked or signalled by a plan that then failed."""
    query = (
        f"SELECT count(*) FROM plans WHERE {LATER} AND (stage = ? OR (stage = ?"  # noqa: S608
        ' AND (plan LIKE \'%"deed": "ask"%\' OR plan LIKE \'%"deed": "end"%\')))'
    )
    values = (since.wall, since.boot, since.steady, Stage.STOPPED.value, Stage.FAILED.value)
    return int(connection.execute(query, values).fetchone()[0])


def failed_since(connection: sqlite3.Connection, since: Since) -> int:
    """How many plans failed since then and were looked at by nobody."""
    query = f"SELECT count(*) FROM plans WHERE {LATER} AND stage = ? AND called = ''"  # noqa: S608
    return int(connection.execute(query, (since.wall, since.boot, since.steady, Stage.FAILED.value)).fetchone()[0])


def fought(connection: sqlite3.Connection, run: str, alike: Iterable[str] = ()) -> int:
    """How many real plans signalled this run, or another generation of it, to their end, stopped or failed, and nobody has
    called them right since; `alike` are plans for runs of other folders that the same one had started.
    """
    source, others = run.partition("#")[0], tuple(alike)
    marks = ", ".join("?" * len(others))
    query = (
        "SELECT count(*) FROM plans WHERE rehearsal = 0 AND stage IN (?, ?) AND called != 'right'"  # noqa: S608
        f" AND (run = ? OR substr(run, 1, ?) = ? OR id IN ({marks}))"
    )
    values = (Stage.STOPPED.value, Stage.FAILED.value, source, len(source) + 1, f"{source}#", *others)
    return int(connection.execute(query, values).fetchone()[0])


def recent(connection: sqlite3.Connection, wall: float) -> list[tuple[Plan, str]]:
    """The plans that moved since then, the newest first, each with what a person called it."""
    query = f"{ROW} WHERE wall >= ? ORDER BY wall DESC, rowid DESC LIMIT 200"
    return [(_read(row), row[COLUMNS.index("called")]) for row in connection.execute(query, (wall,))]


def plan_of(connection: sqlite3.Connection, plan_id: str) -> Plan | None:
    """One plan by its id."""
    row = connection.execute(f"{ROW} WHERE id = ?", (plan_id,)).fetchone()
    return _read(row) if row else None


def forget(connection: sqlite3.Connection, before: float) -> list[str]:
    """Drop the plans that ended before a time; their ids. What a person called right is a rule's credit and stays, and so
    does what was done to a run: it is not done again, however long ago it was.
    """
    query = f"SELECT id FROM plans WHERE {OLD} AND called != 'right' AND NOT {ACTED}"  # noqa: S608
    ids = [plan for (plan,) in connection.execute(query, (before,))]
    connection.executemany("DELETE FROM plans WHERE id = ?", [(plan,) for plan in ids])
    return ids


def worn(connection: sqlite3.Connection, before: float) -> list[str]:
    """The old plans that stay, whose record is kept and whose evidence need not be."""
    return [plan for (plan,) in connection.execute(f"SELECT id FROM plans WHERE {OLD}", (before,))]  # noqa: S608


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
    """These processes work, or worked, for that run."""
    rows = [(boot, run, pid, start) for pid, start in members]
    connection.executemany("INSERT OR IGNORE INTO carried VALUES (?, ?, ?, ?)", rows)


def processes_by_run(connection: sqlite3.Connection, boot: str) -> dict[str, set[tuple[int, int]]]:
    """Each run with the processes that were ever seen to work for it."""
    return _by_run(connection.execute("SELECT run, pid, start FROM carried WHERE boot = ?", (boot,)))


def processes_before(connection: sqlite3.Connection, boot: str) -> dict[str, set[tuple[int, int]]]:
    """The same of the boots before this one."""
    return _by_run(connection.execute("SELECT run, pid, start FROM carried WHERE boot != ?", (boot,)))


def _by_run(rows: Iterable[Any]) -> dict[str, set[tuple[int, int]]]:
    found: dict[str, set[tuple[int, int]]] = {}
    for run, pid, start in rows:
        found.setdefault(run, set()).add((pid, start))
    return found


def forget_boots_before(connection: sqlite3.Connection, boot: str) -> None:
    """What became of those processes is told."""
    connection.execute("DELETE FROM carried WHERE boot != ?", (boot,))


def _read(row: Any) -> Plan:
    """A plan as it was written; in its place one that nothing is done with, where only a newer Sentinel understands it."""
    named = dict(zip(COLUMNS, row, strict=True))
    try:
        return _plan(json.loads(named["plan"]))
    except (ValueError, KeyError, TypeError) as trouble:
        why = (
            f"it cannot be read ({trouble}): perhaps a newer Sentinel wrote it; it is kept, nothing is done for its run"
        )
        about = (named["id"], named["run"], named["watch"], named["lead"], named["fingerprint"])
        return Plan(*about, -1, Level.NEVER, False, "", 0.0, named["entered"], Stage.UNREAD, why=why)


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
