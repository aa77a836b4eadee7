"""Every condition of the stop plan as a named entry of one table, so that each is logged with its value, printed by
`--dry-run`, and taken out one at a time by a test. What follows from them is decided in `stopping`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core import stopping_endings as endings
from sentinel.core import stopping_findings as findings
from sentinel.core.stopping_findings import Case, Finding
from sentinel.core.stopping_plan import BEFORE_ASKING, OPEN, Plan, Stage
from sentinel.core.stopping_world import World


class Kind(StrEnum):
    """What a condition speaks of."""

    LEAVE = "leave"  # a rehearsal goes on without it and says which was missing
    EVIDENCE = "evidence"
    STATE = "state"
    LIMIT = "limit"
    PEOPLE = "people"
    IDENTITY = "identity"
    ASK = "ask"  # must hold for the run to be asked
    DIRECT = "direct"  # must hold for the run to be ended without asking
    END = "end"  # must hold for a signal that ends it, whether it was asked before or not
    KILL = "kill"  # must hold for the last step


class Miss(StrEnum):
    """What a plan does when a condition does not hold."""

    WAIT = "wait"
    VETO = "veto"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the table."""

    name: str
    kind: Kind
    stages: tuple[Stage, ...]
    miss: Miss
    holds: Callable[[Case], Finding]

    @property
    def says(self) -> str:
        """What must be so, for people."""
        return (self.holds.__doc__ or self.name).rstrip(".")


GRACE_ALONE = (Stage.GRACE,)
HOLDING = (Stage.ANNOUNCED, Stage.GRACE)
BEFORE_SIGNALS = (*BEFORE_ASKING, Stage.VERIFIED)


