"""Ties the pure stop plan to the store and the hands: completes the world, takes a turn, writes it down, then acts.

`Stopping.turn` is called about once a second for each run that has signs or an open plan, and never waits. What it
needs of the rest of the daemon comes in as a `World`, a `Place` and a few callables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sentinel.core.stopping import Turn, explained, turn
from sentinel.core.stopping_birth import birth
from sentinel.core.stopping_conditions import Found
from sentinel.core.stopping_plan import BEFORE_ASKING, Deed, Plan, Stage
from sentinel.core.stopping_world import Consent, Ended, Level, Outcome, Saving, Tally, World
from sentinel.daemon.stopping_children import KEPT, SURVEY, WATCH, Children, Seen, outcome_of
from sentinel.keep import plans
from sentinel.outlets.hands.reins import Reins

WATCHED = (Stage.ASKED, Stage.VERIFIED)
SAID = (Deed.ANNOUNCE, Deed.TELL)  # done by us, inside the turn's own transaction
HOUR, DAY = 3600.0, 86400.0
AT_ONCE = 2  # looks at processes, each a child of some tenths of a second
REWRITE = 60.0  # what a plan waits for changes with every second; it is written down so often if nothing else is new


class Paper(Protocol):
    """The store."""

    connection: sqlite3.Connection

    def turn(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction."""


