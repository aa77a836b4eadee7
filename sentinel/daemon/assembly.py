"""Settings into a daemon: every room is made here once and handed to the loop."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sentinel.core.asleep import asleep_from
from sentinel.core.engine import Engine
from sentinel.core.records import Json
from sentinel.core.rule import OWN
from sentinel.daemon import answers
from sentinel.daemon.books import Books, open_books
from sentinel.daemon.clock import SystemClock
from sentinel.daemon.control import Control, Handler
from sentinel.daemon.dead_disks import DeadDisks, silent, troubles, without
from sentinel.daemon.delivering import Office
from sentinel.daemon.hearing import Hearing, words_json
from sentinel.daemon.journal import Priority, open_journal
from sentinel.daemon.looking import Looking, plan_of
from sentinel.daemon.loop import Daemon
from sentinel.daemon.machines import Machinery, releasing
from sentinel.daemon.novelties import Novelties
from sentinel.daemon.own_rules import OwnRules
from sentinel.daemon.progress import Progress
from sentinel.daemon.reloading import Plan, Reloading, not_to_obey
from sentinel.daemon.service import Service
from sentinel.daemon.settings import Settings, Watch
from sentinel.daemon.snapshots import rules_mark
from sentinel.daemon.stopping_rounds import Rounds
from sentinel.daemon.stopping_set_up import join_stopping, rounds_of
from sentinel.daemon.stories import story_of
from sentinel.daemon.systemd import Notifier
from sentinel.daemon.telling_faults import tell_faults
from sentinel.daemon.waiting import SelectorWaker
from sentinel.daemon.week import week_of
from sentinel.keep import first_seen, outbox, plans, words
from sentinel.keep.store import Snapshot, Store
from sentinel.sources.processes.missed import restarted

LOCK = "lock"
OWN_TOLD = "own rules told"


def assemble(plan: Plan) -> tuple[Daemon | None, str]:
    """A daemon ready to turn, or why there is none. Watches whose disks do not answer are left out."""
    watches = plan.settings.watches()
    dead = DeadDisks(silent(watches))
    plan = replace(plan, settings=without(plan.settings, dead.open), left_out=tuple(dead.open))
    return put_together(plan, dead, watches)


def put_together(plan: Plan, dead: DeadDisks, watches: Sequence[Watch]) -> tuple[Daemon | None, str]:
    """The same of those watches that answer; `watches` are all that there are."""
    settings, state = plan.settings, (plan.state or Path(plan.settings.sentinel.state)).absolute()
    trouble = "; ".join(not_to_obey(plan.path, settings)) or take_lock(state)
    if trouble:
        return None, trouble
    books = open_books([Path(folder) for folder in settings.sentinel.rules])
    store = store_in(state)
    clock, progress, waker = SystemClock(), Progress(), SelectorWaker()
    novelties, own = Novelties(store.connection), OwnRules(books.names, settings)
    engine = engine_of(books, novelties, settings, store, clock.wall(), own)
    rows, trusts = to_restore(store, watches, dead), not settings.sentinel.users_rules
    kept = restore(engine, store, rows, clock.wall(), trusts=trusts)
    machinery = Machinery(settings, f"host:{engine.host}", engine.host, progress)
    machinery.go_on(kept.get(machinery.host))
    looking = Looking(settings, books, state, kept, machinery, waker)
    office = office_of(settings, engine, store, waker, progress)
    journal = open_journal(os.environ, time.monotonic)
    daemon = Daemon(
        clock=clock,
        waker=waker,
        store=store,
        engine=engine,
        sources=looking.sources,
        files=looking,
        delivering=office,
        journal=lambda text: journal.say(Priority.WARNING, "sentinel", text),
        admins=settings.tell.admins,
        at=plan.at,
    )
    rounds = rounds_of(daemon, office, plan, journal, machinery, progress)
    open_control(daemon, settings, state, waker, handlers_of(daemon, office, rounds, machinery))
    settle_in(office, daemon, books)
    service = Service(daemon, Notifier(os.environ), journal, progress, time.monotonic)
    reloading = Reloading(daemon, office, looking, books, plan, service, novelties, own)
    reloading.begin(clock.wall())
    service.begin()
    rounds.in_force, machinery.by_us = reloading.in_force, rounds.stopping.deed_done
    take_up(machinery, rounds, kept)
    look_after(daemon, office, machinery, service, reloading, own)
    mind(dead, daemon, service)
    return daemon, ""


def take_up(machinery: Machinery, rounds: Rounds, kept: dict[str, Json]) -> None:
    """Runs that were going when we last looked. A state that came from another machine says nothing of this one's restarts."""
    again = restarted() if machinery.host in kept else None
    machinery.take_up(rounds.workers.whose, dict(rounds.workers.left_behind(again)))


def to_restore(store: Store, watches: Sequence[Watch], dead: DeadDisks) -> list[Snapshot]:
    """The runs that were written down, but for those whose folders nobody may touch now: their records wait."""
    plans = [plan_of(watch) for watch in watches if watch.name in dead.open]
    return [each for each in store.snapshots() if not any(plan.names_run(each.source) for plan in plans)]


def mind(dead: DeadDisks, daemon: Daemon, service: Service) -> None:
    """Say once what is left out, show it in `status`, and begin anew when a disk answers again."""
    if not dead.open:
        return
    untold = list(troubles(dead.open))

    def look() -> None:
        while untold:
            what, _, cure = untold.pop().partition("; ")
            service.journal.say(Priority.ERROR, "dead-disk", f"{what}; {cure}")
            service.tell(f"{daemon.engine.host}: a watched disk does not answer", (what, cure))
        if dead.came_back():
            service.goes_on = daemon.begins_anew = True
            daemon.stop()

    daemon.standstills = lambda: [*service.standstills(), *troubles(dead.open)]
    daemon.after_turn.append(look)


