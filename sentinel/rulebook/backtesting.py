"""Many judged runs with labels as figures: false alarms, lead, messages. Pure; the command replays and prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import median

HIGH, CRITICAL = 2, 3
IN_TIME = 0.6  # the part of the rest of the run after the onset within which an alert is in time


@dataclass(frozen=True, slots=True)
class Label:
    """What an expert says about a run."""

    run: str
    doomed: bool
    family: str = ""  # the kind of run, for leaving one out
    onset: float | None = None  # step, epoch or seconds, as `axis` says
    last: float | None = None
    axis: str = "step"
    families: frozenset[str] = frozenset()  # the families of signatures that name the cause rightly


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert of a run."""

    rule: str
    family: str
    severity: int
    acts: bool
    at: float | None  # on the label's axis
    told: bool = True
    excess: float | None = None  # by what factor the value was beyond the limit


@dataclass(frozen=True, slots=True)
class Judged:
    """What a replay of one run gave."""

    label: Label
    firings: tuple[Firing, ...] = ()
    applied: frozenset[str] = frozenset()  # rules that said yes or no at least once
    trouble: str = ""


@dataclass(slots=True)
class RuleFigures:
    """One rule over all runs."""

    rule: str
    applied: int = 0
    doomed: int = 0
    healthy: int = 0
    leads: list[float] = field(default_factory=list)  # share of the run that was still to come

    @property
    def lead(self) -> float | None:
        """The median share of the run that would have been saved."""
        return median(self.leads) if self.leads else None


@dataclass(frozen=True, slots=True)
class Bar:
    """The figures that decide (doomed found in time, rightly named; healthy left in peace)."""

    doomed: int
    found: int
    healthy: int
    false_high: int
    false_critical: int
    false_acting: int
    messages: float  # per healthy run
    least: float = 0.95  # the share of doomed runs that must be found
    most: int = 1  # healthy runs that may raise high

    @property
    def met(self) -> bool:
        """Enough found, few healthy runs at high, none of them critical, no action on them; 0.05 messages."""
        found = not self.doomed or self.found / self.doomed >= self.least
        return (
            found
            and self.false_high <= self.most
            and not self.false_critical
            and not self.false_acting
            and self.messages <= 0.05
        )


def found_in_time(judged: Judged) -> bool:
    """Whether the first alert >= high names a right family before 60 % of the rest after the onset has gone."""
    loud = [firing for firing in judged.firings if firing.severity >= HIGH]
    if not loud:
        return False
    first, label = loud[0], judged.label
    if label.families and (first.family not in label.families or len({firing.family for firing in loud}) > 2):
        return False
    if label.onset is None or label.last is None or first.at is None:
        return True
    return label.last <= label.onset or first.at <= label.onset + IN_TIME * (label.last - label.onset)


def bar(runs: Iterable[Judged], least: float = 0.95, most: int = 1) -> Bar:
    """The bar over these runs."""
    runs = list(runs)
    doomed = [run for run in runs if run.label.doomed]
    healthy = [run for run in runs if not run.label.doomed]
    return Bar(
        len(doomed),
        sum(map(found_in_time, doomed)),
        len(healthy),
        sum(any(f.severity >= HIGH for f in run.firings) for run in healthy),
        sum(any(f.severity >= CRITICAL for f in run.firings) for run in healthy),
        sum(any(f.acts for f in run.firings) for run in healthy),
        sum(f.told for run in healthy for f in run.firings) / len(healthy) if healthy else 0.0,
        least,
        most,
    )


def by_rule(runs: Iterable[Judged]) -> list[RuleFigures]:
    """Each rule's figures, those with false alarms first."""
    found: dict[str, RuleFigures] = {}
    for run in runs:
        for rule in run.applied | {firing.rule for firing in run.firings}:
            found.setdefault(rule, RuleFigures(rule)).applied += 1
        for firing in {firing.rule: firing for firing in reversed(run.firings)}.values():
            figures = found[firing.rule]
            figures.doomed += run.label.doomed
            figures.healthy += not run.label.doomed
            if run.label.doomed and firing.at is not None and run.label.last:
                figures.leads.append(max(0.0, 1.0 - firing.at / run.label.last))
    return sorted(found.values(), key=lambda figures: (-figures.healthy, -figures.doomed, figures.rule))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A limit that would have spared healthy runs."""

    rule: str
    factor: float  # on the limit of now
    spared: int
    healthy: int
    kept: int
    doomed: int

    def __str__(self) -> str:
        """As a line for people."""
        way = f"{self.factor:.3g} times as far out"
        spared = f"{self.spared} of {self.healthy} healthy runs spared"
        return f"{self.rule}: a limit {way}: {spared}, {self.kept} of {self.doomed} doomed ones kept"


def suggestions(runs: Iterable[Judged]) -> list[Suggestion]:
    """For each rule with false alarms: the limit that keeps every doomed run and spares most healthy ones, if any."""
    by_rule: dict[str, tuple[list[float], list[float]]] = {}
    for run in runs:
        for firing in {f.rule: f for f in reversed(run.firings)}.values():
            if firing.excess is not None:
                by_rule.setdefault(firing.rule, ([], []))[run.label.doomed].append(firing.excess)
    found = [_suggested(rule, healthy, doomed) for rule, (healthy, doomed) in sorted(by_rule.items()) if healthy]
    return [one for one in found if one is not None]


def _suggested(rule: str, healthy: Sequence[float], doomed: Sequence[float]) -> Suggestion | None:
    weakest = min(doomed, default=2 * max(healthy))  # of what must still be found
    spared = [excess for excess in healthy if excess < weakest]
    if not spared or weakest <= 1.0:
        return None
    return Suggestion(rule, sqrt(max(spared) * weakest), len(spared), len(healthy), len(doomed), len(doomed))


def excess(value: float | None, limit: float | None) -> float | None:
    """By what factor a value lies beyond its limit, either way; None where a factor says nothing."""
    if value is None or limit is None or not (value * limit > 0.0) or value - value != 0.0 or limit - limit != 0.0:
        return None
    return max(value / limit, limit / value)


def leave_one_out(runs: Sequence[Judged]) -> Mapping[str, Bar]:
    """The bar without each kind of run: no figure should hang on one of them."""
    kinds = sorted({run.label.family for run in runs if run.label.family})
    return {kind: bar(run for run in runs if run.label.family != kind) for kind in kinds}


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which a share lies with 95 % confidence."""
    if not of:
        return 0.0, 1.0
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)
