"""Families: the series that a wildcard names (`train.loss.*`), read at the newest step that all have reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, nan

from sentinel.core.names import matches
from sentinel.core.series import Series


class Family:
    """The series of one run that match a dotted pattern; members join as they come."""

    __slots__ = ("members", "pattern")

    def __init__(self, pattern: str) -> None:
        """A family without members."""
        self.pattern = pattern
        self.members: list[Series] = []

    def offer(self, series: Series) -> None:
        """Take the series in if its name matches."""
        if matches(self.pattern, series.name):
            self.members.append(series)
            self.members.sort(key=lambda member: member.name)

    def values(self) -> list[float]:
        """What each member says at the newest step (else epoch) that all have reached; non-finite ones left out."""
        if len(self.members) < 2:
            return [member.value for member in self.members if member.value - member.value == 0.0]
        return [value for value in together(self.members) if value - value == 0.0]

    def top_share(self) -> float:
        """The largest part's share of the whole, by size without sign."""
        sizes = [abs(value) for value in self.values()]
        whole = sum(sizes)
        return max(sizes) / whole if len(sizes) > 1 and whole > 0.0 else nan

    def ratio_top2(self) -> float:
        """The largest part over the second largest, by size without sign."""
        sizes = sorted((abs(value) for value in self.values()), reverse=True)
        return sizes[0] / sizes[1] if len(sizes) > 1 and sizes[1] > 0.0 else nan

    def entropy(self) -> float:
        """The entropy of the parts as shares, in nats."""
        sizes = [abs(value) for value in self.values()]
        whole = sum(sizes)
        if len(sizes) < 2 or not whole > 0.0:
            return nan
        return -sum(size / whole * log(size / whole) for size in sizes if size > 0.0)

    def spread(self) -> float:
        """The largest less the smallest."""
        values = self.values()
        return max(values) - min(values) if len(values) > 1 else nan

    def total(self) -> float:
        """All parts added up."""
        values = self.values()
        return sum(values) if values else nan

    def members_count(self) -> float:
        """How many series there are."""
        return float(len(self.members)) if self.members else nan


def share(part: Series, family: Family) -> float:
    """One member's share of the whole, by size without sign."""
    members = family.members
    if len(members) < 2 or part not in members:
        return nan
    values = together(members)
    sizes = [abs(value) for value in values if value - value == 0.0]
    own, whole = values[members.index(part)], sum(sizes)
    return abs(own) / whole if own - own == 0.0 and whole > 0.0 else nan


def together(members: Sequence[Series]) -> list[float]:
    """What each says at the newest step, else epoch, that all have reached; with one file between them, the last."""
    if not apart(members):
        return [member.value for member in members]
    column: Callable[[Series], Sequence[float]] = _positions
    newest = min((member.last_position for member in members), default=nan)
    if any(member.last_position != member.last_position for member in members):
        column = _epochs
        ends = [member.epochs[(member.count - 1) % member.size] if member.count else nan for member in members]
        if any(end != end for end in ends):
            return [member.value for member in members]
        newest = min(ends)
    return [_at(member, column(member), newest) for member in members]


def apart(members: Sequence[Series]) -> bool:
    """Whether they come from different files."""
    source = members[0].source
    for member in members:  # noqa: SIM110  a generator costs three times as much, and this runs at each look
        if member.source != source:
            return True
    return False


def _positions(series: Series) -> Sequence[float]:
    return series.positions


def _epochs(series: Series) -> Sequence[float]:
    return series.epochs


def _at(series: Series, column: Sequence[float], newest: float) -> float:
    if not series.count or not column[(series.count - 1) % series.size] > newest:
        return series.value
    number = series.number_at(column, newest)
    return series.values[number % series.size] if number >= 0 else nan


class Join:
    """Several series that one sum or comparison reads together."""

    __slots__ = ("counts", "members", "values")

    def __init__(self, members: Sequence[Series]) -> None:
        """A join of these series."""
        self.members = tuple(members)
        self.counts = -1
        self.values: list[float] = [nan] * len(self.members)

    def at(self, index: int) -> float:
        """What one of them says where all have arrived."""
        if index == 0 or self.counts != sum([member.count for member in self.members]):
            self.counts = sum([member.count for member in self.members])
            self.values = together(self.members)
        return self.values[index]
