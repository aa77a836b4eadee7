"""The loop: read, judge, write down, then deliver. One thread decides; what may hang lives in children.

Everything comes in by the constructor, the clock included; `turn` is one pass and tests call it by hand.
"""

from __future__ import annotations

import contextlib
import sqlite3
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import inf
from typing import Any, Protocol

from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Effect, Fault, Found, Json
from sentinel.core.seams import Clock, Source, Waker
from sentinel.daemon.control import Control
from sentinel.daemon.memory import give_back
from sentinel.daemon.patience import Patience
from sentinel.daemon.resting import Resting
from sentinel.daemon.snapshots import Snapshots
from sentinel.keep.store import Store

SET_ASIDE = 60.0  # a source that raised is left alone for so long
BUSY = 0.0
AT_LEAST = 0.001
SOON = 0.1
LONGEST_WAIT, QUIET_WAIT = 1.0, 5.0
MAINTENANCE = 3600.0
TRY_DISK = 60.0
WRITING_AT_THE_END = 0.7  # seconds
FIRST_LOOK = "first look"
FILES = "files"  # the source that follows what runs write


class Delivering(Protocol):
    """Takes effects inside the turn's transaction, delivers them after it, never blocks."""

    def take(self, effects: Sequence[Effect], now: float) -> None:
        """Write down what has to be told; called inside the turn's transaction."""

    def turn(self, now: float) -> float:
        """Start and collect deliveries; how long until there is something to do again."""

    def say(self, head: str, lines: Iterable[str], now: float) -> None:
        """Sentinel speaks of itself, on every channel."""

    def status(self) -> dict[str, Any]:
        """For `sentinel status`."""

    def close(self, seconds: float) -> None:
        """End within that time; what is not delivered stays written down."""


class Files(Protocol):
    """What runs write: its bookmarks are written down with each run."""

    def bookmarks_of(self, key: str) -> Json:
        """Where we are in the files of a run, by what sources call it; None where there is nothing to keep yet."""

    def catching_up(self) -> set[str]:
        """The runs whose history is still being read."""

    @property
    def pending(self) -> bool:
        """Whether the next turn has work at once."""

    def left(self) -> tuple[int, int]:
        """Of how many known runs history is still to be read, and how many are known."""

    def begin_anew(self, key: str) -> bool:
        """Read a run from its beginning, as one that was never met; whether it is one of ours."""

    def be_patient(self, seconds: float) -> None:
        """So long may lines wait that bring no news."""

    @property
    def hears_all(self) -> bool:
        """Whether the kernel is sure to tell what moves."""

    @property
    def next_look(self) -> float:
        """When lines that wait are to be read."""


Trouble = Callable[[str], None]
FaultPoint = Callable[[str], None]


def nowhere(point: str) -> None:
    """No fault point: what production runs with."""


