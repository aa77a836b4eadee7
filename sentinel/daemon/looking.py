"""What is looked at: files, journals and the machine, made from the settings and changed with them.

Sources only hand in readings. Here they are chosen; what did not change in the settings is not touched.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sentinel.core.amounts import parse_seconds
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Json, RunInfo
from sentinel.core.seams import Source
from sentinel.daemon.books import Books
from sentinel.daemon.ends import Ends, Workers
from sentinel.daemon.machines import Machinery
from sentinel.daemon.settings import Settings, Watch
from sentinel.daemon.waiting import SelectorWaker
from sentinel.sources.hints import Hints
from sentinel.sources.journal import Journal
from sentinel.sources.plan import WatchPlan
from sentinel.sources.suspects import Suspects
from sentinel.sources.tree import root_of
from sentinel.sources.watcher import Watcher

UNWATCHED = "no watch names it any more"


class Looking:
    """All sources, and which runs they no longer name."""

    def __init__(
        self,
        settings: Settings,
        books: Books,
        state: Path,
        kept: Mapping[str, Json],
        machinery: Machinery,
        waker: SelectorWaker,
    ) -> None:
        """`kept` are the bookmarks of an earlier life, by what sources call a run."""
        self._plans = [plan_of(watch) for watch in settings.watches()]
        self._roots, self._waker, self._names = roots_of(self._plans), waker, books.names
        self._hints = self._listen(self._roots)
        workers, steady = Workers(), time.monotonic
        self.watcher = Watcher(
            self._plans,
            books.names,
            kept,
            host=platform.node(),
            busy=lambda folder: workers.busy(folder, steady()),
            hints=self._hints,
            suspects=suspects_in(state),
        )
        units = units_of(settings)
        self.journals = [Journal(*unit, books.names, kept.get(f"{unit[0]}:journal:{unit[1]}")) for unit in units]
        self.machinery = machinery

    @property
    def sources(self) -> list[Source]:
        """Everything that is read at each turn."""
        machine = self.machinery.machine
        return [self.watcher, *self.journals, *([Ends(machine, self.watcher)] if machine else [])]

    def adopt(self, settings: Settings, names: Names, engine: Engine) -> None:
        """Take other settings or names into force; what stays the same goes on where it is."""
        plans = [plan_of(watch) for watch in settings.watches()]
        if plans != self._plans or names is not self._names:
            roots = roots_of(plans)
            if roots != self._roots:
                self._unlisten()
                self._hints, self._roots = self._listen(roots), roots
            for key in self.watcher.adopt(plans, names, self._hints):
                engine.drop(engine.keys().get(key, key))
            self._plans, self._names = plans, names
        self._adopt_journals(units_of(settings), names)
        self.machinery.adopt(settings)

    def _listen(self, roots: Sequence[str]) -> Hints:
        """The kernel's hints; one ends the loop's wait, and the watcher takes what it says."""
        hints = Hints(roots)
        if hints.descriptor is not None:
            self._waker.watch(hints.descriptor, lambda: None)
        return hints

    def _unlisten(self) -> None:
        if self._hints.descriptor is not None:
            self._waker.unwatch(self._hints.descriptor)

    def _adopt_journals(self, units: Sequence[tuple[str, str]], names: Names) -> None:
        known = {journal.info.key: journal for journal in self.journals}
        wanted = {f"{watch}:journal:{unit}": (watch, unit) for watch, unit in units}
        for key in known.keys() - wanted.keys():
            known[key].close()
        self.journals = [known.get(key) or Journal(*unit, names) for key, unit in wanted.items()]

    def unnamed(self, runs: Iterable[tuple[str, RunInfo]]) -> list[str]:
        """The keys of those runs that came from a watch, which now no watch names."""
        journals = {journal.info.key for journal in self.journals}
        watched = [key for key, info in runs if info.watch and info.kind != "host"]
        return [key for key in watched if key not in journals and not self._names_run(key)]

    def _names_run(self, key: str) -> bool:
        return any(plan.names_run(key) for plan in self._plans)

    # --- where we are in all that runs write, files and journals alike ---------------------------------------------

    def bookmarks_of(self, key: str) -> Json:
        """By what sources call a run; of the host's own, where we are in the kernel log."""
        if key == self.machinery.host:
            return self.machinery.bookmarks()
        journal = next((journal for journal in self.journals if journal.info.key == key), None)
        return self.watcher.bookmarks_of(key) if journal is None else journal.bookmarks().get(key)

    def catching_up(self) -> set[str]:
        """The runs whose history is still being read."""
        return self.watcher.catching_up()

    @property
    def pending(self) -> bool:
        """Whether the next turn has work at once."""
        return self.watcher.pending

    def left(self) -> tuple[int, int]:
        """Of how many known runs history is still to be read, and how many are known."""
        return self.watcher.left()

    def begin_anew(self, key: str) -> bool:
        """Read a run from its beginning; False for a journal, whose place alone is known."""
        return self.watcher.begin_anew(key)

    def be_patient(self, seconds: float) -> None:
        """So long may lines wait that bring no news."""
        self.watcher.turns.patience = seconds

    @property
    def hears_all(self) -> bool:
        """Whether the kernel is sure to tell what moves."""
        return self.watcher.hears_all

    @property
    def next_look(self) -> float:
        """When lines that wait are to be read."""
        return self.watcher.turns.next_moved


def roots_of(plans: Sequence[WatchPlan]) -> list[str]:
    """The folders below which all matches lie."""
    return sorted({root_of(pattern) for plan in plans for pattern in (plan.runs, *plan.files) if pattern})


def units_of(settings: Settings) -> list[tuple[str, str]]:
    """Watch and unit of each journal that is read."""
    return [(watch.name, unit) for watch in settings.watches() for unit in watch.journal]


def suspects_in(state: Path) -> Suspects | None:
    """The note of what may kill us; a folder that takes nothing costs the note, not the watch."""
    try:
        return Suspects(state / "suspects")
    except OSError:
        return None


def plan_of(watch: Watch) -> WatchPlan:
    """One `[[watch]]` as sources know it."""
    return WatchPlan(
        name=watch.name,
        runs=os.path.abspath(watch.runs) if watch.runs else "",
        files=tuple(os.path.abspath(pattern) for pattern in watch.files),
        read=tuple(watch.read),
        config=tuple(watch.config),
        labels=dict(watch.labels),
        fresh=parse_seconds(watch.fresh) or 3600.0,
        home=watch.home,
        title=watch.title,
        poll=parse_seconds(watch.poll) or 1.0,
    )
