"""Settings into a daemon: every room is made here once and handed to the loop."""

from __future__ import annotations

import fcntl
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.core.amounts import parse_seconds
from sentinel.core.engine import Engine
from sentinel.core.records import Json
from sentinel.core.stopping_world import Limits
from sentinel.daemon import answers
from sentinel.daemon.books import Books, open_books
from sentinel.daemon.clock import SystemClock
from sentinel.daemon.control import Control, Handler
from sentinel.daemon.delivering import Office
from sentinel.daemon.hearing import Hearing, words_json
from sentinel.daemon.journal import Priority, open_journal
from sentinel.daemon.loop import Daemon, FaultPoint, nowhere
from sentinel.daemon.machines import host_run, keep_meeting, machine_of, releasing
from sentinel.daemon.settings import Settings, Watch
from sentinel.daemon.stopping_set_up import join_stopping, rounds_of
from sentinel.daemon.stories import story_of
from sentinel.daemon.systemd import Notifier
from sentinel.daemon.telling_faults import tell_faults
from sentinel.daemon.trust import am_privileged, distrusted
from sentinel.daemon.waiting import SelectorWaker
from sentinel.daemon.week import week_of
from sentinel.keep import outbox, plans, words
from sentinel.keep.store import Snapshot, Store
from sentinel.sources.hints import Hints
from sentinel.sources.journal import Journal
from sentinel.sources.machine import Machine
from sentinel.sources.plan import WatchPlan
from sentinel.sources.suspects import Suspects
from sentinel.sources.tree import root_of
from sentinel.sources.watcher import Watcher

LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Plan:
    """What `sentinel run` was told."""

    settings: Settings
    path: Path | None = None
    state: Path | None = None
    trace: str | None = None
    at: FaultPoint = nowhere
    waits: Limits = field(default_factory=Limits)  # of the stop plan, those that no setting names


def assemble(plan: Plan) -> tuple[Daemon | None, str]:
    """A daemon ready to turn, or why there is none."""
    settings = plan.settings
    state = (plan.state or Path(settings.sentinel.state)).absolute()
    trouble = "; ".join(not_to_obey(plan)) or take_lock(state)
    if trouble:
        return None, trouble
    books = open_books([Path(folder) for folder in settings.sentinel.rules])
    store = Store(state, [outbox.SCHEMA, words.SCHEMA, plans.SCHEMA])
    store.told += words.adopt(store.connection, store.newer)
    engine = Engine(books.book, books.names, platform.node())
    snapshots = list(store.snapshots())
    kept = {snapshot.source: snapshot.bookmarks for snapshot in snapshots}
    clock = SystemClock()
    restore(engine, store, snapshots, clock.wall())
    waker = SelectorWaker()
    watcher = watcher_of(settings, books, waker, state, kept)
    journals = journals_of(settings, books, kept)
    host = f"host:{engine.host}"
    machine = machine_of(settings, host)
    office = office_of(settings, engine, store, waker)
    journal = open_journal(os.environ, time.monotonic)
    daemon = Daemon(
        clock=clock,
        waker=waker,
        store=store,
        engine=engine,
        sources=[watcher, *journals, *([machine] if machine else [])],
        files=Written(watcher, journals),
        delivering=office,
        journal=lambda text: journal.say(Priority.WARNING, "sentinel", text),
        admins=settings.tell.admins,
        at=plan.at,
    )
    rounds = rounds_of(daemon, office, settings, plan.path, journal, plan.waits)
    hearing = Hearing(daemon, office, settings.tell.admins, rounds.ack_word)
    handlers = answers.handlers(daemon) | hearing.handlers() | join_stopping(daemon, rounds).handlers()
    if machine is not None:
        handlers |= join(daemon, machine, host)
    open_control(daemon, settings, state, waker, handlers)
    settle_in(office, daemon, books)
    watch_over(daemon, Notifier(os.environ), books)
    return daemon, ""


def settle_in(office: Office, daemon: Daemon, books: Books) -> None:
    """What the office needs of the assembled daemon: who counts the week, who shows people's words, what is broken."""
    for fault in books.faults:
        daemon.tell_about_us(f"rule file: {fault}")
    engine, store, standing = daemon.engine, daemon.store, office.words.standing
    office.count_weeks(lambda since, now: week_of(engine, store.connection, standing(), daemon.troubles(), since, now))
    daemon.shown.append(lambda: {"words": words_json(office, daemon.clock.wall())})
    tell_faults(office, store, books.faults, daemon.clock.wall())


def join(daemon: Daemon, machine: Machine, host: str) -> dict[str, Handler]:
    """Bring the machine and the engine together; the words that it answers to."""
    daemon.engine.feed([host_run(host, daemon.engine.host, daemon.clock.wall())])
    daemon.after_turn.append(keep_meeting(machine, daemon.engine, time.monotonic))
    return releasing(machine, daemon)


