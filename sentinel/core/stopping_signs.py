"""Firing alerts as the stop plan sees them. Pure; who owns the evidence's files is seen later, by the hands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from sentinel.core.bound import Bound
from sentinel.core.records import Evidence, Phase
from sentinel.core.run import Run
from sentinel.core.stopping_world import Sign

_NONFINITE = re.compile(r"(?<!not )\bnonfinite\(")  # a rule that asks for it; one that rules it out is not about it
TERMINAL, HUNG = "terminal", "hung"  # what a rule may say of itself: `labels: {sign: terminal}`


def signs_of(bounds: Mapping[tuple[str, str], Bound], run: Run, shift: float) -> tuple[Sign, ...]:
    """The signs behind the alerts that fire; `shift` turns the engine's time into the plan's steady time.

    A rule that may only tell is no sign: two of a user's own making would else be as good as one for all.
    """
    firing = (bound for bound in bounds.values() if bound.alert.phase is Phase.FIRING and bound.rule.may_act)
    return tuple(_sign(bound, run, reads_behind(bound, bounds.values(), run), shift) for bound in firing)


def reads_behind(bound: Bound, bounds: Iterable[Bound], run: Run) -> frozenset[str]:
    """Every series behind a sign, wildcards by the names that they mean here, parts by what they read themselves."""
    parts = bound.rule.parts
    names = set(bound.reads)
    if parts is not None:
        names |= {name for other in bounds if other.rule.key in parts.of for name in other.reads}
    return frozenset(found for name in names for found in (*(series.name for series in run.matching(name)), name))


def _sign(bound: Bound, run: Run, reads: frozenset[str], shift: float) -> Sign:
    rule, alert = bound.rule, bound.alert
    evidence = rule.when.explain(run, bound.instance).evidence if rule.when else ()
    text = rule.when.text if rule.when else ""
    word = rule.labels.get("sign", "")
    return Sign(
        rule.key,
        rule.signature,
        rule.fingerprint,
        rule.action,
        rule.doom,
        rule.severity,
        float("inf") if alert.since is None else alert.since + shift,  # a sign of no known age has not lasted
        alert.n,
        reads,
        terminal=word == TERMINAL,
        nonfinite=bool(_NONFINITE.search(text)) or _broken(evidence),
        hung=word == HUNG or "silence" in text,
        stale=alert.stale,
        hidden=alert.hidden_by is not None,
        may_act=rule.may_act,
        owned=False,
        files=_files(evidence, run),
    )


def _broken(evidence: Iterable[Evidence]) -> bool:
    return any(isinstance(item.value, float) and not isfinite(item.value) for item in evidence)


def _files(evidence: Iterable[Evidence], run: Run) -> frozenset[str]:
    """Evidence that names no file (a silence, a GPU's reading) counts as of all files of the run."""
    return frozenset(item.file for item in evidence if item.file) or frozenset(name for name in run.files if name)
