"""The stop plan's moves: what follows, in each stage, from what holds and from what came of the deeds.

Pure: a plan and a world go in, the next plan and the deeds to do come out; the caller writes the plan down before it
does a deed.

    evidence -> announced -> grace -> asked -> verified -> stopped
        any of them -> vetoed | refused | failed;  asked -> saved;  a rehearsal: evidence -> grace -> rehearsed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sentinel.core.stopping_birth import eager
from sentinel.core.stopping_conditions import CONDITIONS, Conditions, Found, Kind, Miss, look
from sentinel.core.stopping_findings import LEVEL_OF_ACTION, Case
from sentinel.core.stopping_plan import BEFORE_ASKING, OPEN, Deed, Plan, Route, Stage, Step, written
from sentinel.core.stopping_world import Ended, Level, Outcome, Proven, World

SAME_MOMENT = 1.0
BACK = "it was gone and came back: something restarts it"
CHANGED = "its signs ended after it was signalled: perhaps something has started it again"
LAST = (Deed.TELL, Deed.WITHDRAW)  # what is done once a plan has ended


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn made of a plan."""

    plan: Plan
    deeds: tuple[Deed, ...] = ()  # to do now, once the plan is written down
    findings: tuple[Found, ...] = ()


# --- one turn ----------------------------------------------------------------------------------------------------


def turn(plan: Plan, world: World, conditions: Conditions = CONDITIONS) -> Turn:
    """The plan after this turn, and what to do once it is written down."""
    if not plan.open:
        return _last_word(_absorbed(plan, world.outcomes), world)
    if plan.boot != world.boot:
        stage = Stage.VETOED if plan.stage in BEFORE_ASKING else Stage.FAILED
        return _end(plan, world, stage, "the machine was restarted, and every process of before is gone")
    plan = _absorbed(plan, world.outcomes)
    findings = look(plan, world, conditions)
    missed = () if _out_of_reach(plan, world) else tuple(f for f in findings if not f.holds and not _supposed(plan, f))
    for miss, stage in ((Miss.VETO, Stage.VETOED), (Miss.REFUSE, Stage.REFUSED)):
        against = [f for f in missed if f.condition.miss is miss]
        against = [f for f in against if f.condition.name == "live"] or against  # its own end explains all the rest
        waits = any(f.condition.miss is Miss.WAIT for f in missed)
        after = _after_signal(plan, world, against)
        if after is not None:
            return replace(after, findings=findings)
        if against and not (miss is Miss.REFUSE and plan.stage is Stage.EVIDENCE and waits):
            return replace(_end(plan, world, stage, "; ".join(f.text for f in against)), findings=findings)
    plan = replace(plan, waits=tuple(f.text for f in missed))
    return replace(MOVES[plan.stage](plan, world, conditions), findings=findings)


def _after_signal(plan: Plan, world: World, against: list[Found]) -> Turn | None:
    """What has been signalled may look healthy, or like somebody else, because something has started it again: the eyes
    on its processes get the time to see that, and nothing more is sent meanwhile.
    """
    signalled = plan.ever(Deed.END) or plan.ever(Deed.ASK)
    if not against or signalled is None or any(f.condition.kind not in (Kind.EVIDENCE, Kind.IDENTITY) for f in against):
        return None
    if world.saving.back:
        return _end(plan, world, Stage.FAILED, BACK)
    if _waiting(signalled.at, world, world.limits.exit_wait):
        return Turn(replace(plan, waits=tuple(f.text for f in against)))
    if plan.ever(Deed.END) is None:
        return None
    fires = any(f.condition.kind is Kind.IDENTITY for f in against)
    return _end(plan, world, Stage.FAILED, "; ".join(f.text for f in against) if fires else CHANGED)


def _out_of_reach(plan: Plan, world: World) -> bool:
    """Once its processes have gone, neither signs nor people can change what becomes of the run."""
    return plan.stage in (Stage.ASKED, Stage.VERIFIED) and (world.saving.gone is not None or world.run.over)


def _supposed(plan: Plan, found: Found) -> bool:
    return plan.rehearsal and (found.condition.kind is Kind.LEAVE or found.condition.name in ("reached", "awake"))