def not_to_obey(plan: Plan) -> list[str]:
    """With rights that others lack, files that others can write are not obeyed (contracts 8)."""
    if not am_privileged():
        return []
    folders = [Path(folder) for folder in plan.settings.sentinel.rules]
    rules = [path for folder in folders if folder.is_dir() for path in (folder, *sorted(folder.rglob("*.y*ml")))]
    return distrusted([*([plan.path] if plan.path else []), *rules], os.geteuid())


def take_lock(state: Path) -> str:
    """Hold the state folder for as long as this process lives; "" or why it cannot be had."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return ""  # a folder that takes nothing: the store says so and goes on in memory
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
        os.close(handle)
        return (
            f"another daemon (pid {holder or 'unknown'}) watches with the state in {state}; stop it or use --state DIR"
        )
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return ""


def restore(engine: Engine, store: Store, snapshots: Sequence[Snapshot], now: float) -> None:
    """Bring every run back as it was last written down."""
    for snapshot in snapshots:
        try:
            engine.restore(snapshot.source, snapshot.info, snapshot.data)
        except Exception as bug:  # one run that cannot be read back must not end the watch over the others
            store.told.append(f"the record of {snapshot.info.name} could not be read back, it starts anew: {bug}")
            engine.drop(snapshot.info.key)
    engine.was_away(now)
    for info in store.listed():
        engine.listed[info.key] = info


def watcher_of(
    settings: Settings, books: Books, waker: SelectorWaker, state: Path, bookmarks: dict[str, Json]
) -> Watcher:
    """The source that follows what runs write."""
    plans = [plan_of(watch) for watch in settings.watches()]
    roots = {root_of(pattern) for plan in plans for pattern in (plan.runs, *plan.files) if pattern}
    hints = Hints(sorted(roots), waker.wake)
    suspects = suspects_in(state)
    return Watcher(plans, books.names, bookmarks, host=platform.node(), hints=hints, suspects=suspects)


def suspects_in(state: Path) -> Suspects | None:
    """The note of what may kill us; a folder that takes nothing costs the note, not the watch."""
    try:
        return Suspects(state / "suspects")
    except OSError:
        return None


def journals_of(settings: Settings, books: Books, kept: Mapping[str, Json]) -> list[Journal]:
    """The units whose journal is read."""
    units = [(watch.name, unit) for watch in settings.watches() for unit in watch.journal]
    return [Journal(name, unit, books.names, kept.get(f"{name}:journal:{unit}")) for name, unit in units]


@dataclass(frozen=True, slots=True)
class Written:
    """Where we are in all that runs write, files and journals alike."""

    watcher: Watcher
    journals: Sequence[Journal]

    def bookmarks(self) -> dict[str, Json]:
        """By what sources call a run."""
        return self.watcher.bookmarks() | {journal.info.key: journal.bookmarks() for journal in self.journals}

    def catching_up(self) -> set[str]:
        """The runs whose history is still being read."""
        return self.watcher.catching_up()

    @property
    def pending(self) -> bool:
        """Whether the next turn has work at once."""
        return self.watcher.pending


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


def office_of(settings: Settings, engine: Engine, store: Store, waker: SelectorWaker) -> Office:
    """Where effects become messages. Under systemd the journal speaks, elsewhere the terminal does."""
    terminal = sys.stdout if settings.tell.terminal and "NOTIFY_SOCKET" not in os.environ else None
    return Office(store, settings, engine.host, lambda change: story_of(engine, change), terminal, waker.wake)


def open_control(
    daemon: Daemon, settings: Settings, state: Path, waker: SelectorWaker, handlers: dict[str, Handler]
) -> None:
    """The control socket; without one the watch goes on and says so."""
    path = Path(settings.sentinel.socket) if settings.sentinel.socket else state / "control"
    try:
        daemon.control = Control(path, waker, handlers)
    except OSError as trouble:
        daemon.tell_about_us(f"no control socket at {path}: {trouble.strerror}; status reads the state file instead")


def watch_over(daemon: Daemon, notifier: Notifier, books: Books) -> None:
    """What happens after each turn: systemd hears from us, and a changed rule set is taken into force."""
    ready = False

    def speak() -> None:
        nonlocal ready
        alive = [watched for watched in daemon.engine.runs.values() if not watched.over]
        firing = sum(len(watched.firing()) for watched in alive)
        text = f"{len(alive)} runs, {len(daemon.engine.book.rules)} rules, {firing} firing"
        if not ready:
            notifier.ready(text)
            ready = True
        notifier.status(text)
        notifier.watchdog()

    def reload() -> None:
        asked = daemon.take_reload()
        fresh = books.reload(daemon.clock.steady(), forced=asked)
        if fresh is None:
            return
        notifier.reloading(time.monotonic_ns() // 1000)
        daemon.engine.adopt(fresh.book)
        broken = [str(fault) for fault in fresh.book.faults if not fault.note]
        daemon.tell_about_us(
            f"{len(fresh.book.rules)} rules in force" + (f"; {len(broken)} faults: {broken[0]}" if broken else "")
        )
        tell_faults(daemon.delivering, daemon.store, books.faults, daemon.clock.wall())
        notifier.ready()

    daemon.after_turn += [speak, reload]
    daemon.at_end.append(notifier.stopping)
