"""What of a run is written down and read back, so that a restart at any point changes no later verdict. Pure."""

from __future__ import annotations

from array import array
from collections import deque
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from sentinel.core.amounts import Unit
from sentinel.core.blocks import Blocks
from sentinel.core.curve import Curve
from sentinel.core.heard import KEPT
from sentinel.core.records import Fact, Json, Origin
from sentinel.core.series import USUAL, Series
from sentinel.core.shares import Share

if TYPE_CHECKING:
    from sentinel.core.run import Run

PLAIN = ("step", "epoch", "now", "began", "grew", "rows", "resumes", "first_step", "first_epoch")
COLUMNS = ("values", "positions", "times", "epochs", "lines")
SCALARS = ("floor", "count", "nonfinite", "source", "giver", "room")


def save(run: Run) -> dict[str, Json]:
    """Everything that verdicts depend on, as JSON; non-finite numbers are words."""
    intake = run.intake
    return {
        "plain": [getattr(run, key) for key in PLAIN],
        "files": list(run.files),
        "facts": [
            [f.name, list(f.value) if isinstance(f.value, tuple) else f.value, f.file, f.line, f.origin.value]
            for f in run.facts.values()
        ],
        "pace": run.pace.save(),
        "heard": {
            pattern: [heard.count, [[word(x) for x in hit] for hit in heard.hits]]
            for pattern, heard in run.heard.items()
            if heard.count
        },
        "series": {name: save_series(series) for name, series in run.series.items()},
        "lowest": dict(intake.lowest),
        "stand_ins": [intake.validated, *intake.stand_ins],
        "again": [[name, file, *come] for (name, file), come in intake.again.items()],
    }


def load(run: Run, saved: Any) -> None:
    """Become what was saved."""
    for key, value in zip(PLAIN, saved["plain"], strict=True):
        setattr(run, key, value)
    run.position = nan if run.step is None else float(run.step)
    run.files[:] = saved["files"]
    for name, value, file, line, origin in saved["facts"]:
        run.learn(Fact(name, tuple(value) if isinstance(value, list) else value, file, line, Origin(origin)))
    run.pace.load(saved["pace"])
    for pattern, (count, hits) in saved["heard"].items():
        heard = run.lines(pattern)
        heard.count, heard.hits = count, deque(((float(a), float(b), float(c)) for a, b, c in hits), maxlen=KEPT)
    for name, state in saved["series"].items():
        load_series(run.begin(name), state)
    run.intake.lowest = dict(saved["lowest"])
    run.intake.validated, *run.intake.stand_ins = saved.get("stand_ins", [True])
    run.intake.again = {(name, file): [at, many] for name, file, at, many in saved["again"]}


def save_series(series: Series) -> list[Json]:
    """One series."""
    return [
        [int(getattr(series, key)) for key in SCALARS],
        int(series.unit),
        series.size,
        [word(series.low), word(series.high), word(series.last_position), word(series.value)],
        list(series.start),
        [list(entry) for entry in series.sources],
        [words(getattr(series, column)) for column in COLUMNS],
        series.curve.save(),
        None if series.blocks is None else series.blocks.save(),
        [[unit.value, length] for unit, length in sorted(series.long)],
    ]


def load_series(series: Series, state: Any) -> None:
    """One series as it was saved; windows that were bound before start afresh."""
    scalars, unit, size, ends, start, sources, columns, curve, *past = state
    for key, value in zip(SCALARS, scalars, strict=True):
        setattr(series, key, max(series.room, value) if key == "room" else value)
    series.unit, series.size = Share(unit), size
    series.low, series.high, series.last_position, series.value = (float(end) for end in ends)
    series.start = array("d", start)
    series.near_low, series.near_high = series.low, series.high
    series.first_value = start[0] if start else nan
    series.sources = [(number, file) for number, file in sources]
    for column, values in zip(COLUMNS, columns, strict=True):
        code = getattr(series, column).typecode
        setattr(series, column, array(code, values if code == "I" else [float(value) for value in values]))
    series.curve = Curve()
    series.curve.load(curve)
    if past and past[0] is not None:
        series.blocks = Blocks.load(past[0])
        series.long = frozenset((Unit(unit), float(length)) for unit, length in past[1])
    series.forget_windows()
    if USUAL <= series.size < series.room:
        series.resize(series.room)


def words(column: array[Any]) -> list[Json]:
    """A column as strict JSON has it; one whose sum is finite holds nothing but finite numbers."""
    total = sum(column)
    if total - total == 0.0:
        return column.tolist()
    return [value if value - value == 0.0 else str(value) for value in column]


def word(value: float) -> Json:
    """A number as strict JSON has it."""
    return value if isfinite(value) else str(value)
