"""Ties the pure stop plan to the store and the hands: completes the world, takes a turn, writes it down, then acts.

Each deed runs in a child process with a deadline. `Stopping.turn` is called once a turn for each run that has signs
or an open plan; what it needs of the rest of the daemon comes in as a `World` and two callables.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sentinel.core.stopping import birth, turn
from sentinel.core.stopping_plan import Deed, Plan, Stage
from sentinel.core.stopping_world import Ended, Level, Outcome, Proven, Saving, Survey, Tally, World
from sentinel.keep import plans

ROOT = str(Path(__file__).resolve().parents[2])
CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sentinel.outlets.hands.rung import main; main()"
DEADLINE = 900.0
WATCHED = (Stage.ASKED, Stage.VERIFIED)
Writing = Callable[[], AbstractContextManager[sqlite3.Connection]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is and what its watch says about asking it."""

    folder: str
    uid: int | None
    ask: str = ""
    pids: tuple[int, ...] = ()


@dataclass(slots=True)
class Work:
    """One child under way."""

    process: subprocess.Popen[bytes]
    plan: str
    deed: str
    began: float


@dataclass(slots=True)
class Seen:
    """What the hands have seen of one run since this daemon started."""

    survey: Survey | None = None
    saving: Saving = field(default_factory=Saving)
    progress: int = -1