def _absorbed(plan: Plan, outcomes: Iterable[Outcome]) -> Plan:
    """Write down what came of the deeds."""
    for outcome in outcomes:
        step = plan.ever(Deed(outcome.deed))
        if step is None or step.ended is not None:
            continue
        plan = written(plan, replace(step, ended=outcome.ended, detail=outcome.detail))
        if outcome.proven is not None and outcome.deed in (Deed.PROVE, Deed.PROTECT, Deed.CHECK, Deed.ASK):
            plan = replace(plan, proven=_merged(plan.proven, outcome))
    return plan


def _merged(known: Proven, outcome: Outcome) -> Proven:
    """What is known of the checkpoints; a copy stays known while the same good one is meant."""
    new = outcome.proven or Proven()
    if outcome.deed in (Deed.CHECK, Deed.ASK) and outcome.ended is not Ended.DONE:
        return replace(known, tainted=new.tainted or known.tainted)
    same = new.good == known.good and _near(new.saved, known.saved)
    copy = new.copy or (known.copy if same else "")
    return replace(new, copy=copy)


def _near(one: float | None, other: float | None) -> bool:
    """Whether two times mean the same moment: each is reckoned from an age."""
    return one is not None and other is not None and abs(one - other) <= SAME_MOMENT


def _wants(plan: Plan, world: World, deed: Deed, conditions: Conditions) -> tuple[Plan, tuple[Deed, ...], Step]:
    """The plan with that deed intended, what is to be done for it now, and its step.

    A deed that was lost with Sentinel's own end is handed out again: the hands claim each signal before they send it,
    so what was begun before is reported as unsure and is not sent twice. The first signal of a plan is handed out again
    only while all that led to it still holds: much may have changed while Sentinel was away.
    """
    step = plan.step(deed)
    if step is None:
        step = Step(plan.stage, deed, world.now)
        return written(plan, step), (deed,), step
    again = step.ended is None and deed.value in world.lost and _still(plan, world, deed, conditions)
    return plan, (deed,) if again else (), step


def _still(plan: Plan, world: World, deed: Deed, conditions: Conditions) -> bool:
    first = deed is Deed.ASK or (deed is Deed.END and plan.ever(Deed.ASK) is None)
    if not first or _out_of_reach(plan, world):
        return True
    return all(found.holds for found in look(replace(plan, stage=Stage.GRACE), world, conditions))


def _through(plan: Plan, world: World, deeds: Iterable[Deed], conditions: Conditions) -> Turn | Plan:
    """Do these deeds one after the other: a turn while one is under way, the plan once all have ended."""
    for deed in deeds:
        plan, to_do, step = _wants(plan, world, deed, conditions)
        if step.ended is None:
            return Turn(plan, to_do)
    return plan


def _into(plan: Plan, world: World, stage: Stage) -> Plan:
    return replace(plan, stage=stage, entered=world.now, waits=())


def _end(plan: Plan, world: World, stage: Stage, why: str) -> Turn:
    """An end; people are told of it if they were told of the plan, or if a plan with all leave was refused."""
    silent = plan.rehearsal or (plan.ever(Deed.ANNOUNCE) is None and stage is Stage.VETOED)
    done = replace(_into(plan, world, stage), why=why)
    deeds = (() if silent else (Deed.TELL,)) + (() if plan.ever(Deed.ASK) is None else (Deed.WITHDRAW,))
    for deed in deeds:
        done = written(done, Step(stage, deed, world.now))
    return Turn(done, deeds)


def _last_word(plan: Plan, world: World) -> Turn:
    left = (step.deed for step in plan.steps if step.stage is plan.stage and step.ended is None)
    return Turn(plan, tuple(deed for deed in left if deed in LAST and deed.value in world.lost))


# --- the stages --------------------------------------------------------------------------------------------------


def _evidence(plan: Plan, world: World, conditions: Conditions) -> Turn:
    if plan.waits:
        return Turn(plan)
    after = _through(plan, world, (Deed.PROVE,) if plan.rehearsal else (Deed.PROVE, Deed.PROTECT), conditions)
    if isinstance(after, Turn):
        return after
    route, why = choose(after, world, conditions)
    if route is Route.OPEN:
        return _end(after, world, Stage.REFUSED, why)
    if plan.rehearsal:
        return Turn(replace(_into(after, world, Stage.GRACE), route=route, graced=world.now))
    announced = _into(replace(after, route=route), world, Stage.ANNOUNCED)
    return Turn(written(announced, Step(Stage.ANNOUNCED, Deed.ANNOUNCE, world.now)), (Deed.ANNOUNCE,))


