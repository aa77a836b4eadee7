"""A series: the readings of one name in one run, the newest 1,024 kept, with windows that are kept up to date."""

from __future__ import annotations

from collections import deque
from math import isfinite
from typing import NamedTuple


class Point(NamedTuple):
    """One kept reading."""

    value: float
    step: int | None
    epoch: float | None
    at: float | None
    file: str
    line: int


class Series:
    """Readings of one name, in the order in which they came."""

    __slots__ = ("count", "name", "nonfinite", "points")

    KEPT = 1024

    def __init__(self, name: str) -> None:
        """An empty series."""
        self.name = name
        self.points: deque[Point] = deque(maxlen=self.KEPT)
        self.count = 0
        self.nonfinite = 0

    def push(self, point: Point) -> None:
        """Take one reading in."""
        self.points.append(point)
        self.count += 1
        if not isfinite(point.value):
            self.nonfinite += 1

    @property
    def last(self) -> Point | None:
        """The newest reading."""
        return self.points[-1] if self.points else None