class Stopping:
    """All plans of this host."""

    def __init__(
        self, state: Path, writing: Writing, tell: Callable[[Plan, Deed], None], name: Callable[[], str]
    ) -> None:
        """`tell` puts an announcement or a last word into the outbox, inside the turn's own transaction."""
        self._state, self._writing, self._tell, self._name = state / "plans", writing, tell, name
        self._work: list[Work] = []
        self._seen: dict[str, Seen] = {}

    def turn(self, world: World, place: Place, wall: float) -> Plan | None:
        """One turn of one run: its plan as it now stands."""
        seen = self._seen.setdefault(world.run.key, Seen())
        with self._writing() as connection:
            past = plans.plans_of(connection, world.run.key)
            plan = past[-1] if past else None
            outcomes = self._finished(plan, seen, world.now)
            deeds: tuple[Deed, ...] = ()
            full = self._completed(connection, world, plan, seen, outcomes, wall)
            if plan is None or not (plan.open or any(step.ended is None for step in plan.steps)):
                plan = birth(full, past, self._name())
            else:
                made = turn(plan, full)
                plan, deeds = made.plan, made.deeds
            if plan is None:
                return None
            plans.write_plan(connection, plan, wall)
            for deed in deeds:
                if deed in (Deed.ANNOUNCE, Deed.TELL):
                    self._tell(plan, deed)
                    plan = _done(plan, deed)
                    plans.write_plan(connection, plan, wall)
        for deed in deeds:
            if deed not in (Deed.ANNOUNCE, Deed.TELL):
                self._start(plan, deed.value, place, world.now)
        self._look(plan, place, world.now)
        return plan

    def _completed(
        self, connection: sqlite3.Connection, world: World, plan: Plan | None, seen: Seen,
        outcomes: tuple[Outcome, ...], wall: float,
    ) -> World:  # fmt: skip
        under_way = {work.deed for work in self._work if plan is not None and work.plan == plan.id}
        intended = {step.deed.value for step in plan.steps if step.ended is None} if plan else set()
        settled = {outcome.deed for outcome in outcomes}
        others = [p for p in plans.open_plans(connection) if p.open and not p.rehearsal and p.run != world.run.key]
        tally = Tally(
            sum(other.stage in WATCHED for other in others),
            plans.ended_since(connection, wall - 3600, Stage.STOPPED),
            plans.ended_since(connection, wall - 86400, Stage.STOPPED),
            plans.ended_since(connection, wall - 86400, Stage.FAILED),
            world.tally.matching, world.tally.runs,
        )  # fmt: skip
        lead = max(world.signs, key=lambda sign: sign.doom, default=None)
        right = plans.rehearsals(connection, lead.rule, world.run.watch, lead.fingerprint) if lead else 0
        return replace(
            world, survey=seen.survey, saving=seen.saving, tally=tally, rehearsed=max(right, world.rehearsed),
            outcomes=outcomes, lost=frozenset(intended - under_way - settled),
        )  # fmt: skip

    def _start(self, plan: Plan, deed: str, place: Place, now: float) -> None:
        task = {
            "plan": plan.id, "deed": deed, "folder": place.folder, "uid": place.uid, "ask": place.ask,
            "pids": list(place.pids), "state": str(self._state), "stop": plan.wanted >= Level.STOP,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", CODE, ROOT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(task).encode())
        process.stdin.close()
        self._work.append(Work(process, plan.id, deed, now))

    def _look(self, plan: Plan, place: Place, now: float) -> None:
        """Keep the eyes on the processes: who they are before, whether they are there after."""
        busy = {work.deed for work in self._work if work.plan == plan.id}
        if plan.open and "survey" not in busy and plan.stage is not Stage.ASKED:
            self._start(plan, "survey", place, now)
        if plan.open and plan.stage in WATCHED and "watch" not in busy:
            self._start(plan, "watch", place, now)

    def _finished(self, plan: Plan | None, seen: Seen, now: float) -> tuple[Outcome, ...]:
        """What came of the children that have ended or run out of time, for this plan."""
        outcomes = []
        for work in [w for w in self._work if plan is not None and w.plan == plan.id]:
            late = now - work.began > DEADLINE
            if work.process.poll() is None and not late:
                continue
            self._work.remove(work)
            answer = _answer_of(work, late)
            if work.deed == "survey":
                seen.survey = _survey(answer, now) or seen.survey
            elif work.deed == "watch":
                _watched(seen, answer, now)
            else:
                outcomes.append(_outcome(work.deed, answer, now))
        return tuple(outcomes)


def _done(plan: Plan, deed: Deed) -> Plan:
    steps = tuple(replace(s, ended=Ended.DONE) if s.deed is deed and s.ended is None else s for s in plan.steps)
    return replace(plan, steps=steps)


def _answer_of(work: Work, late: bool) -> dict[str, Any]:
    if late:
        return {"ended": "unsure", "detail": "it did not end in time"}  # not killed: it may be in the midst of a signal
    assert work.process.stdout is not None
    with work.process.stdout as output:
        text = output.read(1 << 20)
    work.process.wait()
    try:
        answer = json.loads(text)
    except ValueError:
        return {"ended": "unsure", "detail": "its hand died"}
    return answer if isinstance(answer, dict) else {"ended": "unsure", "detail": "it answered nonsense"}


def _survey(answer: dict[str, Any], now: float) -> Survey | None:
    if "pids" not in answer:
        return None
    return Survey(
        now, tuple(answer["pids"]), frozenset(answer["uids"]), answer["runs"], tuple(answer["trouble"]),
        answer["elsewhere"], answer["way"], answer["ends"], answer["remote"], answer["by_hand"], answer["stuck"],
    )  # fmt: skip


def _watched(seen: Seen, answer: dict[str, Any], now: float) -> None:
    if "here" not in answer:
        return
    grew = now if answer["progress"] != seen.progress and seen.progress >= 0 else seen.saving.grew
    seen.progress = answer["progress"]
    gone = None if answer["here"] else seen.saving.gone or now
    seen.saving = Saving(grew, answer["found"], None if answer["back"] else gone, answer["back"])


def _outcome(deed: str, answer: dict[str, Any], now: float) -> Outcome:
    told = answer.get("proven")
    proven = None
    if told is not None:
        saved = None if told["age"] is None else now - told["age"]
        proven = Proven(told["good"], saved, told["tainted"], told["copy"], told["step"])
    return Outcome(deed, Ended(answer["ended"]), answer.get("detail", ""), proven)
