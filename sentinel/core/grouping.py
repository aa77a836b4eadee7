"""One cause, one message: which alerts hide which, and rules that are made of other alerts (`hides`, `parts`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sentinel.core.bound import Bound
from sentinel.core.records import Answer, Phase
from sentinel.core.rule import Parts, Rule
from sentinel.core.saying import Moved

Hiders = Mapping[str, tuple[str, ...]]
Wanted = Mapping[str, frozenset[str]]


class Grouping:
    """The alerts of one run, seen together."""

    def __init__(self, rules: Sequence[Rule], bounds: Mapping[tuple[str, str], Bound]) -> None:
        """Which rule hides which; runs under the same rules share what was worked out."""
        self._bounds = bounds
        self._hiders, self._parts = _worked_out(tuple((rule.key, rule.hides, rule.parts) for rule in rules))

    def parts_answer(self, rule: Rule) -> Answer:
        """Yes when enough parts fire, no when enough no longer can, else unknown."""
        assert rule.parts is not None
        answers = list(self.parts(rule).values())
        firing, unsure = answers.count(True), answers.count(None)
        if firing >= rule.parts.at_least:
            return True
        return False if firing + unsure < rule.parts.at_least else None

    def parts(self, rule: Rule) -> dict[str, Answer]:
        """What each part of a rule made of others says: yes where one of its alerts fires, no where all of them say no."""
        said: dict[str, Answer] = {}
        for wanted in rule.parts.of if rule.parts else ():
            keys = self._parts[wanted]
            answers = [self._part(b) for (key, _), b in self._bounds.items() if key in keys]
            said[wanted] = True if True in answers else None if None in answers or not answers else False
        return said

    @staticmethod
    def _part(bound: Bound) -> Answer:
        if bound.alert.phase is Phase.FIRING:
            return True
        return None if bound.answer is not False else False

    def settle_hidden(self, moved: list[Moved]) -> list[Moved]:
        """Set `hidden_by` on all alerts that fire; those that come to light or go into hiding are moves too."""
        firing = {key for (key, _), b in self._bounds.items() if b.alert.phase is Phase.FIRING or b.alert.ended_firing}
        already = {item.bound.key for item in moved}
        out = list(moved)
        hideable: dict[str, list[Bound]] = {}
        for (rule, _), bound in self._bounds.items():
            if rule in self._hiders:
                hideable.setdefault(rule, []).append(bound)
        for key, hiders in self._hiders.items():
            hider = next((h for h in hiders if h in firing), None)
            for bound in hideable.get(key, ()):
                if bound.alert.hidden_by == hider:
                    continue
                if bound.alert.phase is Phase.FIRING and bound.key not in already:
                    out.append(Moved(bound, "came to light" if hider is None else "hidden", moved[0].spot))
                bound.alert.hidden_by = hider
        return sorted(out, key=lambda item: (item.bound.alert.hidden_by is not None, -item.bound.rule.severity))


@lru_cache(maxsize=16)
def _worked_out(rules: tuple[tuple[str, tuple[str, ...], Parts | None], ...]) -> tuple[Hiders, Wanted]:
    """Who hides each rule, first come first, and which rules each name in `parts` means."""
    keys = dict.fromkeys(key for key, _, _ in rules)
    of_signature: dict[str, list[str]] = {}
    for key in keys:
        of_signature.setdefault(key.split("/", 1)[0], []).append(key)
    wanted_parts = {wanted for _, _, parts in rules if parts for wanted in parts.of}
    parts_of = {wanted: frozenset(key for key in keys if _names(wanted, key)) for wanted in wanted_parts}
    hiders: dict[str, list[str]] = {}
    for hider, hides, parts in rules:
        for wanted in (*hides, *(parts.of if parts else ())):
            for key in of_signature.get(wanted.split("/", 1)[0], ()):
                if key != hider and _names(wanted, key):
                    hiders.setdefault(key, []).append(hider)
    return {key: tuple(found) for key, found in hiders.items()}, parts_of


def _names(wanted: str, key: str) -> bool:
    """`signature/rule`, `signature/*` or `signature` alone."""
    if "/" not in wanted or wanted.endswith("/*"):
        return key.split("/", 1)[0] == wanted.split("/", 1)[0]
    return key == wanted
