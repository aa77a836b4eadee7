"""Firing alerts as the stop plan sees them. Pure; who owns the evidence's files is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite

from sentinel.core.records import Change, Phase
from sentinel.core.rule import Rule
from sentinel.core.stopping_world import Sign

TERMINAL, HUNG = "terminal", "hung"  # what a rule may say of itself: `labels: {sign: terminal}`


def signs_of(
    firing: Iterable[Change], rule_of: Callable[[str], Rule | None], owned: Callable[[Change], bool], shift: float
) -> tuple[Sign, ...]:
    """The signs behind the alerts that fire; `shift` turns the engine's time into the plan's steady time."""
    found = []
    for change in firing:
        rule = rule_of(f"{change.signature}/{change.rule}")
        if rule is not None and change.phase is Phase.FIRING and change.since is not None:
            found.append(_sign(change, rule, owned(change), change.since + shift))
    return tuple(found)


def _sign(change: Change, rule: Rule, owned: bool, since: float) -> Sign:
    when = rule.when
    text = when.text if when is not None else ""
    word = rule.labels.get("sign", "")
    values = [item.value for item in change.evidence if isinstance(item.value, float)]
    return Sign(
        rule.key,
        rule.signature,
        rule.fingerprint,
        rule.action,
        rule.doom,
        rule.severity,
        since,
        change.n,
        when.reads if when is not None else frozenset(),
        terminal=word == TERMINAL,
        nonfinite="nonfinite(" in text or any(not isfinite(value) for value in values),
        hung=word == HUNG or "silence" in text,
        stale=change.stale,
        hidden=change.hidden_by is not None,
        may_act=rule.may_act,
        owned=owned,
        alert=change.id,
    )
