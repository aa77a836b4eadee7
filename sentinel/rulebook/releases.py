"""What shipped rules were at each release, in few words: so that an upgrade can say what changed. Reads no files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentinel.core.rule import Rule

Was = Mapping[str, object]  # of one rule: print, severity, doom, action


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is not as it was."""

    rule: str
    what: str  # new, gone, renamed, changed
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a line for people."""
        return f"{self.what:<8} {self.rule}" + (f": {', '.join(self.details)}" if self.details else "")


def record(rules: Iterable[Rule]) -> dict[str, dict[str, object]]:
    """What a release remembers of its shipped rules."""
    return {
        rule.key: {
            "print": rule.fingerprint[:12],
            "severity": rule.severity.word,
            "doom": rule.doom,
            "action": rule.action.value,
        }
        for rule in sorted(rules, key=lambda rule: rule.key)
        if rule.shipped
    }


def differences(before: Mapping[str, Was], rules: Sequence[Rule]) -> list[Difference]:
    """What changed between a release and the rules of now."""
    now = record(rules)
    former = {rule.key: rule.was for rule in rules if rule.was and rule.was in before}
    found = []
    for key, entry in now.items():
        old = former.get(key, key)
        if old not in before:
            found.append(Difference(key, "new", (f"severity {entry['severity']}",)))
            continue
        details = tuple(_details(before[old], entry))
        if old != key:  # a rule's print has its name in it
            found.append(Difference(key, "renamed", (f"was {old}", *details[entry["print"] != before[old]["print"] :])))
        elif details:
            found.append(Difference(key, "changed", details))
    known = {former.get(key, key) for key in now}
    found += [Difference(key, "gone") for key in before if key not in known]
    return sorted(found, key=lambda one: (_ORDER.index(one.what), one.rule))


_ORDER = ("new", "changed", "renamed", "gone")


def _details(old: Was, new: Was) -> Iterable[str]:
    if old["print"] != new["print"]:
        yield "judges differently"
    for key in ("severity", "doom", "action"):
        if old[key] != new[key]:
            yield f"{key} {old[key]} -> {new[key]}"
