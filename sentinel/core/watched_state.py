"""Where the rules of a run stand, as it is written down and read back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentinel.core.alert import Alert
from sentinel.core.bound import bind, gone
from sentinel.core.records import Json

if TYPE_CHECKING:
    from sentinel.core.watched import Watched

HEAD = ("found_at", "looks", "fine_at", "settled", "over", "catching_up")


def save(watched: Watched) -> dict[str, Json]:
    """Everything that a restart must not change. Of nearly all alerts, which were never touched, the name says it all."""
    bounds = watched.bounds
    alerts: list[Json] = [
        [*b.key, b.rule.fingerprint, b.ready, b.heard, b.alert.save()]
        for b in bounds.values()
        if not b.untouched and (b.ready or b.alert != Alert())
    ]
    alerts += [[*key, "", False, None, Alert(n=n).save()] for key, n in watched.fired.items() if key not in bounds]
    return {
        "head": [getattr(watched, name) for name in HEAD],
        "bounds": [list(key) for key in bounds],
        "alerts": alerts,
        "run": watched.run.save(),
    }


def restore(watched: Watched, saved: Any) -> None:
    """As it was saved; alerts of rules that changed meanwhile end, and may begin anew."""
    watched.run.load(saved["run"])
    for name, value in zip(HEAD, saved["head"], strict=True):
        setattr(watched, name, value)
    by_key = {rule.key: rule for rule in watched.rules}
    for key, instance in saved.get("bounds", ()):
        if key in by_key:
            bound = watched.bound_to(by_key[key], instance)
            bound.waits = bound.untouched
    for key, instance, fingerprint, ready, answer, alert in saved["alerts"]:
        rule = by_key.get(key)
        if rule is not None and rule.fingerprint == fingerprint:
            bound = watched.bound_to(rule, instance)
            bound.alert, bound.ready, bound.said = Alert.load(alert), bool(ready), answer
            bound.waits = bound.ready and answer is None
        else:
            old = bind(rule or gone(key), watched.run, instance, Alert.load(alert))
            watched.retire(old, "rule changed" if rule is not None else "rule gone")
            if rule is not None:
                watched.bound_to(rule, instance).alert.n = old.alert.n
