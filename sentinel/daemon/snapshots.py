"""When a run is written down: at once when an alert of it moved, else at most once a minute and for little work.

A snapshot holds the engine's state of a run and the bookmarks that belong to it, so a restart reads on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING

from sentinel import __version__
from sentinel.core.asleep import asleep_of
from sentinel.core.digest import digest
from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, Json, RunInfo
from sentinel.core.rule import Rulebook, judging
from sentinel.daemon import stopping_left
from sentinel.keep import plans
from sentinel.keep.store import Snapshot, Store

if TYPE_CHECKING:
    from sentinel.daemon.loop import Files

EVERY = 60.0
SHARE = 200.0  # after some have been saved nothing is for so many times as long: one part in two hundred of the time
AT_ONCE = 20  # so many in one turn: no alert waits for all of them
LONGEST = 600.0  # but no more than so much is read again after a crash


def rules_mark(book: Rulebook) -> str:
    """What judges, the program included: under the same mark what time will do to a sleeping run is as it was found."""
    words = "\n".join((__version__, *sorted(judging(book))))
    return digest(words.encode())


class Snapshots:
    """Which runs were touched since they were last written down."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        files: Files | None,
        keep_runs: float = 26 * 604800.0,
        keep_alerts: float = 52 * 604800.0,
    ) -> None:
        """Nothing is dirty yet."""
        self.engine, self.store, self.files = engine, store, files
        self.keep_runs, self.keep_alerts = keep_runs, keep_alerts
        self._dirty: dict[str, float] = {}  # generation's key -> when it is due
        self._saved_at: dict[str, float] = {}
        self._paid_at = 0.0  # when the last saving is paid back
        self._plan_at = 0.0  # when it is written down next what time will do to those that sleep
        self._listed: list[RunInfo] = []  # over before we came; written down with the next turn

    def note(self, batch: Batch, now: float) -> None:
        """A batch of a run was fed."""
        for item in batch.items:
            if isinstance(item, Found) and not item.info.fresh:
                self._listed.append(item.info)
        key = self.engine.keys().get(batch.run)
        if key in self.engine.runs and key not in self._dirty:  # one that sleeps on is as it was written down
            last = self._saved_at.get(key)
            self._dirty[key] = now if last is None else last + EVERY

    def due(self, changed: Iterable[str], now: float) -> list[str]:
        """The runs to write down in this turn: those with a changed alert, and those whose time has come."""
        late = now if now >= self._paid_at else now - LONGEST
        ripe = sorted(
            (at, key) for key, at in self._dirty.items() if at <= late or (at <= now and key not in self._saved_at)
        )
        return sorted({key for _, key in ripe[:AT_ONCE]} | {key for key in changed if key in self.engine.runs})

    def waits(self, now: float) -> bool:
        """Whether something beside the due runs is to be written down now; when time wakes a run has a minute's time."""
        return bool(self._listed) or (now >= self._plan_at and bool(self.engine.sleepers.planned))

    def all_dirty(self) -> list[str]:
        """Every run touched since it was written down."""
        return sorted(self._dirty)

    def save(self, keys: Iterable[str], now: float, within: float | None = None) -> None:
        """Write runs down; called inside a turn's transaction. Of those that `within` seconds leave no room for the older
        record stays: it carries its own bookmarks, and what came after is read again.
        """
        began = perf_counter()
        last = inf if within is None else began + within
        for info in self._listed:
            self.store.list_run(info, now)
        self._listed = []
        self._save_plans(now)
        reading = self.files.catching_up() if self.files is not None else set()
        sources = {current: source for source, current in self.engine.keys().items()}
        for key in keys:
            if perf_counter() > last:
                return
            watched = self.engine.runs.get(key)
            if watched is None:
                self._dirty.pop(key, None)
                continue
            if sources.get(key, key) in reading:  # no bookmark belongs to half a history
                self._dirty[key] = now + 1.0
                continue
            source = sources.get(key, key)
            self.store.save_run(
                Snapshot(
                    watched.run.info,
                    source,
                    now,
                    watched.save(),
                    self._bookmarks(source),
                    watched.over,
                    None if watched.run.info.kind == "host" else asleep_of(watched).brief(),
                )
            )
            self._dirty.pop(key, None)
            self._saved_at[key] = now
        self._paid_at = now + (perf_counter() - began) * SHARE

    def _save_plans(self, now: float) -> None:
        """When time wakes those that sleep: it belongs to the state that they were put to sleep with."""
        self._plan_at = now + EVERY
        asleep, planned = self.engine.sleepers.runs, self.engine.sleepers.planned
        if planned:
            rules = rules_mark(self.engine.book)
            self.store.save_wakings([(key, asleep[key].waking.kept(), rules) for key in planned])
            planned.clear()

    def written(self, keys: Iterable[str], now: float) -> list[str]:
        """Those of the runs that were written down in this very turn."""
        return [key for key in keys if self._saved_at.get(key) == now and key not in self._dirty]

    def _bookmarks(self, source: str) -> Json:
        return self.files.bookmarks_of(source) if self.files is not None else None

    def maintain(self, now: float) -> None:
        """Retention: forget what is older than the settings keep."""
        with self.store.turn():
            for key in self.store.forget_runs(now - self.keep_runs):
                self.engine.drop(key)
                for known in (self._dirty, self._saved_at):
                    known.pop(key, None)
            self.store.forget_alerts(now - self.keep_alerts, now)
            forgotten = plans.forget(self.store.connection, now - self.keep_alerts)
            worn = plans.worn(self.store.connection, now - self.keep_alerts)
        stopping_left.forget(forgotten, self.store.folder)
        stopping_left.wear(worn, self.store.folder)
