"""What each condition of the stop plan looks at: one small function each, from a case to whether it holds and the value
that says so. Which of them count when, and what a miss means, stands in the table of `stopping_conditions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from sentinel.core.amounts import seconds_text
from sentinel.core.records import Action, Severity
from sentinel.core.stopping_plan import Plan
from sentinel.core.stopping_world import Level, Mode, Sign, World

Finding = tuple[bool, str]  # does it hold, and the value that says so
LEVEL_OF_ACTION = {Action.TELL: Level.NEVER, Action.CHECKPOINT: Level.CHECKPOINT, Action.STOP: Level.STOP}
SILENT: Finding = True, "its rule is silent, which `firing` judges"


@dataclass(frozen=True, slots=True)
class Case:
    """A plan in the world of this turn."""

    world: World
    plan: Plan


def lead_of(case: Case) -> Sign | None:
    """The sign that the plan was made for, while it fires."""
    return case.plan.lead_sign(case.world)


def mode(case: Case) -> Finding:
    """The settings are armed."""
    return case.world.mode is Mode.ARMED, f"[stop] mode = {case.world.mode.value}"


def watch(case: Case) -> Finding:
    """The watch allows it."""
    return (
        case.world.watch_level >= case.plan.wanted,
        f"watch allows {case.world.watch_level.word}, wanted {case.plan.wanted.word}",
    )


def action(case: Case) -> Finding:
    """The rule asks for it."""
    sign = lead_of(case)
    if sign is None:
        return SILENT
    return LEVEL_OF_ACTION[sign.action] >= min(case.plan.wanted, Level.STOP), f"action: {sign.action.value}"


def may_act(case: Case) -> Finding:
    """The rule is one that may act."""
    sign = lead_of(case)
    if sign is None or sign.may_act:
        return SILENT if sign is None else (True, "yes")
    return False, "a user's own rules may only tell"


def doom(case: Case) -> Finding:
    """The rule is sure enough."""
    sign = lead_of(case)
    if sign is None:
        return SILENT
    return sign.doom >= case.world.limits.doom, f"doom {sign.doom:g}, needs {case.world.limits.doom:g}"


def consent(case: Case) -> Finding:
    """The run's owner allows it."""
    consent = case.world.consent
    mine = consent.owner is not None and consent.owner == case.world.run.uid
    if consent.level < Level.CHECKPOINT or not mine:
        return False, consent.why or f"given by uid {consent.owner}, the run is of uid {case.world.run.uid}"
    return consent.level >= case.plan.wanted, f"owner allows {consent.level.word}, wanted {case.plan.wanted.word}"


def rehearsed(case: Case) -> Finding:
    """People called rehearsals of this rule here right."""
    right = case.world.called_right.get((case.plan.lead, case.plan.fingerprint), 0)
    return right >= case.world.limits.rehearsals, f"{right} of {case.world.limits.rehearsals} called right"


def firing(case: Case) -> Finding:
    """Its rule still fires."""
    fires = lead_of(case) is not None
    return fires, f"{case.plan.lead} {'fires' if fires else 'no longer fires: the run recovered'}"


def _independent(one: Sign, other: Sign) -> bool:
    return one.signature != other.signature and not one.reads & other.reads


def _counting(case: Case) -> list[Sign]:
    return [s for s in case.world.signs if not s.hidden and s.severity >= Severity.HIGH]


def signs(case: Case) -> Finding:
    """Two independent signs, or a terminal one."""
    signs = _counting(case)
    lead = lead_of(case)
    terminal = lead is not None and lead.terminal
    pairs = [pair for pair in combinations(signs, 2) if lead in pair and _independent(*pair)]
    names = ", ".join(sign.rule for sign in signs)
    return terminal or bool(pairs), f"{'terminal: ' if terminal else ''}{names or 'none'}"


def _used(case: Case) -> list[Sign]:
    """The signs that this plan stands on: a terminal lead alone, else the lead and what is independent of it."""
    lead = lead_of(case)
    if lead is None:
        return []
    if lead.terminal:
        return [lead]
    return [lead, *(s for s in _counting(case) if _independent(lead, s))]


def lasting(case: Case) -> Finding:
    """They last."""
    ages = sorted((case.world.now - sign.since for sign in _used(case)), reverse=True)
    terminal = bool(ages) and len(ages) == 1
    age = ages[0] if terminal else ages[1] if len(ages) > 1 else 0.0
    return (
        age >= case.world.limits.lasting,
        f"for {seconds_text(max(age, 0))}, needs {seconds_text(case.world.limits.lasting)}",
    )


def not_stale(case: Case) -> Finding:
    """None of them is stale."""
    stale = [sign.rule for sign in _used(case) if sign.stale]
    return not stale, f"stale: {', '.join(stale)}" if stale else "all signs are current"


def owned(case: Case) -> Finding:
    """The evidence is the owner's alone."""
    foreign = [sign.rule for sign in _used(case) if not sign.owned]
    return not foreign, f"files that others can write: {', '.join(foreign)}" if foreign else "the owner's files alone"