class Daemon:
    """All rooms, tied together."""

    def __init__(
        self,
        *,
        clock: Clock,
        waker: Waker,
        store: Store,
        engine: Engine,
        sources: Sequence[Source],
        files: Files | None,
        delivering: Delivering,
        journal: Trouble,
        admins: Sequence[str] = (),
        at: FaultPoint = nowhere,
    ) -> None:
        """`journal` takes one line about ourselves; `at` is called between deciding, committing and delivering."""
        self.clock, self.waker, self.store, self.engine = clock, waker, store, engine
        self.sources, self.files, self.delivering, self.journal = list(sources), files, delivering, journal
        self.control: Control | None = None
        self._catching_up: set[str] = set()
        self.admins, self.at = list(admins), at  # who may speak for all; a reload changes the list in place
        self.snapshots = Snapshots(engine, store, files)
        self.resting = Resting(engine)
        self.resting.let_go = self._let_go
        self.patience = Patience()
        self.told: list[str] = list(store.told)  # about ourselves: state, reloads, bugs
        self.began = clock.wall()
        self.turns = 0
        self.stopping = False
        # What runs wrote before our very first turn is history. What they wrote while we were dead is not: a crash must
        # not turn alerts into history.
        self.first_life = store.recall(FIRST_LOOK) is None
        self.after_turn: list[Callable[[], None]] = []  # systemd's status and watchdog, reloads, the ping
        self.at_end: list[Callable[[], None]] = []
        self.continued: list[Callable[[str, str, float], None]] = []  # told of a run and the one that goes on with it
        self.shown: list[Callable[[], dict[str, Any]]] = []  # what others add to `status`
        self.standstills: Callable[[], list[str]] = list  # which of our workers stand still
        self.begins_anew = False  # stopping only to start again at once
        self.own_faults: Callable[[], Iterable[tuple[str, int, Fault]]] = (
            tuple  # in runs' own rules: folder, user, fault
        )
        self.owed: list[Effect] = []  # what was decided between two turns; the next one writes it down
        self._reload = False
        self._aside: dict[str, tuple[float, str]] = {}  # source -> (until, why)
        self._maintain_at = self.began + MAINTENANCE
        self._disk_at = self.began

    # --- one turn ------------------------------------------------------------------------------------------------

    def turn(self) -> float:
        """Read, judge, write down, deliver; how long until the next turn."""
        now = self.clock.wall()
        if self.files is not None:
            self.files.be_patient(self.patience.weigh(now))
        effects = self._decide(now)
        self.at("decided")
        self._write_down(effects, now)
        self.at("committed")
        wait = self.delivering.turn(now)
        self.at("delivered")
        self._look_after(now)
        self.turns += 1
        if self.sweeping:
            return BUSY
        if self.files is not None and FILES not in self._aside:
            wait = min(wait, max(self.files.next_look - self.clock.wall(), AT_LEAST))
        return min(wait, SOON) if self.resting.more or self.engine.sleepers.pressing else wait

    @property
    def longest_wait(self) -> float:
        """How long a turn may be waited for where nobody speaks up: while all runs sleep that is no training's time."""
        nobody = self.files is not None and self.files.hears_all and self.engine.all_asleep
        return QUIET_WAIT if nobody else LONGEST_WAIT

    @property
    def sweeping(self) -> bool:
        """Whether history is still being read; not while reading files is set aside, for that may last."""
        return self.files is not None and self.files.pending and FILES not in self._aside

    def _decide(self, now: float) -> list[Effect]:
        effects, self.owed = self.owed, []
        for batch in self._read(now):
            effects += self._feed(batch)
            self.snapshots.note(batch, now)
        effects += self._caught_up()
        effects += self.engine.tick(now)
        for run, rule, trace in self.engine.bugs:
            self.tell_about_us(f"a bug set rule {rule} aside on {run}: {trace.strip().splitlines()[-1]}")
        self.engine.bugs.clear()
        for run, what in list(self.engine.lost.items()):
            self._begin_anew(run, what)
        return effects

    def _begin_anew(self, run: str, what: str) -> None:
        """The record of a run that slept cannot be read: its files are read again, and what was told is not told again."""
        del self.engine.lost[run]
        self.tell_about_us(what)
        source = next((known for known, current in self.engine.keys().items() if current == run), "")
        if self.files is not None and self.files.begin_anew(source):
            self.engine.drop(run)

    def _caught_up(self) -> list[Effect]:
        """Runs whose history was read to its end: what still fires in them is told now, in one go."""
        if self.files is None:
            return []
        done = self._catching_up - self.files.catching_up()
        self._catching_up -= done
        return self.engine.caught_up(done)

    def _read(self, now: float) -> Iterable[Batch]:
        for source in tuple(self.sources):
            until, _ = self._aside.get(source.name, (0.0, ""))
            if now < until:
                continue
            self._aside.pop(source.name, None)
            try:
                yield from source.read(now)
            except Exception as bug:  # one source must not end the watch over all others
                why = f"{type(bug).__name__}: {bug}"
                self._aside[source.name] = (now + SET_ASIDE, why)
                self.tell_about_us(f"source {source.name} is set aside for a minute: {why}")

    def _feed(self, batch: Batch) -> list[Effect]:
        first = batch.items[0] if batch.items else None
        if isinstance(first, Found) and first.at is None and first.info.fresh and self.first_life:
            self._catching_up.add(batch.run)
            batch = Batch(batch.run, (replace(first, history=True), *batch.items[1:]))
        try:
            self._hand_on(batch)
            return self.engine.feed([batch])
        except Exception:
            self.tell_about_us(f"a bug lost a batch of {batch.run}: {traceback.format_exc(limit=3)}")
            return []

    def _hand_on(self, batch: Batch) -> None:
        """What people said of a run holds for the one that continues it."""
        for item in batch.items:
            if isinstance(item, Found) and item.info.fresh and item.info.continues:
                keys = self.engine.keys()
                before, after = (keys.get(key, key) for key in (item.info.continues, batch.run))
                for take in self.continued:
                    take(before, after, self.clock.wall())

    # --- writing down --------------------------------------------------------------------------------------------

    def _write_down(self, effects: list[Effect], now: float) -> None:
        changed = {effect.change.run for effect in effects}
        tired = self.resting.due(now, self.files.catching_up() if self.files is not None else ())
        due = sorted({*self.snapshots.due(changed, now), *tired})
        if self.stopping:  # a signal came in this turn: only what an alert moved of is written down before the end
            tired, due = [], self.snapshots.due(changed, -inf)
        first_turn = self.first_life and not self.turns
        if not (effects or due or self.snapshots.waits(now) or first_turn):
            return
        for attempt in (self._commit, self._commit_in_freed_room, self._commit_in_memory):
            try:
                attempt(effects, due, now)
                self.resting.lay_down(self.snapshots.written(tired, now))
                return
            except sqlite3.OperationalError as trouble:
                self.tell_about_us(f"the state cannot be written: {trouble}")

    def _commit(self, effects: list[Effect], due: Iterable[str], now: float) -> None:
        with self.store.turn():
            fresh = self.store.record(effects, now)
            self.delivering.take(fresh, now)
            self.snapshots.save(due, now)
            if self.first_life and not self.turns:
                self.store.remember(FIRST_LOOK, str(now))

    def _commit_in_freed_room(self, effects: list[Effect], due: Iterable[str], now: float) -> None:
        if not self.store.make_room():
            raise sqlite3.OperationalError("no reserve is left on the state disk")
        self._commit(effects, due, now)
        head = f"{self.engine.host}: the state disk is full"
        lines = (f"Sentinel freed its reserve in {self.store.folder} and could write this turn down",
                 "make room now: there is no second reserve, next comes memory alone")  # fmt: skip
        self.delivering.say(head, lines, now)

    def _commit_in_memory(self, effects: list[Effect], due: Iterable[str], now: float) -> None:
        self.store.leave_disk("full or read-only")
        self._commit(effects, due, now)

    # --- looking after ourselves -----------------------------------------------------------------------------------

    def _let_go(self) -> None:
        """Many runs went to sleep: what they took is given back."""
        with contextlib.suppress(sqlite3.Error):
            self.store.shrink()
        give_back()

    def _look_after(self, now: float) -> None:
        if not self.store.on_disk and now >= self._disk_at:
            self._disk_at = now + TRY_DISK
            if self.store.return_to_disk():
                self.tell_about_us("the state disk takes writes again; all that happened meanwhile was written down")
        if now >= self._maintain_at:
            self._maintain_at = now + MAINTENANCE
            self.snapshots.maintain(now)

    def tell_about_us(self, text: str) -> None:
        """Something about Sentinel itself: into the journal and `status`, each text once in a row."""
        if text not in self.told[-20:]:
            self.note(text)
            self.journal(text)

    def note(self, text: str) -> None:
        """For `status` alone: somebody else says it in the journal."""
        self.told = [*self.told[-99:], text]

    def troubles(self) -> list[str]:
        """What cannot be read now, each with its cure."""
        aside = [f"{name}: set aside after a bug: {why}" for name, (_, why) in self._aside.items()]
        return [*self.standstills(), *aside, *(trouble for source in self.sources for trouble in source.trouble())]

    def extra_status(self) -> dict[str, Any]:
        """What others add to `status`."""
        shown = {key: value for view in self.shown for key, value in view().items()}
        return {"on_disk": self.store.on_disk, **self.delivering.status(), **shown}

    def ask_reload(self) -> None:
        """Read rules and settings again at the next turn."""
        self._reload = True
        self.waker.wake()

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self._reload = self._reload, False
        return asked

    def stop(self) -> None:
        """End after this turn."""
        self.stopping = True
        self.waker.wake()

    def close(self) -> None:
        """Write down what there is time for and let go; well under two seconds. What was decided is written down already."""
        for last in self.at_end:
            last()
        now = self.clock.wall()
        with contextlib.suppress(sqlite3.Error), self.store.turn():
            self.snapshots.save(self.snapshots.all_dirty(), now, WRITING_AT_THE_END)
            self.store.remember("lived until", str(now))
        if self.control is not None:
            self.control.close()
        self.delivering.close(1.0)
        for source in self.sources:
            source.close()
        self.store.close()
