"""The outbox: deliveries and what telling must remember, in SQLite, with a memory that outlives a full disk.

The rows in memory are the truth while the daemon lives; the tables are their copy. What cannot be written stays dirty
and is tried again each turn, and its delivery goes out all the same, marked "not written down".
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sentinel.core.records import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    kind TEXT NOT NULL,
    letter TEXT NOT NULL,
    made REAL NOT NULL,
    since REAL NOT NULL,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'waiting',
    code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    done REAL
);
CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (channel, n) WHERE state IN ('waiting', 'sending');
CREATE TABLE IF NOT EXISTS telling (
    channel TEXT NOT NULL,
    sort TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (channel, sort, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS threads (
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    message TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (channel, topic)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""
MOST_IN_MEMORY = 10_000  # what a full disk may let pile up
KEPT_DONE = 30 * 86400.0
_ID = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing for one channel, and how far it got."""

    n: int
    id: str
    channel: str
    topic: str
    kind: str
    letter: Mapping[str, Any]
    made: float
    since: float  # when its cause came up
    due: float
    attempts: int = 0
    state: str = "waiting"  # waiting, sending, sent, dead, merged
    code: str = ""
    detail: str = ""
    done: float | None = None

    @property
    def open(self) -> bool:
        """Whether it still has to go."""
        return self.state in {"waiting", "sending"}


Key = tuple[str, str, str]


@dataclass(slots=True)
class _Dirty:
    deliveries: set[int] = field(default_factory=set)
    telling: set[Key] = field(default_factory=set)
    threads: set[tuple[str, str]] = field(default_factory=set)
    taken: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.deliveries or self.telling or self.threads or self.taken)


class Paper(Protocol):
    """What rows are written on: the store, whose connection changes when it leaves a full disk for memory."""

    connection: sqlite3.Connection
    on_disk: bool


