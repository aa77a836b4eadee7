"""One run as expressions see it: its series, its facts, what its text said, where it stands in step, epoch and time."""

from __future__ import annotations

from sentinel.core.names import Names
from sentinel.core.records import Fact, Origin, Row, RunInfo
from sentinel.core.series import Point, Series


class Run:
    """What is known about one run. The engine feeds it; bound expressions read it."""

    def __init__(self, info: RunInfo, names: Names) -> None:
        """A run of which nothing was read yet."""
        self.info = info
        self.names = names
        self.series: dict[str, Series] = {}
        self.facts: dict[str, Fact] = {}
        self.step: int | None = None
        self.epoch: float | None = None
        self.now: float | None = None  # the engine's time, for this run
        self.began: float | None = None  # time of its first row
        self.grew: float | None = None  # when any file of it last grew: `silence` counts from here

    def enter(self, row: Row) -> tuple[str, ...]:
        """Take a row in; the names of the series that moved."""
        self._advance(row)
        for name, value in zip(row.names, row.values, strict=True):
            series = self.series.get(name)
            if series is None:
                series = self.series[name] = Series(name)
            series.push(Point(value, row.step, row.epoch, row.at, row.file, row.line))
        return row.names

    def _advance(self, row: Row) -> None:
        if row.step is not None:
            self.step = row.step
        if row.epoch is not None:
            self.epoch = row.epoch
        if row.at is not None:
            self.began = row.at if self.began is None else self.began
            self.grew = row.at
            self.pass_time(row.at)

    def pass_time(self, now: float) -> None:
        """Time went on; it never runs backwards."""
        if self.now is None or now > self.now:
            self.now = now

    def learn(self, fact: Fact) -> bool:
        """Take a fact in; whether it was news. The log outranks every other origin."""
        known = self.facts.get(fact.name)
        if known is not None:
            outranked = known.origin is Origin.LOG and fact.origin is not Origin.LOG
            if outranked or known.value == fact.value:
                return False
        self.facts[fact.name] = fact
        return True