CONDITIONS = (
    Condition("mode", Kind.LEAVE, OPEN, Miss.VETO, findings.mode),
    Condition("watch", Kind.LEAVE, OPEN, Miss.VETO, findings.watch),
    Condition("action", Kind.LEAVE, OPEN, Miss.VETO, findings.action),
    Condition("may-act", Kind.LEAVE, OPEN, Miss.VETO, findings.may_act),
    Condition("doom", Kind.LEAVE, OPEN, Miss.VETO, findings.doom),
    Condition("consent", Kind.LEAVE, OPEN, Miss.VETO, findings.consent),
    Condition("rehearsed", Kind.LEAVE, OPEN, Miss.VETO, findings.rehearsed),
    Condition("firing", Kind.EVIDENCE, OPEN, Miss.VETO, findings.firing),
    Condition("signs", Kind.EVIDENCE, BEFORE_ASKING, Miss.WAIT, findings.signs),
    Condition("lasting", Kind.EVIDENCE, BEFORE_ASKING, Miss.WAIT, findings.lasting),
    Condition("current", Kind.EVIDENCE, BEFORE_ASKING, Miss.WAIT, findings.not_stale),
    Condition("owned", Kind.EVIDENCE, BEFORE_ASKING, Miss.WAIT, findings.owned),
    Condition("fresh", Kind.EVIDENCE, BEFORE_ASKING, Miss.WAIT, findings.fresh),
    Condition("kind", Kind.STATE, BEFORE_ASKING, Miss.REFUSE, findings.kind),
    Condition("live", Kind.STATE, BEFORE_ASKING, Miss.VETO, findings.live),
    Condition("home", Kind.STATE, BEFORE_ASKING, Miss.WAIT, findings.home),
    Condition("warm", Kind.STATE, BEFORE_ASKING, Miss.WAIT, findings.warm),
    Condition("evaluation", Kind.STATE, BEFORE_ASKING, Miss.WAIT, findings.evaluating),
    Condition("saving", Kind.STATE, BEFORE_ASKING, Miss.WAIT, findings.saving),
    Condition("resumed", Kind.STATE, BEFORE_ASKING, Miss.WAIT, findings.resumed),
    Condition("settled", Kind.STATE, BEFORE_ASKING, Miss.WAIT, findings.settled),
    Condition("worth", Kind.LIMIT, BEFORE_ASKING, Miss.WAIT, findings.worth),
    Condition("at-once", Kind.LIMIT, BEFORE_ASKING, Miss.WAIT, findings.at_once),
    Condition("an-hour", Kind.LIMIT, BEFORE_ASKING, Miss.WAIT, findings.an_hour),
    Condition("a-day", Kind.LIMIT, BEFORE_ASKING, Miss.WAIT, findings.a_day),
    Condition("not-fought", Kind.LIMIT, BEFORE_ASKING, Miss.REFUSE, findings.not_fought),
    Condition("crowd", Kind.LIMIT, BEFORE_ASKING, Miss.WAIT, findings.crowd),
    Condition("unbroken", Kind.LIMIT, BEFORE_ASKING, Miss.WAIT, findings.unbroken),
    Condition("kept", Kind.PEOPLE, OPEN, Miss.VETO, findings.kept),
    Condition("wrong", Kind.PEOPLE, OPEN, Miss.VETO, findings.wrong),
    Condition("reached", Kind.PEOPLE, HOLDING, Miss.WAIT, findings.reached),
    Condition("awake", Kind.PEOPLE, HOLDING, Miss.WAIT, findings.awake),
    Condition("grace", Kind.PEOPLE, GRACE_ALONE, Miss.WAIT, findings.grace),
    Condition("surveyed", Kind.IDENTITY, BEFORE_SIGNALS, Miss.WAIT, endings.surveyed),
    Condition("processes", Kind.IDENTITY, BEFORE_SIGNALS, Miss.WAIT, endings.processes),
    Condition("there", Kind.IDENTITY, BEFORE_ASKING, Miss.VETO, endings.there),
    Condition("same", Kind.IDENTITY, BEFORE_ASKING, Miss.VETO, endings.same),
    Condition("alone", Kind.STATE, BEFORE_SIGNALS, Miss.WAIT, endings.alone),
    Condition("one-run", Kind.IDENTITY, BEFORE_SIGNALS, Miss.REFUSE, endings.one_run),
    Condition("own-user", Kind.IDENTITY, BEFORE_SIGNALS, Miss.REFUSE, endings.own_user),
    Condition("untroubled", Kind.IDENTITY, BEFORE_SIGNALS, Miss.REFUSE, endings.untroubled),
    Condition("finite", Kind.ASK, (), Miss.REFUSE, endings.finite),
    Condition("hears", Kind.ASK, (), Miss.REFUSE, endings.hears),
    Condition("way", Kind.ASK, (), Miss.REFUSE, endings.way),
    Condition("fallback", Kind.ASK, (), Miss.REFUSE, endings.fallback),
    Condition("all-ranks", Kind.ASK, (), Miss.REFUSE, endings.all_ranks),
    Condition("gentle", Kind.ASK, (), Miss.REFUSE, endings.gentle),
    Condition("protected", Kind.ASK, (), Miss.REFUSE, endings.protected),
    Condition("may-end", Kind.DIRECT, (), Miss.REFUSE, endings.may_end),
    Condition("here", Kind.END, (), Miss.REFUSE, endings.here),
    Condition("good", Kind.DIRECT, (), Miss.REFUSE, endings.good),
    Condition("copied", Kind.DIRECT, (), Miss.REFUSE, endings.copied),
    Condition("lose", Kind.DIRECT, (), Miss.REFUSE, endings.lose),
    Condition("deaf", Kind.DIRECT, (), Miss.REFUSE, endings.kill_if_deaf),
    Condition("kill-level", Kind.KILL, (), Miss.REFUSE, endings.may_kill),
)


Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One condition as it stands now."""

    condition: Condition
    holds: bool
    value: str

    @property
    def text(self) -> str:
        """For logs and people."""
        return f"{self.condition.name}: {self.value}" if self.value else self.condition.name


def look(plan: Plan, world: World, conditions: Conditions = CONDITIONS) -> tuple[Found, ...]:
    """Every condition that counts in the plan's stage, with its value."""
    return tuple(Found(c, *c.holds(Case(world, plan))) for c in conditions if plan.stage in c.stages)