def fresh(case: Case) -> Finding:
    """The data are fresh."""
    lead = lead_of(case)
    if lead is not None and lead.hung:
        return True, "speaks of silence itself"
    if case.world.run.newest is None:
        return False, "no data yet"
    age = case.world.now - case.world.run.newest
    return 0 <= age <= case.world.limits.fresh, f"newest data {seconds_text(max(age, 0))} old"


def kind(case: Case) -> Finding:
    """It is a run."""
    return case.world.run.kind == "run", f"a {case.world.run.kind}"


def live(case: Case) -> Finding:
    """It is not over."""
    return not case.world.run.over, "over by itself" if case.world.run.over else "goes on"


def home(case: Case) -> Finding:
    """It is at home here."""
    return case.world.run.home, "at home here" if case.world.run.home else "another host is its home"


def warm(case: Case) -> Finding:
    """It is past warm-up."""
    return case.world.run.warm, "past warm-up" if case.world.run.warm else "in warm-up"


def evaluating(case: Case) -> Finding:
    """It is not evaluating."""
    return not case.world.run.evaluating, "evaluating" if case.world.run.evaluating else "training"


def saving(case: Case) -> Finding:
    """It is not saving."""
    saves = case.world.run.saving or (case.world.survey is not None and case.world.survey.saving)
    return not saves, "a save is in progress" if saves else "no save in progress"


def resumed(case: Case) -> Finding:
    """It did not just begin or resume."""
    began = case.world.run.began
    age = None if began is None else case.world.now - began
    needs = seconds_text(case.world.limits.settle)
    known = age is not None and age >= case.world.limits.settle
    return known, f"began {'?' if age is None else seconds_text(max(age, 0))} ago, needs {needs}"


def settled(case: Case) -> Finding:
    """Sentinel did not just start."""
    age = case.world.now - case.world.started
    settle = case.world.limits.settle
    return age >= settle, f"Sentinel watches for {seconds_text(max(age, 0))}, needs {seconds_text(settle)}"


def worth(case: Case) -> Finding:
    """Enough GPU time is left to save."""
    left = case.world.run.left
    counted = "" if case.world.run.gpus or left is None else " (its GPUs are not known, one is counted)"
    return (
        left is not None and left >= case.world.limits.worth,
        f"{'?' if left is None else f'{left:.1f}'} GPU-hours left{counted}, worth {case.world.limits.worth:g}",
    )


def at_once(case: Case) -> Finding:
    """Few enough plans at once."""
    return (
        case.world.tally.at_once < case.world.limits.at_once,
        f"{case.world.tally.at_once} others, most {case.world.limits.at_once}",
    )


def an_hour(case: Case) -> Finding:
    """Few enough in an hour."""
    return (
        case.world.tally.last_hour < case.world.limits.an_hour,
        f"{case.world.tally.last_hour}, most {case.world.limits.an_hour}",
    )


def a_day(case: Case) -> Finding:
    """Few enough in a day."""
    return (
        case.world.tally.last_day < case.world.limits.a_day,
        f"{case.world.tally.last_day}, most {case.world.limits.a_day}",
    )


def not_fought(case: Case) -> Finding:
    """Sentinel has not tried to stop it before."""
    times = case.world.tally.before
    if not times:
        return True, "not tried before"
    return False, f"Sentinel tried that before ({times}): it is not fought; sentinel right PLAN allows another"


def crowd(case: Case) -> Finding:
    """Not many runs match at once."""
    tally, most = case.world.tally, case.world.limits.crowd
    alone = tally.matching <= 1
    return alone or tally.matching <= most * tally.runs, f"{tally.matching} of {tally.runs} runs, most {most:.0%}"


def unbroken(case: Case) -> Finding:
    """No plan failed lately."""
    return case.world.tally.failed == 0, f"{case.world.tally.failed} plans failed in the last day"


def kept(case: Case) -> Finding:
    """Nobody keeps it."""
    return not case.world.people.kept, case.world.people.kept or "nobody keeps it"


def wrong(case: Case) -> Finding:
    """Nobody called the rule wrong here."""
    called = case.plan.lead in case.world.people.wrong
    return not called, "called wrong" if called else "nobody called it wrong"


def reached(case: Case) -> Finding:
    """A person was reached."""
    people = case.world.people
    if not people.channels:
        return False, "no channel reaches a person"
    told = people.announced is not None and people.announced >= case.plan.born
    return told, "confirmed" if told else "no channel has confirmed the announcement"


def awake(case: Case) -> Finding:
    """People are neither resting nor muted."""
    held = "muted" if case.world.people.muted else "quiet hours" if case.world.people.quiet else ""
    return not held, held or "neither muted nor quiet"


def grace(case: Case) -> Finding:
    """People had the time to object."""
    passed = 0.0 if case.plan.graced is None else case.world.now - case.plan.graced
    return (
        passed >= case.world.limits.grace,
        f"{seconds_text(max(passed, 0))} of {seconds_text(case.world.limits.grace)}",
    )