def _announced(plan: Plan, world: World, conditions: Conditions) -> Turn:
    after = _through(plan, world, (Deed.ANNOUNCE,), conditions)
    if isinstance(after, Turn) or plan.waits:
        return after if isinstance(after, Turn) else Turn(after)
    return Turn(replace(_into(after, world, Stage.GRACE), graced=world.now))


def _grace(plan: Plan, world: World, conditions: Conditions) -> Turn:
    if any(wait.startswith("awake") for wait in plan.waits):
        plan = replace(plan, graced=world.now)  # hours in which nobody reads are no time to object
    if plan.graced is not None and plan.graced < world.started:
        away = (*plan.waits, "grace: it begins anew, Sentinel was away")  # nobody was there to hear an objection
        plan = replace(plan, graced=world.started, waits=away)
    if plan.waits:
        return Turn(replace(plan, steps=tuple(s for s in plan.steps if s.stage is not Stage.GRACE or s.ended is None)))
    if plan.rehearsal:
        return _end(plan, world, Stage.REHEARSED, f"would have gone on: {plan.route.value}")
    after = _through(plan, world, (Deed.PROVE, Deed.PROTECT, Deed.GATHER), conditions)
    if isinstance(after, Turn):
        return after
    route, why = choose(after, world, conditions)
    if route is Route.OPEN:
        return _end(after, world, Stage.REFUSED, why)
    after = replace(after, route=route)
    deed, stage = (Deed.ASK, Stage.ASKED) if route is Route.ASK else (Deed.END, Stage.VERIFIED)
    return Turn(written(_into(after, world, stage), Step(stage, deed, world.now)), (deed,))


def _asked(plan: Plan, world: World, conditions: Conditions) -> Turn:
    after = _through(plan, world, (Deed.ASK,), conditions)
    if isinstance(after, Turn):
        return after
    asked = after.step(Deed.ASK)
    if asked is None or asked.ended is Ended.FAILED:
        return _unsaved(after, world, conditions, f"could not be asked: {asked.detail if asked else ''}")
    check = after.step(Deed.CHECK)
    if check is not None and check.ended is Ended.DONE:
        return _proven(after, world)
    if check is not None and check.ended is not None:  # not good, or not good yet: look again when it has changed
        after = replace(after, steps=tuple(step for step in after.steps if step != check))
        check = None
    if check is None and world.saving.back:
        return _end(after, world, Stage.FAILED, f"was asked, and no good checkpoint came; {BACK}")
    if check is not None or (world.saving.found and world.now - asked.at < world.limits.save_most):
        after, to_do, _ = _wants(after, world, Deed.CHECK, conditions)
        return Turn(after, to_do)
    if _may_still_save(asked.at, world):
        return Turn(after)
    return _unsaved(after, world, conditions, "was asked, and no good checkpoint came")


def _may_still_save(asked: float, world: World) -> bool:
    if world.saving.gone is not None:  # what it wrote last must stand still before it is looked at
        return world.now - world.saving.gone < world.limits.still
    return _waiting(asked, world, world.limits.save_wait)


def _waiting(since: float, world: World, patience: float) -> bool:
    """Whether to go on waiting: bytes that are still written extend it, up to the most; nobody's patience is at its end
    before somebody has looked.
    """
    last = max(since, world.saving.grew or since)
    unseen = world.saving.looked is None or world.saving.looked < last + patience
    return (unseen or world.now - last < patience) and world.now - since < world.limits.save_most


def _proven(plan: Plan, world: World) -> Turn:
    if plan.wanted is Level.CHECKPOINT:
        return _end(plan, world, Stage.SAVED, f"saved and proven: {plan.proven.good}")
    return Turn(_into(plan, world, Stage.VERIFIED))


def _unsaved(plan: Plan, world: World, conditions: Conditions, why: str) -> Turn:
    """No good checkpoint came: end the run on what it had, if that is allowed and no more than `lose` is lost."""
    if world.saving.gone is not None:
        return _end(plan, world, Stage.FAILED, f"{why}; the run ended. Last good checkpoint: {_last_good(plan)}")
    against = unmet(plan, world, conditions, Kind.DIRECT, Kind.END)
    if against:
        return _end(plan, world, Stage.REFUSED, f"{why}; {against[0].text}")
    return Turn(replace(_into(plan, world, Stage.VERIFIED), route=Route.DIRECT))


