"""The daemon's round over its stop plans: about once a second, after a turn of the loop, and never in its way.

It brings together what the engine, people, the store and the hands know, lets each plan take its turn, logs every
condition, and answers people who ask where a plan stands.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from sentinel.core.records import Json, RunInfo
from sentinel.core.stopping import explained, stop_time, supposed
from sentinel.core.stopping_conditions import Found
from sentinel.core.stopping_plan import BEFORE_ASKING, Deed, Plan, Stage
from sentinel.core.stopping_words import acked, announcement, condition_lines, last_word, spared, status_line
from sentinel.core.stopping_world import Level, Limits, Mode, Saving, World, level_of, parse_limits
from sentinel.core.watched import Watched
from sentinel.daemon.delivering import Office
from sentinel.daemon.progress import Progress
from sentinel.daemon.settings import Settings, Watch
from sentinel.daemon.stopping import Other, Place, Stopping
from sentinel.daemon.stopping_children import Children
from sentinel.daemon.stopping_left import attached_by, left_by
from sentinel.daemon.stopping_people import Audience
from sentinel.daemon.stopping_view import View, line_of_descent
from sentinel.daemon.stopping_workers import SEVERAL, Workers
from sentinel.keep import plans
from sentinel.keep.store import Store, info_from
from sentinel.outlets.hands.sending import audit

EVERY = 1.0
ASKED_FOR = 30.0  # a run that a person asks about is looked at for so long
MUST_NOT = ("finite", "hears")  # without these nobody may ask a run to save, its own user neither
SHOWN = 86400.0  # a plan that ended stays in `status` for so long
Say = Callable[[str], None]


@dataclass(slots=True)
class Rounds:
    """All that is done about stopping, as the loop and the control socket see it."""

    store: Store
    office: Office
    view: View
    file: Path | None  # the settings' own
    waits: Limits  # those that no setting names
    journal: Say
    trouble: Say
    workers: Workers
    every: float = EVERY
    progress: Progress = field(default_factory=Progress)
    stopping: Stopping = field(init=False)
    in_force: Callable[[], Settings | None] = lambda: None
    _settings: Settings | None = None
    _granted: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # watch -> uid and level of consent
    _due: float = 0.0
    _roused: bool = False  # whether runs that sleep since before were looked through under these settings
    _asked: dict[str, float] = field(default_factory=dict)
    _unread: set[str] = field(default_factory=set)  # plans that people were told of because nobody can read them
    _held: dict[str, dict[str, bool]] = field(default_factory=dict)  # plan -> condition -> whether it held

    def __post_init__(self) -> None:
        """The plans go on where they stood."""
        children = Children(self.progress)
        self.stopping = Stopping(
            self.store.folder, self.store, self._tell, lambda: os.urandom(3).hex(), self._log, children
        )

    def adopt(self, settings: Settings) -> None:
        """Settings come into force, at the start or by a reload."""
        stop, watches = settings.stop, settings.watches()
        self._settings, self.view.mode = settings, Mode(stop.mode)
        self.view.watches = {watch.name: watch for watch in watches}
        self.view.limits = parse_limits(
            stop.grace, stop.worth, stop.lose, stop.most, stop.crowd, stop.settle, self.waits
        )
        self.view.audience = Audience(self.office, settings, self.store)
        self._roused = False
        self._granted = granted_by(watches, _owner(self.file))

    def __call__(self) -> None:
        """One round, if it is time; whatever goes wrong, the watch goes on and says so."""
        now = self.view.clock.steady()
        if now < self._due:
            return
        self._due = now + self.every
        fresh = self.in_force()
        if fresh is not None and fresh is not self._settings:
            self.adopt(fresh)
        self.view.look()
        if not self.store.on_disk:
            return  # nothing is done that could not be written down first
        if not self._roused:
            self._roused = True
            self._guarded("waking the runs that may be doomed", self.view.rouse)
        self._guarded("the list of plans that cannot be read", self._tell_unread)
        self._guarded("the list of who works for which run", self.workers.look)
        concerned = sorted(self.concerned(), key=self.stopping.waited_for)
        self.view.tally = self.view.counted() if concerned else None  # thousands may have to be counted
        for key in concerned:
            self._guarded(f"the stop plan of {key}", partial(self._turn, key))
        self.view.tally = None

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        """Whatever goes wrong in one plan, the watch and the other plans go on, and people hear of it."""
        try:
            work()
        except sqlite3.OperationalError as trouble:
            self.trouble(f"{what} stands still, the state cannot be written: {trouble}")
        except Exception:
            self.trouble(f"a bug holds {what}: {traceback.format_exc(limit=3)}")

    def _tell_unread(self) -> None:
        """Once in a life: a plan that only a newer Sentinel understands may be half done."""
        for plan in self.stopping.open():
            if plan.stage is Stage.UNREAD and plan.id not in self._unread:
                self._unread.add(plan.id)
                self.trouble(f"stop plan {plan.id} of {plan.run}: {plan.why}")

    def concerned(self) -> list[str]:
        """The runs that a plan is open for, that ask for one, or that a person asked about."""
        now = self.view.clock.steady()
        self._asked = {key: until for key, until in self._asked.items() if until > now}
        going = [plan.run for plan in self.stopping.open()]
        acting = [] if self.view.mode is Mode.OFF else [watched.run.info.key for watched in self.view.candidates()]
        return list(dict.fromkeys([*going, *acting, *self._asked]))

    def _turn(self, key: str) -> None:
        watched, plan = self.view.engine.awake(key), self.stopping.latest(key)
        if watched is None:
            if plan is not None:
                self._orphan(plan)
            return
        world, place = self._world(watched, plan), self._place(watched)
        if key in self._asked and (plan is None or not plan.open):
            self.stopping.survey(world, place)
        plan = self.stopping.turn(world, place, self.view.clock.wall())
        wall = self.view.clock.wall()
        if plan is not None and plan.stage is Stage.ANNOUNCED and self.view.audience.lost(plan, wall):
            with self.store.turn():
                self._tell(plan, Deed.ANNOUNCE, world)

    def _orphan(self, plan: Plan) -> None:
        """Nobody knows the run any more: before it was asked that ends the plan, after it only its going is watched."""
        world, info = self.view.gone(plan), self.view.engine.listed.get(plan.run) or self._kept_info(plan.run)
        if world.now - world.started < world.limits.settle and plan.stage in BEFORE_ASKING:
            return
        place = Place(info.folder if info else "", info.uid if info else None)
        if not place.folder:
            self.stopping.seen(plan.run).saving = Saving(gone=world.started)
        self.stopping.turn(replace(world, run=replace(world.run, uid=place.uid)), place, self.view.clock.wall())

    def _kept_info(self, key: str) -> RunInfo | None:
        row = self.store.connection.execute("SELECT info FROM runs WHERE key = ?", (key,)).fetchone()
        return info_from(row[0]) if row else None

    # --- what a turn looks at --------------------------------------------------------------------------------------

    def _world(self, watched: Watched, plan: Plan | None) -> World:
        going = plan if plan is not None and plan.open else None
        wall = self.view.clock.wall()
        return self.view.world(watched, going, self.office.words.standing(), self.office.local(wall))

    def _place(self, watched: Watched) -> Place:
        info = watched.run.info
        watch = self.view.watches.get(info.watch, Watch())
        files = {name for name in watched.run.files if name}
        return Place(
            info.folder,
            info.uid,
            watch.ask,
            tuple(sorted(files)),
            self._granted.get(info.watch),
            partial(self._others, info),
            tuple(self._folders_before(info)),
        )

    def _others(self, info: RunInfo) -> tuple[Other, ...]:
        """All other runs, with the processes that were seen to work for each."""
        by_run = plans.processes_by_run(self.store.connection, self.view.boot)
        engine = self.view.engine
        others = [*engine.infos().values(), *engine.listed.values()]
        several = tuple(sorted(by_run.get(SEVERAL, ())))
        return tuple(
            (other.folder, tuple(sorted(by_run.get(other.key, ()))), source_of(other) == source_of(info))
            for other in others
            if other.key != info.key and other.folder and other.kind != "host"
        ) + (((f"/{SEVERAL}", several, False),) if several else ())

    def _folders_before(self, info: RunInfo) -> Iterator[str]:
        """Where the runs lie that it goes on with, also those that nobody watches any more."""
        engine = self.view.engine
        for key in line_of_descent(info, engine)[1:]:
            other = engine.info(key) or engine.listed.get(key) or self._kept_info(key)
            if other is not None and other.folder and other.folder != info.folder:
                yield other.folder

    # --- what is said ------------------------------------------------------------------------------------------------

    def _tell(self, plan: Plan, deed: Deed, world: World) -> bool:
        """Into the outbox; False when nobody reads now: an announcement waits for people."""
        wall, name = self.view.clock.wall(), world.run.name
        if deed is Deed.ANNOUNCE:
            if world.people.quiet or world.people.muted or not self.view.audience.channels:
                return False
            head, *lines = announcement(plan, name, world.limits.grace).splitlines()
            attached = ""
        else:
            attached, left = attached_by(plan, self.store.folder), left_by(plan, self.store.folder)
            head, *lines = last_word(plan, name, self._lost(plan), spared(world.run), left).splitlines()
        self.view.audience.say(plan, head, lines, wall, attached)
        return True

    def _lost(self, plan: Plan) -> str:
        watched = self.view.engine.awake(plan.run)
        step = watched.run.step if watched is not None else None
        if plan.stage is not Stage.STOPPED or step is None or plan.proven.step is None:
            return ""
        return f"{max(0, step - plan.proven.step):,} steps since that checkpoint (step {plan.proven.step:,})"

    def _log(self, plan: Plan, findings: Iterable[Found], table: Iterable[Found]) -> None:
        """Each condition with its value when it first counts and whenever it turns goes into the plan's record, and the
        whole table whenever the plan moves on; the journal gets those that do not hold.
        """
        held = self._held.setdefault(plan.id, {})
        news = [found for found in findings if held.get(found.condition.name) is not found.holds]
        held.update({found.condition.name: found.holds for found in news})
        lines = condition_lines(table or news)
        if lines:
            folder = self.store.folder / "plans" / plan.id
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                audit(folder / "audit.jsonl", "conditions", stage=plan.stage.value, conditions=list[Json](lines))
            against = "; ".join(found.text for found in findings if not found.holds)
            holds = f"what does not hold: {against}" if against else "all conditions hold"
            kind = "a stop is rehearsed" if plan.rehearsal else "a stop is planned"
            self.journal(f"{plan.run}: {kind} (plan {plan.id}, {plan.stage.value}); {plan.why or holds}")
        if not plan.open:
            self._held.pop(plan.id, None)

    # --- answers -----------------------------------------------------------------------------------------------------

    def ack_word(self, run: str) -> str:
        """What an `ack` on a run is answered with: a plan goes on all the same, and when."""
        plan = self.stopping.latest(run)
        if plan is None or not plan.open or plan.rehearsal:
            return ""
        now, grace = self.view.clock.steady(), self.view.limits.grace
        at, info = stop_time(plan, grace), self.view.engine.info(run)
        clock = "" if at is None else self.office.clock(self.view.clock.wall() + at - now)
        return acked(plan, info.name if info is not None else run, grace, now, clock)

    def table(self, watched: Watched) -> dict[str, Json]:
        """Every condition with its value, as the daemon would judge it now."""
        key, now = watched.run.info.key, self.view.clock.steady()
        self._asked[key] = now + ASKED_FOR
        plan = self.stopping.latest(key)
        world = self._world(watched, plan)
        shown = plan if plan is not None and plan.open else supposed(world)
        full = self.stopping.completed(world, self._place(watched), shown, self.view.clock.wall())
        found = explained(shown, full)
        lines = condition_lines(found)
        return {
            "plan": status_line(plan) if plan is not None else "no plan was made",
            "acting": status_line(plan) if plan is not None and plan.open and plan.stage not in BEFORE_ASKING else "",
            "conditions": list[Json](lines),
            "not_asked": "; ".join(one.text for one in found if one.condition.name in MUST_NOT and not one.holds),
            "looked": full.survey is not None and now - full.survey.at <= full.limits.surveyed,
        }

    def shown(self) -> dict[str, Json]:
        """For `status`: where each plan stands, what it waits for, what leave a rehearsal lacked."""
        rows: list[Json] = []
        for plan, called in plans.recent(self.store.connection, self.view.clock.wall() - SHOWN):
            latest = self.stopping.latest(plan.run)
            now = latest if latest is not None and latest.id == plan.id else plan
            rows.append(
                {
                    "id": plan.id, "run": plan.run, "rule": plan.lead, "rehearsal": plan.rehearsal,
                    "stage": now.stage.value, "waits": list[Json](now.waits), "missing": list[Json](now.missing),
                    "why": now.why, "called": called, "line": status_line(now),
                }
            )  # fmt: skip
        return {"stop_mode": self.view.mode.value, "plans": rows}


def source_of(info: RunInfo) -> str:
    """What all generations of one run share."""
    return info.key.partition("#")[0]


def granted_by(watches: Iterable[Watch], owner: int | None) -> dict[str, tuple[int, int]]:
    """Consent that stands in the settings: it counts only in a file of root's or of that very user (contracts 8)."""
    found = {}
    for watch in watches:
        word, _, number = watch.consent.partition(":")
        if word == "owner" and number.isdigit() and owner is not None and owner in (0, int(number)):
            found[watch.name] = (int(number), int(level_of(watch.stop) or Level.NEVER))
    return found


def _owner(file: Path | None) -> int | None:
    try:
        return file.stat().st_uid if file is not None else None
    except OSError:
        return None
