"""What is in force and how it changes: settings and rules are swapped together between two turns, or not at all.

All that can fail is made ready first; only then each part adopts. Nothing known is forgotten: runs keep their phases,
files their bookmarks, channels what waits for them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentinel.core.amounts import parse_seconds
from sentinel.core.records import Fault
from sentinel.core.rule import Rulebook
from sentinel.core.stopping_world import Limits
from sentinel.daemon import last_good
from sentinel.daemon.books import Books
from sentinel.daemon.dead_disks import silent, troubles, without
from sentinel.daemon.delivering import Office
from sentinel.daemon.journal import Priority
from sentinel.daemon.looking import UNWATCHED, Looking
from sentinel.daemon.loop import Daemon, FaultPoint, nowhere
from sentinel.daemon.novelties import Novelties
from sentinel.daemon.own_rules import OwnRules
from sentinel.daemon.service import Service
from sentinel.daemon.settings import Settings, Watch, load_settings
from sentinel.daemon.telling_faults import RULE_FILES, SETTINGS, tell_faults
from sentinel.daemon.trust import am_privileged, distrusted

BY_RESTART = ("state", "socket")  # keys of [sentinel] that only a restart takes


@dataclass(frozen=True, slots=True)
class Plan:
    """What `sentinel run` was told."""

    settings: Settings
    path: Path | None = None
    state: Path | None = None
    trace: str | None = None
    at: FaultPoint = nowhere
    waits: Limits = field(default_factory=Limits)  # of the stop plan, those that no setting names
    watch: Sequence[str] = field(default=())  # patterns of the command line, in place of the settings' watches
    left_out: Sequence[str] = field(default=())  # watches whose disks did not answer at the start

    def read(self) -> tuple[Settings | None, list[Fault]]:
        """The settings as they stand in the file now."""
        if self.path is None:
            return self.settings, []
        found, faults = load_settings(self.path)
        if found is None:
            return None, faults
        settings = without(with_watches(found, self.watch), self.left_out)
        dead = silent(
            settings.watches()
        )  # whoever touches such a folder waits: what is in force has touched it already
        return (None, [Fault(str(self.path), 0, 0, text) for text in troubles(dead)]) if dead else (settings, faults)


def with_watches(settings: Settings, patterns: Sequence[str]) -> Settings:
    """The settings, watching what the command line names where it names something."""
    watches = [Watch(name=f"watch-{n}", runs=pattern) for n, pattern in enumerate(patterns, 1)]
    return replace(settings, watch=watches) if watches else settings


def not_to_obey(path: Path | None, settings: Settings) -> list[str]:
    """With rights that others lack, files that others can write are not obeyed (contracts 8)."""
    if not am_privileged():
        return []
    folders = [Path(folder) for folder in settings.sentinel.rules]
    rules = [path for folder in folders if folder.is_dir() for path in (folder, *sorted(folder.rglob("*.y*ml")))]
    return distrusted([*([path] if path else []), *rules], os.geteuid())


class Reloading:
    """The settings and books in force."""

    def __init__(
        self,
        daemon: Daemon,
        office: Office,
        looking: Looking,
        books: Books,
        plan: Plan,
        service: Service,
        novelties: Novelties,
        own: OwnRules,
    ) -> None:
        """In force is what the daemon was made with."""
        self._daemon, self._office, self._looking, self._service = daemon, office, looking, service
        self.settings, self.books, self._plan = plan.settings, books, plan
        self._novelties, self._own = novelties, own
        own.appeared = looking.watcher.with_own

    def begin(self, now: float) -> None:
        """Once, at the start: what no settings name any more is let go, and records are kept for as long as they say."""
        self._keep_for(self.settings)
        last_good.remember(self._daemon.store.folder, self.settings)
        self._leave(now)
        self._daemon.engine.feed(self._looking.machinery.found(now))

    def in_force(self) -> Settings:
        """The settings that count now."""
        return self.settings

    def look(self) -> None:
        """After each turn: take everything when it was asked for, and rules alone when a file of them moved."""
        if self._daemon.take_reload():
            self._service.reloading(time.monotonic_ns() // 1000)
            try:
                self._take_all()
            except Exception as bug:  # whatever it is, the watch goes on with what it had
                self._refuse([f"a bug in Sentinel: {type(bug).__name__}: {bug}"])
            self._service.reloaded()
        elif self.books.moved(self._daemon.clock.steady()):
            self._take_rules()
        elif self._novelties.until is not None and self._now() >= self._novelties.until:
            self._daemon.owed += self._daemon.engine.adopt(self._calm(), self.books.names)

    # --- making ready: nothing is changed yet ------------------------------------------------------------------------

    def _take_all(self) -> None:
        settings, faults = self._plan.read()
        if settings is None:
            self._refuse([str(fault) for fault in faults])
            tell_faults(self._office, self._daemon.store, faults, self._now(), SETTINGS)
            return
        if reasons := not_to_obey(self._plan.path, settings):
            self._refuse(reasons)
            return
        self._swap(settings, self.books.anew([Path(folder) for folder in settings.sentinel.rules]))
        tell_faults(self._office, self._daemon.store, [], self._now(), SETTINGS)

    def _take_rules(self) -> None:
        fresh = self.books.anew()
        if reasons := not_to_obey(None, self.settings):
            self.books.seen_as(fresh)
            self._refuse(reasons)
            return
        self._swap(self.settings, fresh)

    def _refuse(self, reasons: Sequence[str]) -> None:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        text = f"not taken, what was in force stays: {reasons[0]}{more}"
        self._service.refused = f"last reload {text}"
        self._service.journal.say(Priority.ERROR, "reload", f"reload {text}", faults=len(reasons))
        self._daemon.note(f"reload {text}")

    # --- the swap ----------------------------------------------------------------------------------------------------

    def _swap(self, settings: Settings, books: Books) -> None:
        before, now = self.settings, self._now()
        self.settings, self.books = settings, books
        self._own.adopt(books.names, settings)
        self._daemon.owed += self._daemon.engine.adopt(self._calm(), books.names)
        if _own(settings) != _own(before):
            self._daemon.engine.sleepers.look_again()
        self._looking.adopt(settings, books.names, self._daemon.engine)
        self._daemon.sources[:] = self._looking.sources
        self._daemon.engine.feed(self._looking.machinery.found(now))
        self._leave(now)
        if settings is not before:
            self._office.adopt(settings, now)
            self._daemon.admins[:] = settings.tell.admins
            self._keep_for(settings)
            last_good.remember(self._daemon.store.folder, settings)
        self._say(before, now)

    def _calm(self) -> Rulebook:
        """The rules in force, of which those that an upgrade brought only inform for a while."""
        return self._novelties.calm(self.books.book, self.settings.sentinel.known_for, self._now())

    def _leave(self, now: float) -> None:
        engine = self._daemon.engine
        infos = engine.infos()
        known = [(key, infos[current]) for key, current in engine.keys().items() if current in infos]
        for key in self._looking.unnamed(known):
            self._daemon.owed += engine.leave(key, now, UNWATCHED)

    def _keep_for(self, settings: Settings) -> None:
        snapshots, kept = self._daemon.snapshots, settings.sentinel
        snapshots.keep_runs = parse_seconds(kept.keep_runs) or snapshots.keep_runs
        snapshots.keep_alerts = parse_seconds(kept.keep_alerts) or snapshots.keep_alerts

    def _say(self, before: Settings, now: float) -> None:
        """What is in force now, what only a restart takes, and what is broken."""
        faults = self.books.faults
        text = f"{len(self.settings.watches())} watches, {len(self.books.book.rules)} rules in force"
        text += f"; {len(faults)} faults, first: {faults[0]}" if faults else ""
        late = [key for key in BY_RESTART if getattr(before.sentinel, key) != getattr(self.settings.sentinel, key)]
        if late:
            text += f"; restart to take [sentinel] {', '.join(late)}"
        self._service.refused = ""
        self._service.journal.say(Priority.WARNING if faults else Priority.NOTICE, "reload", f"reloaded: {text}")
        self._daemon.note(f"reloaded: {text}")
        tell_faults(self._office, self._daemon.store, faults, now, RULE_FILES)

    def _now(self) -> float:
        return self._daemon.clock.wall()


def _own(settings: Settings) -> tuple[bool, str]:
    """Whether runs may bring rules, and users."""
    return settings.sentinel.own_rules, settings.sentinel.users_rules