def _last_good(plan: Plan) -> str:
    return plan.proven.copy or plan.proven.good or "none"


NOT_ENDED = {Deed.END: "it goes on, and may not be signalled", Deed.KILL: "TERM did not end it"}


def _verified(plan: Plan, world: World, conditions: Conditions) -> Turn:
    if world.saving.back:
        return _end(plan, world, Stage.FAILED, BACK)
    if world.saving.gone is not None:
        quiet = world.now - world.saving.gone >= world.limits.quiet_after
        return _end(plan, world, Stage.STOPPED, f"checkpoint: {_last_good(plan)}") if quiet else Turn(plan)
    if world.saving.launcher:
        late = world.now - plan.entered >= world.limits.launcher_wait
        stays = f"its ranks have gone, and {world.saving.left or 'their launcher'} stays"
        return _end(plan, world, Stage.FAILED, stays) if late else Turn(plan)
    if plan.route is Route.ASK and _waiting(plan.entered, world, world.limits.exit_wait):
        return Turn(plan)
    for deed in (Deed.END, Deed.KILL):
        begun = plan.step(deed)
        if begun is None and plan.waits:
            late = world.now - plan.entered >= world.limits.save_most
            return _end(plan, world, Stage.FAILED, f"it does not end: {plan.waits[0]}") if late else Turn(plan)
        against = () if begun else unmet(plan, world, conditions, Kind.END if deed is Deed.END else Kind.KILL)
        if against:
            return _end(plan, world, Stage.FAILED, f"{NOT_ENDED[deed]}; {against[0].text}")
        plan, to_do, step = _wants(plan, world, deed, conditions)
        if step.ended is None or _waiting(step.at, world, world.limits.exit_wait):
            return Turn(plan, to_do)
        if step.ended is Ended.FAILED:
            return _end(plan, world, Stage.FAILED, f"it was not signalled: {step.detail}")
    where = world.saving.left or "it is stuck in the kernel"
    return _end(plan, world, Stage.FAILED, f"cannot be killed: {where}")


MOVES: dict[Stage, Callable[[Plan, World, Conditions], Turn]] = {
    Stage.EVIDENCE: _evidence,
    Stage.ANNOUNCED: _announced,
    Stage.GRACE: _grace,
    Stage.ASKED: _asked,
    Stage.VERIFIED: _verified,
}


# --- the route ---------------------------------------------------------------------------------------------------


def unmet(plan: Plan, world: World, conditions: Conditions, *kinds: Kind) -> list[Found]:
    """The conditions of these kinds that do not hold."""
    found = (Found(c, *c.holds(Case(world, plan))) for c in conditions if c.kind in kinds)
    return [f for f in found if not f.holds]


def choose(plan: Plan, world: World, conditions: Conditions = CONDITIONS) -> tuple[Route, str]:
    """How the run is to be brought to its end; without a route, why not, in the words for a person."""
    not_asking = unmet(plan, world, conditions, Kind.ASK)
    if not not_asking:
        return Route.ASK, ""
    not_ending = unmet(plan, world, conditions, Kind.DIRECT, Kind.END)
    if not not_ending:
        return Route.DIRECT, "; ".join(f.text for f in not_asking)
    return Route.OPEN, "; ".join(f.text for f in (*not_asking, *not_ending))


def supposed(world: World) -> Plan:
    """The plan that the loudest sign would ask for, for a person who asks before there is one."""
    sign = min((s for s in world.signs if not s.hidden), key=eager, default=None)
    asked = LEVEL_OF_ACTION[sign.action] if sign is not None else Level.STOP
    named = (sign.rule, sign.fingerprint, sign.n) if sign is not None else ("none", "", 0)
    wanted = max(asked, Level.CHECKPOINT)
    return Plan("", world.run.key, world.run.watch, *named, wanted, False, world.boot, world.now, world.now)


def explained(plan: Plan, world: World) -> tuple[Found, ...]:
    """Every condition of the whole table as it stands now, for `--dry-run`, whatever the stage."""
    return tuple(Found(c, *c.holds(Case(world, plan))) for c in CONDITIONS)


def stop_time(plan: Plan, grace: float) -> float | None:
    """When the plan goes on if nobody objects: the answer to an `ack`. None when its grace has not begun."""
    return None if plan.graced is None or plan.stage not in OPEN else plan.graced + grace
