"""What a state folder tells when no daemon answers: read only, and it says how old it is."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from sentinel.core.amounts import seconds_text
from sentinel.core.wire import VERSION, timestamp

PLACES = (Path("state"), Path("/var/lib/sentinel"))
NAME = "sentinel.db"


def state_status(named: str | None) -> dict[str, Any] | None:
    """The last known status, in the form the daemon answers; None where there is no state to read."""
    for folder in [Path(named)] if named else PLACES:
        path = folder / NAME
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            connection.row_factory = sqlite3.Row
            return {"v": VERSION, "ok": True, "state": str(path), "age": _age(path), **_read(connection)}
        except sqlite3.Error:
            continue
    return None


def _age(path: Path) -> str:
    newest = max(file.stat().st_mtime for file in (path, Path(f"{path}-wal")) if file.exists())
    return seconds_text(max(0.0, time.time() - newest))


def _read(connection: sqlite3.Connection) -> dict[str, Any]:
    runs = [_run(row) for row in connection.execute("SELECT info, over FROM runs WHERE listed = 0")]
    alerts = connection.execute("SELECT change FROM alerts WHERE closed_at IS NULL ORDER BY opened_at DESC LIMIT 1000")
    listed = connection.execute("SELECT count(*) FROM runs WHERE listed = 1").fetchone()[0]
    found = [json.loads(row["change"]) for row in alerts]
    known = {"runs": runs, "listed": listed, "alerts": found, "words": _words(connection)}
    return {"version": "", "host": "", "rules": 0, "troubles": [], **known}


def _words(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """What people said that still holds, in the form the daemon shows."""
    rows = connection.execute(
        "SELECT saying, scope, target, rule, who, at, until, why FROM words"
        " WHERE over IS NULL AND (until IS NULL OR until > ?) ORDER BY n",
        (time.time(),),
    )
    return [{**dict(row), "at": timestamp(row["at"]), "until": timestamp(row["until"])} for row in rows]


def _run(row: sqlite3.Row) -> dict[str, Any]:
    info = json.loads(row["info"])
    return {
        "run": info["name"],
        "watch": info["watch"],
        "standing": row["over"] or "cannot tell",
        "step": None,
        "firing": 0,
    }
