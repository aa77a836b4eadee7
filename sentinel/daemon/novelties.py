"""Shipped rules that an upgrade brought tell as info for a while, so that nobody is woken by what nobody knows yet."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from sentinel.core.amounts import parse_seconds
from sentinel.core.records import Action, Severity
from sentinel.core.rule import Rule, Rulebook
from sentinel.keep.first_seen import first_seen


class Novelties:
    """Which shipped rules are new here."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Nothing was met yet."""
        self._connection = connection
        self.until: float | None = None  # when the next rule has been known long enough
        self.new: tuple[str, ...] = ()

    def calm(self, book: Rulebook, known_for: str, now: float) -> Rulebook:
        """The rulebook in which new shipped rules only inform; `known_for` says how long they are new."""
        span = parse_seconds(known_for) or 0.0
        shipped = {rule.key: rule.was or rule.key for rule in book.rules if rule.shipped}
        seen = first_seen(self._connection, shipped, now)
        ends = {key: seen[key] + span for key in shipped if seen[key] > 0.0 and now < seen[key] + span}
        self.until = min(ends.values(), default=None)
        self.new = tuple(sorted(ends))
        if not ends:
            return book
        return replace(book, rules=tuple(_calm(rule) if rule.key in ends else rule for rule in book.rules))


def _calm(rule: Rule) -> Rule:
    return replace(rule, severity=Severity.INFO, action=Action.TELL)