class Outbox:
    """All open deliveries, in order, and what desks and threads remember."""

    def __init__(self, paper: Paper) -> None:
        """Go on from what was written. A delivery that was on its way when we died is on its way again."""
        self._paper = paper
        self._dirty = _Dirty()
        self._unsure = _Dirty()  # written inside a transaction that somebody else may yet roll back
        self.trouble = ""  # why the last write failed, or ""
        self.dropped = 0  # deliveries that even memory had no room for
        self.deliveries: dict[int, Delivery] = {}
        self.telling: dict[Key, str] = {}
        self.threads: dict[tuple[str, str], dict[str, str]] = {}
        self._taken: set[str] = set()
        self._next = 1
        self._load()

    @property
    def _db(self) -> sqlite3.Connection:
        return self._paper.connection

    def _load(self) -> None:
        columns = "n, id, channel, topic, kind, letter, made, since, due, attempts, state, code, detail, done"
        query = f"SELECT {columns} FROM deliveries WHERE state IN ('waiting', 'sending') ORDER BY n"  # noqa: S608
        for row in self._db.execute(query):
            n, name, channel, topic, kind, letter, *rest = row
            delivery = Delivery(n, name, channel, topic, kind, json.loads(letter), *rest)
            if delivery.state == "sending":
                delivery = replace(delivery, state="waiting", due=0.0)
            self.deliveries[delivery.n] = delivery
        for channel, sort, key, body in self._db.execute("SELECT channel, sort, key, body FROM telling"):
            self.telling[channel, sort, key] = body
        for channel, topic, message in self._db.execute("SELECT channel, topic, message FROM threads"):
            self.threads[channel, topic] = json.loads(message)
        self._taken = {key for (key,) in self._db.execute("SELECT key FROM taken")}
        self._next = 1 + self._db.execute("SELECT coalesce(max(n), 0) FROM deliveries").fetchone()[0]

    # --- changes: memory first, paper at the next flush -----------------------------------------------------------

    def take(self, key: str, now: float) -> bool:
        """Whether an effect is new here; it is noted."""
        if key in self._taken:
            return False
        self._taken.add(key)
        self._dirty.taken[key] = now
        return True

    def add(
        self, channel: str, topic: str, kind: str, letter: Mapping[str, Json], now: float, since: float
    ) -> Delivery:
        """A new delivery at the end of its channel's queue; a waiting edit of the same message is replaced by it."""
        if kind == "edit" and (earlier := self._waiting_for(channel, topic)) is not None:
            return self.put(replace(earlier, letter={**letter, "occasion": earlier.letter["occasion"]}))
        n = self._next
        self._next += 1
        delivery = Delivery(n, _short(n, now), channel, topic, kind, letter, now, since, now)
        if len(self.deliveries) >= MOST_IN_MEMORY:
            self.dropped += 1
            return delivery
        return self.put(delivery)

    def _waiting_for(self, channel: str, topic: str) -> Delivery | None:
        """The newest waiting post or edit of a message, whose text a further edit may simply replace."""
        found = [d for d in self.deliveries.values() if d.channel == channel and d.topic == topic]
        fresh = [d for d in found if d.state == "waiting" and d.kind in {"post", "edit"} and d.attempts == 0]
        return fresh[-1] if fresh else None

    def put(self, delivery: Delivery) -> Delivery:
        """The new form of a delivery."""
        self.deliveries[delivery.n] = delivery
        self._dirty.deliveries.add(delivery.n)
        return delivery

    def remember(self, channel: str, sort: str, key: str, body: Mapping[str, Json] | None) -> None:
        """What a desk must know after a restart; None forgets it."""
        place = (channel, sort, key)
        if body is None:
            self.telling.pop(place, None)
        else:
            self.telling[place] = json.dumps(body)
        self._dirty.telling.add(place)

    def thread(self, channel: str, topic: str, message: Mapping[str, str]) -> None:
        """The identity of a message on its channel, for edits and replies."""
        self.threads[channel, topic] = dict(message)
        self._dirty.threads.add((channel, topic))

    # --- views ----------------------------------------------------------------------------------------------------

    def queue(self, channel: str) -> list[Delivery]:
        """What a channel still has to get, in order."""
        return [d for d in self.deliveries.values() if d.channel == channel and d.open]

    def dead(self, most: int = 200) -> list[dict[str, Json]]:
        """The dead letters, newest first."""
        query = (
            "SELECT n, id, channel, topic, kind, letter, made, attempts, code, detail, done FROM deliveries"
            " WHERE state = 'dead' ORDER BY n DESC LIMIT ?"
        )
        names = ("n", "id", "channel", "topic", "kind", "letter", "made", "attempts", "code", "detail", "done")
        rows = [dict(zip(names, row, strict=True)) for row in self._db.execute(query, (most,))]
        return [{**row, "letter": json.loads(row["letter"])} for row in rows]

    def revive(self, now: float, wanted: str = "") -> int:
        """Dead letters (or one of them) go to the end of their queues again; how many."""
        chosen = [row for row in self.dead(10_000) if wanted in {"", row["id"], row["channel"]}]
        for row in reversed(chosen):
            again = Delivery(
                n=int(str(row["n"])),
                id=str(row["id"]),
                channel=str(row["channel"]),
                topic=str(row["topic"]),
                kind=str(row["kind"]),
                letter=dict(row["letter"]) if isinstance(row["letter"], dict) else {},
                made=now,
                since=now,
                due=now,
                attempts=int(str(row["attempts"])),
            )
            self.put(again)
        return len(chosen)

    # --- paper ----------------------------------------------------------------------------------------------------

    @property
    def unwritten(self) -> bool:
        """Whether something is known to memory alone."""
        return bool(self._dirty)

    def flush(self, now: float) -> bool:
        """Write what changed; False when the disk does not take it, and then memory goes on alone.

        Inside a transaction of the caller the rows count as unsure until the next flush has found them on paper.
        """
        self._settle()
        if not self._dirty:
            return True
        theirs = self._db.in_transaction
        try:
            with _transaction(self._db):
                self._write(self._dirty, now)
        except sqlite3.Error as trouble:
            self.trouble = str(trouble)
            return False
        self.trouble = ""
        if theirs:
            _join(self._unsure, self._dirty)
        self._dirty = _Dirty()
        self._forget_done()
        return True

    def _settle(self) -> None:
        """What a transaction of the caller carried is on paper, or must be written again (it was rolled back)."""
        if not self._unsure:
            return
        mark = next(iter(self._unsure.taken), None)
        try:
            found = mark is not None and self._db.execute("SELECT 1 FROM taken WHERE key = ?", (mark,)).fetchone()
        except sqlite3.Error:
            found = None
        if self._db.in_transaction or not found:  # writing a row twice does no harm
            _join(self._dirty, self._unsure)
        self._unsure = _Dirty()

    def _write(self, dirty: _Dirty, now: float) -> None:
        for n in sorted(dirty.deliveries):
            d = self.deliveries[n]
            row = (d.n, d.id, d.channel, d.topic, d.kind, json.dumps(d.letter), d.made, d.since, d.due)
            self._db.execute(
                "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, d.attempts, d.state, d.code, d.detail, d.done),
            )
        for place in dirty.telling:
            body = self.telling.get(place)
            if body is None:
                self._db.execute("DELETE FROM telling WHERE channel = ? AND sort = ? AND key = ?", place)
            else:
                self._db.execute("INSERT OR REPLACE INTO telling VALUES (?, ?, ?, ?)", (*place, body))
        for where in dirty.threads:
            message = json.dumps(self.threads[where])
            self._db.execute("INSERT OR REPLACE INTO threads VALUES (?, ?, ?, ?)", (*where, message, now))
        self._db.executemany("INSERT OR IGNORE INTO taken VALUES (?, ?)", dirty.taken.items())

    def _forget_done(self) -> None:
        """What is done and on paper needs no memory."""
        held = self._unsure.deliveries
        for n in [n for n, d in self.deliveries.items() if not d.open and n not in held]:
            del self.deliveries[n]

    def sweep(self, now: float) -> None:
        """Once in a while: forget what was delivered long ago."""
        try:
            with _transaction(self._db):
                old = now - KEPT_DONE
                self._db.execute("DELETE FROM deliveries WHERE state IN ('sent', 'merged') AND done < ?", (old,))
                self._db.execute("DELETE FROM taken WHERE at < ?", (now - 3 * KEPT_DONE,))
                self._db.execute("DELETE FROM threads WHERE at < ?", (now - 3 * KEPT_DONE,))
        except sqlite3.Error as trouble:
            self.trouble = str(trouble)


def _join(into: _Dirty, other: _Dirty) -> None:
    into.deliveries |= other.deliveries
    into.telling |= other.telling
    into.threads |= other.threads
    into.taken.update(other.taken)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, inside a transaction of the caller's too."""
    inner = db.in_transaction
    db.execute("SAVEPOINT telling" if inner else "BEGIN IMMEDIATE")
    try:
        yield
        db.execute("RELEASE telling" if inner else "COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have rolled all of it back already
            db.execute("ROLLBACK TO telling" if inner else "ROLLBACK")
        raise


def _short(n: int, now: float) -> str:
    """A delivery's id: short, unique on this machine, the same over all its attempts."""
    number, text = (int(now) % 1_000_000) * 100_000 + n, ""
    while number:
        number, rest = divmod(number, 32)
        text = _ID[rest] + text
    return text or "0"
