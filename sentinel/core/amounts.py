"""Amounts with a unit, as rule files write them: `100 steps`, `5 epochs`, `30 readings`, `10m`, `20%`.

One grammar for windows, `for`, `keep`, `after` and settings. Alternatives are tried in order and the first unit that is
known counts: `20% or 500 steps or 5 epochs`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What an amount counts."""

    READINGS = "readings"
    STEPS = "steps"
    EPOCHS = "epochs"
    SECONDS = "s"
    PERCENT = "%"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit."""

    number: float
    unit: Unit

    def __str__(self) -> str:
        """As a rule file would write it."""
        if self.unit is Unit.SECONDS:
            return seconds_text(self.number)
        number = f"{self.number:g}"
        if self.unit is Unit.PERCENT:
            return f"{number}%"
        word = self.unit.value[:-1] if self.number == 1 else self.unit.value
        return f"{number} {word}"


_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_COUNTED = re.compile(r"(\d+(?:\.\d+)?)\s*(readings?|steps?|epochs?|%)", re.ASCII)
_COUNTED_UNITS = {"reading": Unit.READINGS, "step": Unit.STEPS, "epoch": Unit.EPOCHS, "%": Unit.PERCENT}
GRAMMAR = "an amount such as '100 steps', '5 epochs', '30 readings', '10m', '1h30m' or '20%'"


def parse_amount(text: str) -> Amount | None:
    """The amount that a text states, or None if it states none."""
    text = text.strip()
    counted = _COUNTED.fullmatch(text)
    if counted:
        return Amount(float(counted[1]), _COUNTED_UNITS[counted[2].rstrip("s")])
    seconds = parse_seconds(text)
    return None if seconds is None else Amount(seconds, Unit.SECONDS)


def parse_seconds(text: str) -> float | None:
    """`90s`, `10m`, `1h30m` in seconds; None if the text is no duration."""
    text = text.strip().replace(" ", "")
    if not text or _DURATION.sub("", text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))


def parse_alternatives(text: str) -> tuple[Amount, ...] | None:
    """`20% or 500 steps` as amounts in order; None if any part is no amount."""
    parts = [parse_amount(part) for part in re.split(r"\s+or\s+", text.strip())]
    if any(part is None for part in parts):
        return None
    return tuple(part for part in parts if part is not None)


def seconds_text(seconds: float) -> str:
    """A duration for people: `45s`, `10m`, `1h30m`, `2d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    left, out = round(seconds), ""
    for unit in ("w", "d", "h", "m", "s"):
        count, left = divmod(left, int(_SECONDS[unit]))
        out += f"{count}{unit}" if count else ""
    return out or "0s"
