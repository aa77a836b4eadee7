"""Which clock a row runs on (contracts 3): arrival where there is one, else the line's stamp. Pure; one per file."""

from __future__ import annotations

from datetime import UTC, datetime

QUARTER_HOUR = 900.0
FEBRUARY = 2
YEARS_BEGIN = datetime(2001, 1, 1, tzinfo=UTC).timestamp()  # stamps before that had no year
ENOUGH = 5  # arrivals that must agree before stamps are shifted
MOST = 64  # arrivals after which the shift is as known as it will be
FARTHEST_ZONE = 26 * 3600.0  # a larger distance is no time zone: the file was copied here later


class Stamps:
    """Plain replay: the line's stamp. A line without one inherits the last of its file; time never runs backwards.

    In one log stamps with a year and stamps without one (they are of 2000) can mix: the first of them sets the scale.
    """

    __slots__ = ("_yearless", "last")

    def __init__(self) -> None:
        """A file of which no line was read yet."""
        self.last: float | None = None
        self._yearless = False

    def at(self, stamp: float | None, arrival: float | None) -> float | None:  # noqa: ARG002 - replay has no arrivals
        """The time the engine runs on."""
        if stamp is None:
            return self.last
        if self.last is None:
            self.last, self._yearless = stamp, stamp < YEARS_BEGIN
        elif (stamp < YEARS_BEGIN) is not self._yearless:
            stamp = in_the_year_of(self.last, stamp)
        if stamp > self.last:
            self.last = stamp
        return self.last


def in_the_year_of(last: float, stamp: float) -> float:
    """The stamp's day and hour in the year in which they are the nearest to another stamp."""
    there = datetime.fromtimestamp(stamp, UTC)
    year = datetime.fromtimestamp(last, UTC).year
    nearest = (
        there.replace(year=y, day=min(there.day, 28) if there.month == FEBRUARY else there.day)
        for y in (year - 1, year, year + 1)
    )
    return min((near.timestamp() for near in nearest), key=lambda near: abs(near - last))


class Arrivals:
    """Live, and replay with arrivals: the arrival; for history the stamp, shifted by what arrivals have shown."""

    def __init__(self, shift: float = 0.0) -> None:
        """A file of which no line was read yet; `shift` is what an earlier look at the same file had found."""
        self.shift = shift
        self.history = Stamps()
        self._distances: list[float] = []

    def at(self, stamp: float | None, arrival: float | None) -> float | None:
        """The time the engine runs on."""
        if arrival is None:
            last = self.history.at(stamp, None)
            return None if last is None else last + self.shift
        if stamp is not None and len(self._distances) < MOST:
            self._distances.append(arrival - stamp)
            if len(self._distances) == ENOUGH or len(self._distances) % 16 == 0:
                self.shift = zone_shift(sorted(self._distances)[len(self._distances) // 2])
        return arrival


def zone_shift(distance: float) -> float:
    """How far stamps without a zone stand from the clock, rounded to a quarter of an hour."""
    return round(distance / QUARTER_HOUR) * QUARTER_HOUR if abs(distance) <= FARTHEST_ZONE else 0.0
