"""What was read is dropped, replaced or multiplied: a resume, a table that is rewritten, a unit that was settled.

Readings that come belong to `series`; nothing here takes one in.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import floor, inf, nan

from sentinel.core.series import START, Series
from sentinel.core.shares import Share

SETTLED_AFTER = 20  # readings after which a share that never passed 1.5 is a fraction
PERCENT_FROM = 1.5


def cut(series: Series, position: float, epoch: float | None = None, anew: bool = False) -> bool:
    """Drop what came at or after a position, else after an epoch: the run was resumed there. Whether any went.

    Where it begins anew, at its own first place, what is no longer kept went with the rest, and so did the start.
    """
    number, first = series.count, series.oldest
    while number > first and _is_beyond(series, (number - 1) % series.size, position, epoch):
        number -= 1
    if number == series.count:
        return False
    series.floor, series.count = first, number
    if anew and number == first:
        series.start = array("d")
    series.curve.cut(position, nan if epoch is None else epoch)
    if series.blocks is not None:
        series.blocks.cut(number)
    series.sources = [entry for entry in series.sources if entry[0] < number] or series.sources[:1]
    _start_afresh(series)
    return True


def _is_beyond(series: Series, i: int, position: float, epoch: float | None) -> bool:
    if series.positions[i] == series.positions[i] and position == position:
        return series.positions[i] >= position
    return epoch is not None and series.epochs[i] >= epoch


def forget_steps(series: Series) -> None:
    """Its steps turned out to count anew in each epoch: they are no steps of the run."""
    series.positions = array("d", [nan]) * series.size
    _start_afresh(series)


def replace(series: Series, number: int, value: float) -> None:
    """Give a kept reading another value: its table was rewritten."""
    series.values[number % series.size] = value
    _start_afresh(series)


def settle(series: Series, value: float, epoch: float, siblings: Iterable[Series] = ()) -> None:
    """Percent or fraction, by the reading that came last: a fraction never exceeds 1.5 in 20 readings or an epoch.

    A training prints the same score of another split in the same unit: where that one is settled, so is this.
    """
    first = series.epochs[0] if series.count <= series.size else nan
    if value > PERCENT_FROM and value - value == 0.0:
        series.unit = Share.PERCENT
        scale(series, 0.01)
        return
    long_enough = series.count >= SETTLED_AFTER or (first == first and epoch == epoch and floor(epoch) > floor(first))
    if long_enough or any(map(_is_sure_fraction, siblings)):
        series.unit = Share.FRACTION


def _is_sure_fraction(series: Series) -> bool:
    return series.unit is Share.FRACTION and series.count >= SETTLED_AFTER and series.high <= 1.0


def scale(series: Series, factor: float) -> None:
    """Multiply every reading: the unit of a share was settled."""
    for number in range(series.oldest, series.count):
        series.values[number % series.size] *= factor
    series.start = array("d", [value * factor for value in series.start])
    series.curve.scale(factor)
    if series.blocks is not None:
        series.blocks.scale(factor)
    _start_afresh(series)


def _start_afresh(series: Series) -> None:
    """Readings changed under the windows: all that was made of them is made anew."""
    kept = series.kept(series.values)
    places = series.kept(series.positions)
    if series.floor == 0 and series.oldest == 0:
        series.start = array("d", [value for value in kept if value - value == 0.0][:START])
    series.first_value = series.start[0] if series.start else nan
    series.value = kept[-1] if kept else nan
    series.last_position = next((place for place in reversed(places) if place == place), nan)
    finite = [bucket for bucket in series.history() if bucket.mean == bucket.mean and bucket.low != inf]
    series.low = min((bucket.low for bucket in finite if bucket.low - bucket.low == 0.0), default=inf)
    series.high = max((bucket.high for bucket in finite if bucket.high - bucket.high == 0.0), default=-inf)
    series.near_low, series.near_high = series.low, series.high
    if series.blocks is not None:
        series.blocks.renew(series)
    series.forget_windows()
