"""What survives a restart: runs with their snapshots, alerts and effects, in one transaction a turn (contracts 6).

A run's snapshot and the bookmarks it belongs to are written together, so that after a crash the same bytes are read
again and give the same effects; an effect whose key is there is not made again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sentinel.core.records import Change, Effect, Json, Phase, RunInfo
from sentinel.core.versions import known
from sentinel.core.wire import change_json
from sentinel.keep.opening import Opened, free_reserve, open_state

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY, source TEXT NOT NULL, info TEXT NOT NULL, found_at REAL, over TEXT NOT NULL DEFAULT '',
    over_at REAL, listed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS snapshots (run TEXT PRIMARY KEY, at REAL, data BLOB NOT NULL, bookmarks BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS briefs (run TEXT PRIMARY KEY, brief TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wakings (run TEXT PRIMARY KEY, waking TEXT NOT NULL, rules TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS alerts (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, rule TEXT NOT NULL, instance TEXT NOT NULL, n INTEGER NOT NULL,
    phase TEXT NOT NULL, change TEXT NOT NULL, opened_at REAL, closed_at REAL, UNIQUE (run, rule, instance, n));
CREATE TABLE IF NOT EXISTS effects (
    run TEXT NOT NULL, rule TEXT NOT NULL, instance TEXT NOT NULL, n INTEGER NOT NULL, phase TEXT NOT NULL,
    kind TEXT NOT NULL, alert TEXT NOT NULL, made_at REAL, PRIMARY KEY (run, rule, instance, n, phase, kind))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS stale_briefs AFTER INSERT ON snapshots
    BEGIN DELETE FROM briefs WHERE run = NEW.run; END;
CREATE TRIGGER IF NOT EXISTS stale_wakings AFTER INSERT ON snapshots
    BEGIN DELETE FROM wakings WHERE run = NEW.run; END;
CREATE INDEX IF NOT EXISTS open_alerts ON alerts (run, closed_at);
"""

ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: people read ids aloud
REMEMBERED = 90 * 86400.0  # closed alerts stay at least so long, so that an id is not given again too soon


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One run as it was last written down, with the bookmarks that belong to it."""

    info: RunInfo
    source: str  # what sources call the run
    at: float
    data: Json
    bookmarks: Json
    over: str
    brief: Json = None  # what is enough to know of it while it sleeps
    waking: Json = None  # when time alone wakes it
    waking_by: str = ""  # the mark of the rules under which that was found


class Store:
    """The one SQLite file. Every method but the context manager `turn` expects to be called inside a turn."""

    def __init__(self, folder: Path, schemas: Iterable[str] = ()) -> None:
        """Open or make the state in a folder; `told` says what people should know about that."""
        opened: Opened = open_state(folder, [SCHEMA, *schemas])
        self.folder = folder
        self.path = opened.path
        self.connection = opened.connection
        self.told = opened.told
        self.newer, self.beside = opened.newer, opened.beside
        self.on_disk = opened.on_disk

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def make_room(self) -> bool:
        """The disk is full: give the reserve back to it; whether there was one."""
        return free_reserve(self.folder)

    def leave_disk(self, why: str) -> None:
        """The disk takes nothing more: go on in memory, with all that was there, and say so."""
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        memory.row_factory = sqlite3.Row
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.backup(memory)
        self.connection.close()
        self.connection, self.on_disk = memory, False
        self.told.append(f"{self.path} cannot be written ({why}): alerts are told from memory, not written down")

    def return_to_disk(self) -> bool:
        """Try to go back to the file with all that happened meanwhile; whether that went well."""
        try:
            disk = sqlite3.connect(self.path, isolation_level=None, timeout=1.0, check_same_thread=False)
            disk.row_factory = sqlite3.Row
            self.connection.backup(disk)
            disk.execute("PRAGMA journal_mode=WAL")
            disk.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            return False
        self.connection.close()
        self.connection, self.on_disk = disk, True
        return True

    def shrink(self) -> None:
        """Let go of pages of the state that were read and are held in memory."""
        self.connection.execute("PRAGMA shrink_memory")

    # --- alerts and effects --------------------------------------------------------------------------------------

    def record(self, effects: Iterable[Effect], now: float) -> list[Effect]:
        """Write effects down; only those whose key was not there come back, with their alert's id."""
        made = []
        for effect in effects:
            change = replace(effect.change, id=self._alert_id(effect.change))
            cursor = self.connection.execute(
                "INSERT OR IGNORE INTO effects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*effect.key, effect.kind.value, change.id, now),
            )
            if cursor.rowcount:
                self._write_alert(change, now)
                made.append(replace(effect, change=change))
        return made

    def _alert_id(self, change: Change) -> str:
        row = self.connection.execute(
            "SELECT id FROM alerts WHERE run = ? AND rule = ? AND instance = ? AND n = ?", _alert_key(change)
        ).fetchone()
        return row["id"] if row else self._new_id()

    def _new_id(self) -> str:
        length = 4
        while True:
            for _ in range(64):
                made = "".join(ID_LETTERS[byte % len(ID_LETTERS)] for byte in os.urandom(length))
                if not self.connection.execute("SELECT 1 FROM alerts WHERE id = ?", (made,)).fetchone():
                    return made
            length += 1  # four letters are nearly all in use: rather a longer id than none

    def _write_alert(self, change: Change, now: float) -> None:
        closed = None if change.phase is Phase.FIRING else now
        self.connection.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, change = excluded.change, closed_at = excluded.closed_at",
            (change.id, *_alert_key(change), change.phase.value, json.dumps(change_json(change)), now, closed),
        )

    def alerts(self, open_only: bool = True, limit: int = 1000) -> list[dict[str, Json]]:
        """Alerts as JSON changes, the newest first."""
        where = "WHERE closed_at IS NULL" if open_only else ""
        rows = self.connection.execute(
            f"SELECT change, rule, opened_at, closed_at FROM alerts {where} ORDER BY opened_at DESC LIMIT ?",  # noqa: S608
            (limit,),
        )
        return [json.loads(row["change"]) for row in rows]

    def alert(self, alert_id: str) -> dict[str, Json] | None:
        """One alert by its id."""
        row = self.connection.execute("SELECT change FROM alerts WHERE id = ?", (alert_id,)).fetchone()
        return json.loads(row["change"]) if row else None

    # --- runs ----------------------------------------------------------------------------------------------------

    def save_run(self, snapshot: Snapshot) -> None:
        """A run, its engine state and the bookmarks that belong to it, together."""
        self.connection.execute(
            "INSERT INTO runs (key, source, info, found_at, over) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
            "info = excluded.info, over = excluded.over, over_at = CASE WHEN runs.over = '' AND excluded.over != '' "
            "THEN excluded.found_at ELSE runs.over_at END",
            (snapshot.info.key, snapshot.source, json.dumps(asdict(snapshot.info)), snapshot.at, snapshot.over),
        )
        self.connection.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
            (snapshot.info.key, snapshot.at, pack(snapshot.data), pack(snapshot.bookmarks)),
        )
        self.connection.execute(
            "INSERT OR REPLACE INTO briefs VALUES (?, ?)", (snapshot.info.key, json.dumps(snapshot.brief))
        )

    def save_wakings(self, wakings: Iterable[tuple[str, Json, str]]) -> None:
        """Of runs that sleep: when time alone wakes them, and the mark of the rules that say so."""
        rows = ((key, json.dumps(waking), rules) for key, waking, rules in wakings)
        self.connection.executemany("INSERT OR REPLACE INTO wakings VALUES (?, ?, ?)", rows)

    def list_run(self, info: RunInfo, now: float) -> None:
        """A run that was over before we came."""
        self.connection.execute(
            "INSERT OR IGNORE INTO runs (key, source, info, found_at, over, listed) VALUES (?, ?, ?, ?, 'before us', 1)",
            (info.key, info.key, json.dumps(asdict(info)), now),
        )

    def last_written(self) -> float | None:
        """When a run was last written down."""
        found = self.connection.execute("SELECT max(at) FROM snapshots").fetchone()[0]
        return float(found) if found is not None else None

    def snapshots(self) -> Iterator[Snapshot]:
        """All runs that were written down, oldest first, so that generations come in order.

        What a run's state is, is read when it wakes (`state_of`); here it stands only for a run without a brief. A record
        that cannot be read is told and left out: the run's files are read again.
        """
        rows = self.connection.execute(
            "SELECT r.key, r.source, r.info, r.over, s.at, s.bookmarks, coalesce(b.brief, 'null') AS brief, "
            "coalesce(w.waking, 'null') AS waking, coalesce(w.rules, '') AS rules FROM runs r JOIN snapshots s ON s.run = r.key "
            "LEFT JOIN briefs b ON b.run = r.key LEFT JOIN wakings w ON w.run = r.key ORDER BY r.found_at, r.key"
        ).fetchall()
        for row in rows:
            try:
                info, brief, waking = info_from(row["info"]), json.loads(row["brief"]), json.loads(row["waking"])
                data = self.state_of(info.key) if brief is None else None
                bookmarks = unpack(row["bookmarks"])
            except (zlib.error, ValueError, TypeError) as broken:
                told = f"the record of {row['key']} could not be read back, its files are read again: {broken}"
                self.told.append(told)
                continue
            yield Snapshot(info, row["source"], row["at"], data, bookmarks, row["over"], brief, waking, row["rules"])

    def state_of(self, key: str) -> Json:
        """The engine's state of one run as it was last written down; None if it never was."""
        row = self.connection.execute("SELECT data FROM snapshots WHERE run = ?", (key,)).fetchone()
        return unpack(row["data"]) if row else None

    def listed(self) -> list[RunInfo]:
        """Runs that were over before we came."""
        rows = self.connection.execute("SELECT info FROM runs WHERE listed = 1")
        return [info_from(row["info"]) for row in rows]

    def forget_runs(self, over_before: float) -> list[str]:
        """Drop runs that ended before a time (retention); their keys."""
        rows = self.connection.execute(
            "SELECT key FROM runs WHERE over != '' AND coalesce(over_at, found_at) < ?", (over_before,)
        ).fetchall()
        keys = [row["key"] for row in rows]
        for key in keys:
            self.connection.execute("DELETE FROM snapshots WHERE run = ?", (key,))
            self.connection.execute("DELETE FROM briefs WHERE run = ?", (key,))
            self.connection.execute("DELETE FROM wakings WHERE run = ?", (key,))
            self.connection.execute("DELETE FROM effects WHERE run = ?", (key,))
            self.connection.execute("DELETE FROM runs WHERE key = ?", (key,))
        return keys

    def forget_alerts(self, closed_before: float, now: float) -> None:
        """Drop alerts that closed before a time (retention)."""
        before = min(closed_before, now - REMEMBERED)
        self.connection.execute("DELETE FROM alerts WHERE closed_at < ?", (before,))

    # --- small things --------------------------------------------------------------------------------------------

    def remember(self, key: str, value: str) -> None:
        """One small thing by name (when we last lived, what was already said)."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def recall(self, key: str) -> str | None:
        """A small thing by name."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row["value"] if row else None

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()


def info_from(text: str) -> RunInfo:
    """A run as it was written down, also by a newer version."""
    return RunInfo(**known(RunInfo, json.loads(text)))


def _alert_key(change: Change) -> tuple[str, str, str, int]:
    return (change.run, f"{change.signature}/{change.rule}", change.instance, change.n)


def pack(thing: Json) -> bytes:
    """JSON, made small: a run's series are mostly digits. Python's own `NaN` and `Infinity` are kept, it is our file."""
    return zlib.compress(json.dumps(thing, separators=(",", ":")).encode(), 1)


def unpack(blob: bytes) -> Json:
    """What was packed."""
    thing: Json = json.loads(zlib.decompress(blob))
    return thing