def look_after(
    daemon: Daemon, office: Office, machinery: Machinery, service: Service, reloading: Reloading, own: OwnRules
) -> None:
    """What happens after each turn, and at the end."""
    own.recall(daemon.store.recall(OWN_TOLD) or "")
    daemon.own_faults = own.faults
    named = {info.name: info.folder for info in daemon.engine.infos().values()}
    own.expected |= {named.get(str(alert["run"]), "") for alert in daemon.store.alerts() if is_own(alert)} - {""}
    service.tell = lambda head, lines: office.say(head, lines, daemon.clock.wall())
    daemon.standstills = service.standstills
    meet = partial(machinery.meet, daemon.engine)
    follow = partial(follow_own, daemon, own)
    daemon.after_turn += [lambda: meet(time.monotonic()), service.speak, reloading.look, follow]
    daemon.at_end.append(service.end)


def is_own(alert: dict[str, Json]) -> bool:
    """Whether a rule that its run brought itself made the alert."""
    return str(alert["signature"]).startswith(OWN)


def follow_own(daemon: Daemon, own: OwnRules) -> None:
    """Rules that runs bring themselves are looked at; what is wrong with them is told once."""
    daemon.owed += own.look(daemon.engine)
    news, told = own.untold()
    if told:
        with contextlib.suppress(sqlite3.Error), daemon.store.turn():
            daemon.store.remember(OWN_TOLD, told)
    for text in news:
        daemon.tell_about_us(text)


def engine_of(
    books: Books, novelties: Novelties, settings: Settings, store: Store, now: float, own: OwnRules
) -> Engine:
    """The engine with the rules in force, of which those that an upgrade brought only inform for a while."""
    calm = novelties.calm(books.book, settings.sentinel.known_for, now)
    return Engine(calm, books.names, platform.node(), store.state_of, own)


def store_in(state: Path) -> Store:
    """The state folder with every room's tables, and the words that other versions kept where there are any."""
    store = Store(state, [outbox.SCHEMA, words.SCHEMA, plans.SCHEMA, first_seen.SCHEMA])
    for other in (store.newer, *store.beside):
        store.told += words.adopt(store.connection, other)
    return store


def handlers_of(daemon: Daemon, office: Office, rounds: Rounds, machinery: Machinery) -> dict[str, Handler]:
    """All words that the daemon answers to."""
    hearing = Hearing(daemon, office, daemon.admins, rounds.ack_word)
    ours = hearing.handlers() | join_stopping(daemon, rounds).handlers()
    return answers.handlers(daemon) | ours | releasing(machinery, daemon)


def settle_in(office: Office, daemon: Daemon, books: Books) -> None:
    """What the office needs of the assembled daemon: who counts the week, who shows people's words, what is broken."""
    daemon.continued.append(office.words.hand_over)
    for text in daemon.store.told:
        daemon.journal(text)  # `status` shows them already
    for fault in books.faults:
        daemon.tell_about_us(f"rule file: {fault}")
    engine, store, standing = daemon.engine, daemon.store, office.words.standing
    office.count_weeks(lambda since, now: week_of(engine, store.connection, standing(), daemon.troubles(), since, now))
    daemon.shown.append(lambda: {"words": words_json(office, daemon.clock.wall())})
    tell_faults(office, store, books.faults, daemon.clock.wall())


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


def restore(
    engine: Engine, store: Store, snapshots: Sequence[Snapshot], now: float, *, trusts: bool = True
) -> dict[str, Json]:
    """Bring every run back as it was last written down, asleep where it can be; the bookmarks, by what sources call a run.

    `trusts`: no rules can have come meanwhile that only a look at a run finds, so when time wakes each is still right.
    A run that cannot be read back has no bookmark either: its files are read again, and what was told is not told again.
    """
    kept = {snapshot.source: snapshot.bookmarks for snapshot in snapshots}
    rules = rules_mark(engine.book)
    for snapshot in snapshots:
        try:
            if snapshot.brief is not None:
                waking = snapshot.waking if trusts and snapshot.waking_by == rules else None
                engine.sleeps(snapshot.source, asleep_from(snapshot.info, snapshot.brief, now, waking))
                continue
            engine.restore(snapshot.source, snapshot.info, snapshot.data)
        except Exception as bug:  # one run that cannot be read back must not end the watch over the others
            store.told.append(
                f"the record of {snapshot.info.name} could not be read back, its files are read again: {bug}"
            )
            engine.drop(snapshot.info.key)
            kept.pop(snapshot.source, None)
    engine.was_away(now)
    for info in store.listed():
        engine.listed[info.key] = info
    return kept


def office_of(settings: Settings, engine: Engine, store: Store, waker: SelectorWaker, progress: Progress) -> Office:
    """Where effects become messages. Under systemd the journal speaks, elsewhere the terminal does."""
    terminal = sys.stdout if settings.tell.terminal and "NOTIFY_SOCKET" not in os.environ else None
    story = partial(story_of, engine)
    return Office(store, settings, engine.host, story, terminal, waker.wake, progress=progress)


def open_control(
    daemon: Daemon, settings: Settings, state: Path, waker: SelectorWaker, handlers: dict[str, Handler]
) -> None:
    """The control socket; without one the watch goes on and says so."""
    path = Path(settings.sentinel.socket) if settings.sentinel.socket else state / "control"
    try:
        daemon.control = Control(path, waker, handlers)
    except OSError as trouble:
        daemon.tell_about_us(f"no control socket at {path}: {trouble.strerror}; status reads the state file instead")
