"""Every condition of the stop plan as a named entry of one table, so that each is logged with its value, printed by
`--dry-run`, and taken out one at a time by a test. What follows from them is decided in `stopping`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core import stopping_findings as findings
from sentinel.core.stopping_findings import Case, Finding
from sentinel.core.stopping_plan import BEFORE_ASKING, OPEN, Stage


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


def _table() -> tuple[Condition, ...]:
    wait, veto, refuse = Miss.WAIT, Miss.VETO, Miss.REFUSE
    leave, evidence, state, limit = Kind.LEAVE, Kind.EVIDENCE, Kind.STATE, Kind.LIMIT
    people, identity, ask, direct = Kind.PEOPLE, Kind.IDENTITY, Kind.ASK, Kind.DIRECT
    lines: tuple[tuple[str, Kind, tuple[Stage, ...], Miss, Callable[[Case], Finding]], ...] = (
        ("mode", leave, OPEN, veto, findings.mode),
        ("watch", leave, OPEN, veto, findings.watch),
        ("action", leave, OPEN, veto, findings.action),
        ("may-act", leave, OPEN, veto, findings.may_act),
        ("doom", leave, OPEN, veto, findings.doom),
        ("consent", leave, OPEN, veto, findings.consent),
        ("rehearsed", leave, OPEN, veto, findings.rehearsed),
        ("firing", evidence, OPEN, veto, findings.firing),
        ("signs", evidence, BEFORE_ASKING, wait, findings.signs),
        ("lasting", evidence, BEFORE_ASKING, wait, findings.lasting),
        ("current", evidence, BEFORE_ASKING, wait, findings.not_stale),
        ("owned", evidence, BEFORE_ASKING, wait, findings.owned),
        ("fresh", evidence, BEFORE_ASKING, wait, findings.fresh),
        ("kind", state, BEFORE_ASKING, refuse, findings.kind),
        ("live", state, BEFORE_ASKING, veto, findings.live),
        ("home", state, BEFORE_ASKING, wait, findings.home),
        ("warm", state, BEFORE_ASKING, wait, findings.warm),
        ("evaluation", state, BEFORE_ASKING, wait, findings.evaluating),
        ("saving", state, BEFORE_ASKING, wait, findings.saving),
        ("resumed", state, BEFORE_ASKING, wait, findings.resumed),
        ("settled", state, BEFORE_ASKING, wait, findings.settled),
        ("worth", limit, BEFORE_ASKING, wait, findings.worth),
        ("at-once", limit, BEFORE_ASKING, wait, findings.at_once),
        ("an-hour", limit, BEFORE_ASKING, wait, findings.an_hour),
        ("a-day", limit, BEFORE_ASKING, wait, findings.a_day),
        ("crowd", limit, BEFORE_ASKING, wait, findings.crowd),
        ("unbroken", limit, BEFORE_ASKING, wait, findings.unbroken),
        ("kept", people, OPEN, veto, findings.kept),
        ("wrong", people, OPEN, veto, findings.wrong),
        ("reached", people, HOLDING, wait, findings.reached),
        ("awake", people, HOLDING, wait, findings.awake),
        ("grace", people, GRACE_ALONE, wait, findings.grace),
        ("surveyed", identity, BEFORE_SIGNALS, wait, findings.surveyed),
        ("processes", identity, BEFORE_SIGNALS, wait, findings.processes),
        ("one-run", identity, BEFORE_SIGNALS, refuse, findings.one_run),
        ("own-user", identity, BEFORE_SIGNALS, refuse, findings.own_user),
        ("untroubled", identity, BEFORE_SIGNALS, refuse, findings.untroubled),
        ("finite", ask, (), refuse, findings.finite),
        ("hears", ask, (), refuse, findings.hears),
        ("way", ask, (), refuse, findings.way),
        ("all-ranks", ask, (), refuse, findings.all_ranks),
        ("gentle", ask, (), refuse, findings.gentle),
        ("protected", ask, (), refuse, findings.protected),
        ("may-end", direct, (), refuse, findings.may_end),
        ("here", Kind.END, (), refuse, findings.here),
        ("good", direct, (), refuse, findings.good),
        ("copied", direct, (), refuse, findings.copied),
        ("lose", direct, (), refuse, findings.lose),
        ("deaf", direct, (), refuse, findings.kill_if_deaf),
        ("kill-level", Kind.KILL, (), refuse, findings.may_kill),
    )
    return tuple(Condition(*line) for line in lines)


CONDITIONS = _table()
