"""Numbers, durations and moments as people read them, and the text sparkline. Pure; the time zone is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from math import isfinite, isnan, log10

_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"))


def number(value: float | bool | str | None) -> str:
    """A value rounded for people: `0.0042`, `17.8`, `32,000`, `663M`, `not available`."""
    if value is None:
        return "not available"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if not isfinite(value):
        return "NaN" if isnan(value) else "inf" if value > 0 else "-inf"
    size = abs(value)
    if size >= 1e6:
        return _large(value, size)
    if value == int(value):
        return f"{int(value):,}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 1e-4:
        return f"{value:.1e}".replace("e-0", "e-")
    digits = max(0, 2 - int(log10(size)) if size >= 1 else 2 - int(log10(size)) + 1)
    text = f"{value:.{min(digits, 7)}f}"
    return text.rstrip("0").rstrip(".") if size < 1 else text


def _large(value: float, size: float) -> str:
    if size >= 1e15:
        return f"{value:.1e}".replace("e+", "e")
    unit, letter = next((unit, letter) for unit, letter in _LARGE if size >= unit)
    text = f"{value / unit:.1f}" if size < 10 * unit else f"{value / unit:,.0f}"
    return text.removesuffix(".0") + letter


def duration(seconds: float) -> str:
    """A stretch of time in words of at most two units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    left = max(0, round(seconds))
    if left < 90:
        return f"{left} s"
    minutes = round(left / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours + (minutes >= 30), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def clock(at: float, zone: tzinfo | None) -> str:
    """`18:22 CET (17:22 UTC)`, in the reader's machine's zone and in UTC."""
    local = datetime.fromtimestamp(at, zone or UTC)
    utc = local.astimezone(UTC)
    if local.utcoffset() == utc.utcoffset():
        return f"{utc:%H:%M} UTC"
    return f"{local:%H:%M} {local:%Z} ({utc:%H:%M} UTC)"


def day_and_clock(at: float, zone: tzinfo | None) -> str:
    """`Fri 20 Nov 2026, 18:22 CET (17:22 UTC)`."""
    return f"{datetime.fromtimestamp(at, zone or UTC):%a %d %b %Y}, {clock(at, zone)}"


def course(values: Sequence[float]) -> str:
    """First and last value of a sparkline: `17.79 → 16.20`."""
    first, last = number(values[0]), number(values[-1])
    return last if first == last or len(values) == 1 else f"{first} → {last}"