Other = tuple[str, tuple[tuple[int, int], ...], bool]  # another run: its folder, its processes, whether in this folder


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is, and what its watch and the other runs say about it."""

    folder: str
    uid: int | None
    ask: str = ""
    files: tuple[str, ...] = ()  # what its evidence came from
    granted: tuple[int, int] | None = None  # uid and level: consent that stands in the settings
    others: Callable[[], tuple[Other, ...]] = tuple  # asked for only where somebody looks: there may be thousands
    before: tuple[str, ...] = ()  # folders of the runs that it goes on with: a file KEEP there counts here


Tell = Callable[[Plan, Deed, World], bool]
Log = Callable[[Plan, Iterable[Found], Iterable[Found]], None]  # what counts now, and all there is where it moves on


class Stopping:
    """All plans of this host."""

    def __init__(
        self, state: Path, paper: Paper, tell: Tell, name: Callable[[], str], log: Log,
        children: Children | None = None,
    ) -> None:  # fmt: skip
        """`tell` puts an announcement or a last word into the outbox, inside the turn's own transaction, and says
        whether it did; `log` gets every condition of every turn, and the whole table where a plan moves on.
        """
        self._state, self._paper, self._tell, self._name, self._log = state / "plans", paper, tell, name, log
        self._children = children or Children()
        self._seen: dict[str, Seen] = {}
        self._plans: dict[str, list[Plan]] = {}
        self._written: dict[str, float] = {}
        self._reins = Reins()

    def latest(self, run: str) -> Plan | None:
        """The plan that was made last for a run."""
        past = self._past(run)
        return past[-1] if past else None

    def deed_done(self, run: str) -> str:
        """What we did to end a run, for the verdict on how it went; "" if we did nothing."""
        plan = self.latest(run)
        if plan is None or plan.rehearsal or not (plan.ever(Deed.END) or plan.ever(Deed.KILL)):
            return ""
        return f"Sentinel stopped it for {plan.lead} (plan {plan.id})"

    def seen(self, run: str) -> Seen:
        """What the hands have seen of a run."""
        return self._seen.setdefault(run, Seen())

    def open(self) -> list[Plan]:
        """All plans that still go on, or whose last word was not said."""
        return plans.open_plans(self._paper.connection)

    def turn(self, world: World, place: Place, wall: float) -> Plan | None:
        """One turn of one run: its plan as it now stands."""
        seen, past = self.seen(world.run.key), self._past(world.run.key)
        before = past[-1] if past else None
        outcomes = self._outcomes(before, seen, world)
        if before is not None and before.open and seen.survey is None:  # we were away: look again before anything else
            self._look(before, place, world)
            return before
        full = self._completed(world, place, before, seen, outcomes, wall)
        deeds: tuple[Deed, ...] = ()
        if before is None or not _goes_on(before):
            plan = self._born(full, past, seen, place)
        else:
            made = self._moved(before, full, place)
            plan, deeds = made.plan, made.deeds
            self._log(plan, made.findings, explained(plan, full) if plan.stage is not before.stage else ())
        if plan is None:
            return None
        plan = self._write_down(plan, before, deeds, full, wall)
        for deed in deeds:
            if deed not in SAID:
                self._start(plan, deed.value, place, full)
        self._look(plan, place, full)
        return plan

    def survey(self, world: World, place: Place) -> None:
        """Look at a run's processes without any plan, for a person who asks."""
        seen = self.seen(world.run.key)
        self._outcomes(None, seen, world)
        self._survey(seen, world, place, "", presses=True)

    def waited_for(self, run: str) -> float:
        """When its processes were looked at last: who has waited longest takes its turn first."""
        return self.seen(run).begun.get(SURVEY, float("-inf"))

    def completed(self, world: World, place: Place, plan: Plan, wall: float) -> World:
        """The world with all that the hands and the store know, for a person who asks."""
        return self._completed(world, place, plan, self.seen(world.run.key), (), wall)

    # --- the world -----------------------------------------------------------------------------------------------

    def _past(self, run: str) -> list[Plan]:
        if run not in self._plans:
            self._plans[run] = plans.plans_of(self._paper.connection, run)
        return self._plans[run]

    def _outcomes(self, plan: Plan | None, seen: Seen, world: World) -> tuple[Outcome, ...]:
        """What came of the children that have ended or run out of time."""
        outcomes = []
        for work, answer in self._children.ended(world.run.key, world.now):
            if work.deed == SURVEY:
                seen.surveyed(answer, world.now, work.began)
            elif work.deed == WATCH:
                seen.watched(answer, world.now)
            elif plan is not None and work.plan == plan.id:
                outcomes.append(outcome_of(work.deed, answer, world.now))
                if outcomes[-1].detail.startswith(KEPT):
                    seen.kept = outcomes[-1].detail.removeprefix(KEPT)
        if seen.members:
            self._note_members(world, seen)
        return tuple(outcomes)

    def _note_members(self, world: World, seen: Seen) -> None:
        members, seen.members = seen.members, frozenset()
        if plans.unknown_processes(self._paper.connection, world.boot, world.run.key, members):
            with self._paper.turn() as connection:
                plans.note_processes(connection, world.boot, world.run.key, members)

    def _completed(
        self, world: World, place: Place, plan: Plan | None, seen: Seen, outcomes: tuple[Outcome, ...], wall: float
    ) -> World:
        connection = self._paper.connection
        under_way = self._children.busy(world.run.key)
        intended = {step.deed.value for step in plan.steps if step.ended is None} if plan else set()
        settled = {outcome.deed for outcome in outcomes}
        others = [p for p in plans.open_plans(connection) if p.open and not p.rehearsal and p.run != world.run.key]
        tally = Tally(
            sum(other.stage in WATCHED for other in others),
            plans.acted_since(connection, plans.Since(wall - HOUR, world.boot, world.now - HOUR)),
            plans.acted_since(connection, plans.Since(wall - DAY, world.boot, world.now - DAY)),
            plans.fought(connection, world.run.key, seen.before),
            plans.failed_since(connection, plans.Since(wall - DAY, world.boot, world.now - DAY)),
            world.tally.matching, world.tally.runs,
        )  # fmt: skip
        return replace(
            world,
            survey=seen.survey and replace(seen.survey, gone=self._gone(world, seen)),
            saving=seen.saving,
            tally=tally,
            called_right=dict(world.called_right) | plans.called_right(connection, world.run.watch),
            outcomes=outcomes,
            lost=frozenset(intended - under_way - settled),
            consent=_consent(plan, seen),
            rival=self._reins.rival(place.folder, place.uid) if plan is not None and plan.open else "",
            people=replace(world.people, kept=world.people.kept or seen.kept),
            signs=tuple(replace(s, owned=bool(s.files) and s.files <= seen.clean) for s in world.signs),
        )

    def _moved(self, plan: Plan, world: World, place: Place) -> Turn:
        """The plan's turn. From the first signal to its end we have the run's reins; who finds them taken waits."""
        made = turn(plan, world)
        if not made.plan.open:
            self._reins.drop(place.folder)
        elif not made.plan.rehearsal and made.plan.stage not in BEFORE_ASKING:
            rival = self._reins.take(place.folder, place.uid)
            return turn(plan, replace(world, rival=rival)) if rival else made
        return made

    def _gone(self, world: World, seen: Seen) -> float | None:
        """Since when nobody is found of a run that had somebody, seen by us or by the Sentinel before us."""
        if seen.nobody is None or not plans.had_processes(self._paper.connection, world.boot, world.run.key):
            return None
        return seen.nobody

    def _born(self, world: World, past: list[Plan], seen: Seen, place: Place) -> Plan | None:
        """A new plan, once the hands have looked: who is there and what their owner allows is asked before anything."""
        hopeful = replace(world, consent=Consent(Level.KILL, world.run.uid, ""))
        if birth(hopeful, past, "") is None:
            return None
        age = None if seen.survey is None else world.now - seen.survey.at
        if age is None or not 0 <= age <= world.limits.surveyed:
            self._survey(seen, world, place, "")
            return None
        seen.saving, seen.progress = Saving(), -1
        return birth(world, past, self._name())

    # --- on paper ------------------------------------------------------------------------------------------------

    def _write_down(self, plan: Plan, before: Plan | None, deeds: Iterable[Deed], world: World, wall: float) -> Plan:
        """Written before any deed is done; what is said to people goes into the outbox in the same transaction."""
        said = [deed for deed in deeds if deed in SAID]
        due = wall - self._written.get(plan.id, 0.0) >= REWRITE
        if said or due or before is None or replace(plan, waits=()) != replace(before, waits=()):
            with self._paper.turn() as connection:
                for deed in said:
                    plan = _done(plan, deed) if self._tell(plan, deed, world) else plan
                plans.write_plan(connection, plan, wall)
            self._written[plan.id] = wall
        past = self._past(plan.run)
        self._plans[plan.run] = [*(old for old in past if old.id != plan.id), plan]
        return plan

    # --- the hands -----------------------------------------------------------------------------------------------

    def _start(self, plan: Plan, deed: str, place: Place, world: World) -> None:
        needs = Level.CHECKPOINT if deed == Deed.ASK and plan.wanted is Level.CHECKPOINT else Level.STOP
        task = _task(place, self._state, plan.id, deed) | {
            "age": world.now - plan.born,
            "stop": plan.wanted >= Level.STOP,
            "needs": int(Level.KILL if deed == Deed.KILL else needs),
        }
        self._children.start(plan.run, plan.id, task, world.now)

    def _look(self, plan: Plan, place: Place, world: World) -> None:
        """Keep the eyes on the processes: who they are before, whether they are there after."""
        if not plan.open:
            return
        seen = self.seen(plan.run)
        self._survey(seen, world, place, plan.id, presses=plan.stage not in BEFORE_ASKING)
        every = min(1.0, world.limits.quiet_after / 2)
        if plan.stage in WATCHED and self._due(WATCH, plan.run, seen, world.now, every):
            self._start(plan, WATCH, place, world)

    def _survey(self, seen: Seen, world: World, place: Place, plan: str, presses: bool = False) -> None:
        """One look at the processes. Where many runs are doomed at once they take turns, until one of them was asked."""
        if not presses and self._children.doing(SURVEY) >= AT_ONCE:
            return
        if self._due(SURVEY, world.run.key, seen, world.now, world.limits.surveyed / 6):
            self._children.start(world.run.key, plan, _task(place, self._state, plan, SURVEY), world.now)

    def _due(self, look: str, run: str, seen: Seen, now: float, every: float) -> bool:
        if look in self._children.busy(run) or now - seen.begun.get(look, float("-inf")) < every:
            return False
        seen.begun[look] = now
        return True


def _task(place: Place, state: Path, plan: str, deed: str) -> dict[str, object]:
    return {
        "plan": plan, "deed": deed, "folder": place.folder, "uid": place.uid, "ask": place.ask, "state": str(state),
        "files": place.files, "granted": place.granted, "others": place.others(),
        "before": place.before,
    }  # fmt: skip


def _consent(plan: Plan | None, seen: Seen) -> Consent:
    """The owner's word; once nobody is left to be signalled, what became of the run needs no word any more."""
    nobody = seen.survey is not None and not seen.survey.pids
    if plan is not None and plan.stage in WATCHED and nobody:
        return Consent(plan.wanted, seen.consent.owner, "nobody is left to signal")
    return seen.consent


def _goes_on(plan: Plan) -> bool:
    return plan.open or any(step.ended is None for step in plan.steps)


def _done(plan: Plan, deed: Deed) -> Plan:
    steps = tuple(replace(s, ended=Ended.DONE) if s.deed is deed and s.ended is None else s for s in plan.steps)
    return replace(plan, steps=steps)
