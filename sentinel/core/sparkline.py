"""A course of values as one word of bars, for messages, terminals and trials."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

WIDTH = 12
_HOLE = "×"  # a reading that is no number
_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """The course of some values in one word: `█▆▄▂▁▁`. A value that is no number shows as `×`."""
    if len(values) > width:
        stride = (len(values) - 1) / (width - 1)
        values = [values[round(i * stride)] for i in range(width)]
    finite = [value for value in values if isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = high - low
    if span <= abs(high) * 1e-9:
        return "".join("▁" if isfinite(value) else _HOLE for value in values)
    return "".join(_BARS[round((value - low) / span * 7)] if isfinite(value) else _HOLE for value in values)
