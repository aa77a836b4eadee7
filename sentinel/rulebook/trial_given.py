"""What a trial gives, made into the rows that a live run would have sent. Nothing is judged here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.core.amounts import parse_seconds
from sentinel.core.records import Fact, Row
from sentinel.rulebook.expressions.checks import is_fact

RANGE = re.compile(r"(-?[0-9.]+)\.\.(-?[0-9.]+)(?: by ([0-9.]+))?", re.ASCII)
MOST_ROWS = 20_000
AXES = ("step", "epoch", "time")
FILE = "trial"
# Series that the machine gives and no log writes: a row of these alone is no growth of the log, so silence goes on.
MACHINE = ("gpu", "rank", "proc", "host", "nvml", "kernel", "disk", "shm")


class TrialFault(ValueError):
    """A trial that cannot be run as it is written."""


def given_facts(given: Mapping[str, Any]) -> list[Fact]:
    """The facts of a trial: one value for the whole run."""
    return [Fact(key, _fact(value), FILE, 0) for key, value in given.items() if is_fact(key)]


def given_rows(given: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of a trial in their order: one for each place of its axes, or of its longest series."""
    axes = {axis: listed(given[axis]) for axis in AXES if axis in given}
    lines = [str(line) for line in given.get("lines", [])]
    series = {
        key: _whole(value) for key, value in given.items() if key not in (*AXES, "lines", "until") and not is_fact(key)
    }
    many = max(
        [*map(len, axes.values()), *(len(v) for v in series.values() if isinstance(v, list)), len(lines)], default=0
    )
    many = max(many, 1) if series else many
    if many > MOST_ROWS:
        raise TrialFault(f"a trial has at most {MOST_ROWS} rows")
    for i in range(many):
        yield _row(i, axes, series, lines[i] if i < len(lines) else "")


def _row(i: int, axes: Mapping[str, list[Any]], series: Mapping[str, Any], text: str) -> Row:
    step, epoch, time = (_on(axes.get(axis), i) for axis in AXES)
    there = {key: value for key, values in series.items() if (value := _cell(key, values, i)) is not None}
    machine = bool(there) and not text and all(key.partition(".")[0] in MACHINE for key in there)
    whole = None if step is None else int(step)
    file, number = ("", 0) if machine else (FILE, i + 1)
    return Row(tuple(there), tuple(there.values()), whole, epoch, time, file, number, text)


def _on(values: list[Any] | None, i: int) -> float | None:
    if values is None or i >= len(values) or values[i] is None:
        return None
    return seconds(values[i])


def _whole(value: Any) -> Any:
    """A list, or the one number that stands in every row."""
    return listed(value) if isinstance(value, str | list) else value


def _cell(key: str, values: Any, i: int) -> float | None:
    value = values
    if isinstance(values, list):
        value = values[i] if i < len(values) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TrialFault(f"'{key}' holds '{value}', which is no number")
    return float(value)


def listed(value: Any) -> list[Any]:
    """A range, a list that may hold ranges, or a single number."""
    if isinstance(value, str):
        found = RANGE.fullmatch(value.strip())
        if not found:
            raise TrialFault(f"'{value}' is neither a list nor a range such as 1..100 or 0..1000 by 10")
        return _range(float(found[1]), float(found[2]), float(found[3] or 1))
    if not isinstance(value, list):
        return [value]
    return [
        one for part in value for one in (listed(part) if isinstance(part, str) and RANGE.fullmatch(part) else [part])
    ]


def _range(first: float, last: float, by: float) -> list[float]:
    """Rising, or falling where the last is below the first."""
    many = abs(last - first) / by if by > 0 else MOST_ROWS + 1
    if many > MOST_ROWS:
        raise TrialFault("a range has steps above zero, and no more than 20,000 rows")
    way = by if last >= first else -by
    return [first + k * way for k in range(int(many + 1e-9) + 1)]


def seconds(value: Any) -> float:
    """A time in seconds out of a number or of words such as `10m`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = parse_seconds(str(value))
    if found is None:
        raise TrialFault(f"'{value}' is no time; write seconds or 10m")
    return found


def _fact(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else "" if value is None else value
