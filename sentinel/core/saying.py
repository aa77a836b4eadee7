"""What a move of an alert is in full: a `Change` with verdict, place and words. Made only when something moved."""

from __future__ import annotations

from typing import NamedTuple

from sentinel.core.bound import Bound
from sentinel.core.hold import Spot
from sentinel.core.records import Change, Evidence, Phase, Row, Verdict
from sentinel.core.run import Run


class Moved(NamedTuple):
    """An alert that moved at a look, and why."""

    bound: Bound
    reason: str
    spot: Spot


def change_of(moved: Moved, run: Run, host: str, last: Row | None) -> Change:
    """The change that people and programs get to see."""
    bound, reason, spot = moved
    rule, alert = bound.rule, bound.alert
    verdict = rule.when.explain(run, bound.instance) if rule.when else Verdict(True)
    file, line = place_of(verdict.evidence, last)
    return Change(
        id="",
        run=run.info.key,
        run_name=run.info.name,
        instance=bound.instance,
        host=host,
        signature=rule.signature,
        family=rule.family,
        rule=rule.name,
        severity=rule.severity,
        doom=rule.doom,
        phase=phase_told(reason, alert.phase),
        at=spot.at,
        step=spot.step,
        epoch=spot.epoch,
        progress=spot.progress,
        file=file,
        line=line,
        value=verdict.value,
        limit=verdict.limit,
        evidence=verdict.evidence,
        say=rule.say.fill(run, bound.instance, verdict),
        n=alert.n,
        reason=reason,
        stale=alert.stale,
        hidden_by=alert.hidden_by,
        since=alert.since,
        action=rule.action,
    )


def phase_told(reason: str, phase: Phase) -> Phase:
    """What is told of a phase: an alert that died with its run, though it only fired at the end, is told as firing."""
    return Phase.FIRING if reason == "fired" else phase


def place_of(evidence: tuple[Evidence, ...], last: Row | None) -> tuple[str, int]:
    """File and line of the newest reading behind the verdict, else of the row that made it look."""
    placed = [item for item in evidence if item.file]
    if placed:
        newest = max(placed, key=lambda item: (item.step or 0, item.at or 0.0, item.line))
        return newest.file, newest.line
    return (last.file, last.line) if last else ("", 0)
