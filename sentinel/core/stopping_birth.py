"""The birth of a stop plan: which sign asks for one, and whether it is a rehearsal. What follows is decided in `stopping`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sentinel.core.stopping_conditions import CONDITIONS, Conditions, Kind, look
from sentinel.core.stopping_findings import LEVEL_OF_ACTION
from sentinel.core.stopping_plan import Plan, Stage
from sentinel.core.stopping_world import Level, Mode, Sign, World


def birth(world: World, past: Iterable[Plan], plan_id: str, conditions: Conditions = CONDITIONS) -> Plan | None:
    """A plan for the run, if a sign asks for one and none was made for it yet."""
    plans = [plan for plan in past if plan.run == world.run.key]
    if world.mode is Mode.OFF or world.run.kind != "run" or any(plan.open for plan in plans):
        return None
    if any(plan.stage is Stage.UNREAD for plan in plans):
        return None  # a plan that only a newer Sentinel understands may be under way
    for sign in sorted(_unanswered(world, plans), key=eager):
        plan = _born(world, sign, plan_id, conditions)
        if plan is not None and not any(_settles(old, plan) for old in plans):
            return plan
    return None


def _unanswered(world: World, plans: Iterable[Plan]) -> list[Sign]:
    """The signs that did not stand already when the run was stopped: what its end has answered asks for no other plan."""
    stops = [plan.entered for plan in plans if plan.stage is Stage.STOPPED and plan.boot == world.boot]
    return [sign for sign in world.signs if sign.since > max(stops, default=float("-inf"))]


def eager(sign: Sign) -> tuple[int, float, float]:
    """The order of signs: those that ask for most, then the surest, then the oldest."""
    return -LEVEL_OF_ACTION[sign.action], -sign.doom, sign.since


def _born(world: World, sign: Sign, plan_id: str, conditions: Conditions) -> Plan | None:
    asked = LEVEL_OF_ACTION[sign.action]
    if asked is Level.NEVER or sign.hidden:
        return None
    allowed = min(asked, world.watch_level, world.consent.level)
    wanted = allowed if allowed >= Level.CHECKPOINT else asked
    plan = Plan(
        plan_id, world.run.key, world.run.watch, sign.rule, sign.fingerprint, sign.n, wanted, False, world.boot,
        world.now, world.now,
    )  # fmt: skip
    found = look(plan, world, conditions)
    if any(f.condition.name == "signs" and not f.holds for f in found):
        return None  # a sign that stands alone must not keep a better one from leading
    missing = tuple(f.text for f in found if f.condition.kind is Kind.LEAVE and not f.holds)
    return replace(plan, rehearsal=bool(missing), missing=missing, wanted=asked if missing else wanted)


def _settles(old: Plan, new: Plan) -> bool:
    """Whether an ended plan has answered what a new one would ask: only a rehearsal is followed by the real thing."""
    same = (old.lead, old.n, old.fingerprint) == (new.lead, new.n, new.fingerprint)
    return same and (new.rehearsal or not old.rehearsal)
