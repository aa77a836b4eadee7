"""One run as expressions see it: its series, its facts, what its text said, where it stands in step, epoch and time.

The engine feeds it; bound expressions read it. How a row finds its series (ranks, second sources, resumes, rewritten
tables, units) is `intake`; what is saved over a restart is `run_state`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import nan

from sentinel.core import run_state
from sentinel.core.amounts import Amount, Unit
from sentinel.core.families import Family
from sentinel.core.heard import Heard, Known, Pace
from sentinel.core.intake import Intake
from sentinel.core.names import Names, matches
from sentinel.core.records import Fact, Json, Origin, Row, RunInfo
from sentinel.core.series import Series
from sentinel.core.shares import Share

OF_THE_END = frozenset({"run.how", "run.closing", "process.exit_code", "process.signal"})
PLANNED_STEPS = ("fact.planned_steps", "fact.total_steps", "config.max_steps", "config.total_steps")
PLANNED_EPOCHS = ("fact.planned_epochs", "fact.total_epochs", "config.num_train_epochs", "config.max_epochs")


class Run:
    """What is known about one run."""

    def __init__(self, info: RunInfo, names: Names) -> None:
        """A run of which nothing was read yet."""
        self.info = info
        self.names = names
        self.series: dict[str, Series] = {}  # those that have readings
        self.facts: dict[str, Fact] = {}
        self.step: int | None = None
        self.epoch: float | None = None
        self.now: float | None = None  # the engine's time, for this run
        self.began: float | None = None  # time of its first row
        self.grew: float | None = None  # when any file of it last grew: `silence` counts from here
        self.rows = 0  # looks with readings
        self.resumes = 0  # how often it went on from an earlier step
        self.first_step: int | None = None
        self.first_epoch: float | None = None
        self.planned_steps = nan
        self.planned_epochs = nan
        self.position = nan  # the step as a number; NaN while it is unknown
        self.files: list[str] = []  # of its readings, which know them by number
        self.pace = Pace()
        self.heard: dict[str, Heard] = {}
        self._awaited: dict[str, Series] = {}
        self._families: dict[str, Family] = {}
        self._known: dict[str, Known] = {}
        self.intake = Intake(self)

    # --- what the engine tells it --------------------------------------------------------------------------------

    def enter(self, row: Row) -> tuple[str, ...]:
        """Take a row in; the names of the series that moved."""
        return self.intake.enter(row)

    def hear(self, pattern: str, row: Row) -> None:
        """A line matched a text pattern. Call it after `enter` of the same row."""
        at = nan if row.at is None else row.at
        self.lines(pattern).hear(self.position, nan if self.epoch is None else self.epoch, at)

    def forget(self, file: str) -> None:
        """A table is rewritten from its first row: what comes again is not counted twice, what changed replaces."""
        self.intake.forget(file)

    def resume(self, row: Row) -> None:
        """The run goes on from this row's place: later readings leave windows and best. Call it before `enter`."""
        self.intake.resume(row)

    def forget_steps(self, file: str) -> None:
        """The steps of this file turned out to count anew in each epoch: they are no steps of the run."""
        self.intake.forget_steps(file)

    def absent(self, seconds: float) -> None:
        """Sentinel itself was away for so long: that is not the run's silence."""
        if self.grew is not None:
            self.grew += seconds

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
        self.fact(fact.name).learn(fact.value)
        if fact.name in PLANNED_STEPS or fact.name in PLANNED_EPOCHS:
            self._plan()
        return True

    def forget_end(self) -> None:
        """The run goes on: how it ended is no fact any more."""
        for name in OF_THE_END & self.facts.keys():
            del self.facts[name]
            self.fact(name).forget()

    def _plan(self) -> None:
        self.planned_steps = self._first_positive(PLANNED_STEPS)
        self.planned_epochs = self._first_positive(PLANNED_EPOCHS)

    def _first_positive(self, names: Sequence[str]) -> float:
        numbers = (self.fact(name).number for name in names if name in self.facts)
        return next((number for number in numbers if number > 0), nan)

    def let_go(self) -> None:
        """Nobody asks for it any more: undo what goes round in circles, so that all of it goes at once and unswept."""
        for series in (*self.series.values(), *self._awaited.values()):
            for asked in (series.windows, series.edges, series.spans):
                asked.clear()
        self._families.clear()
        del self.intake

    def save(self) -> Json:
        """What `load` needs so that a restart changes no later verdict."""
        return run_state.save(self)

    def load(self, saved: Json) -> None:
        """Become what was saved."""
        run_state.load(self, saved)

    # --- what expressions read; all are unknown as NaN -----------------------------------------------------------

    @property
    def progress(self) -> float | None:
        """Step of planned steps, else epoch of planned epochs, else unknown."""
        if self.step is not None and self.planned_steps == self.planned_steps:
            return self.step / self.planned_steps
        if self.epoch is None or self.planned_epochs != self.planned_epochs:
            return None
        return self.epoch / self.planned_epochs

    @property
    def silence(self) -> float:
        """Seconds since any file of the run grew."""
        return nan if self.now is None or self.grew is None else self.now - self.grew

    @property
    def elapsed(self) -> float:
        """Seconds since its first row."""
        return nan if self.now is None or self.began is None else self.now - self.began

    @property
    def longest_gap(self) -> float:
        """The longest gap between rows so far."""
        return self.pace.longest if self.pace.gaps else nan

    @property
    def typical_gap(self) -> float:
        """The gap between rows that is usual for this run."""
        return self.pace.typical

    def age(self, series: Series) -> float:
        """Seconds since the last reading of a series."""
        last = series.times[(series.count - 1) % series.size] if series.count else nan
        return nan if self.now is None else self.now - last

    def reached(self, after: Iterable[Amount], reads: Iterable[str] = ()) -> bool | None:
        """Whether an `after` is reached: its first alternative whose unit is known decides; None if none is known."""
        for amount in after:
            unit = amount.unit
            if unit is Unit.EPOCHS and self.epoch is None:
                continue  # asked at each look of each rule that is not ready: the two usual unknowns in short
            if unit is Unit.PERCENT and self.epoch is None and self.planned_steps != self.planned_steps:
                continue
            here = self.gone(unit, reads)
            if here == here:
                return here >= amount.number
        return None

    def gone(self, unit: Unit, reads: Iterable[str] = ()) -> float:
        """How far the run has come in a unit since its start, or since it was taken over from another run."""
        if unit is Unit.PERCENT:
            return nan if self.progress is None else self.progress * 100.0
        if unit is Unit.SECONDS:
            return self.elapsed
        if unit is Unit.READINGS:
            counts = [series.count for name in reads for series in self.matching(name)]
            return float(min(counts) if counts else self.rows)
        if unit is Unit.EPOCHS:
            return nan if self.epoch is None else self.epoch - self._origin(self.first_epoch)
        return self.position - self._origin(self.first_step)

    def _origin(self, first: float | None) -> float:
        return first if self.info.continues and first is not None else 0.0

    def instances(self, each: str) -> list[str]:
        """The instances that `each: gpu.*` names in this run: `gpu.0`, `gpu.1`, ... as its series show them."""
        return sorted({found for name in self.series if (found := instance_of(each, name))})

    def matching(self, name: str) -> list[Series]:
        """The series with readings that a name or wildcard means."""
        if "*" not in name:
            return [self.series[name]] if name in self.series else []
        return [series for own, series in self.series.items() if matches(name, own)]

    def has(self, name: str) -> bool:
        """Whether a series, any series of a wildcard, or a fact of that name was ever read."""
        return name in self.series or name in self.facts or ("*" in name and bool(self.matching(name)))

    # --- what expressions are bound to; made when first asked for, filled when readings come ---------------------

    def cell(self, name: str) -> Series:
        """The series of that name, still empty if it has no reading yet."""
        return self.series.get(name) or self._awaited.get(name) or self._await(name)

    def _await(self, name: str) -> Series:
        series = self._awaited[name] = Series(name, self.files)
        return series

    def family(self, pattern: str) -> Family:
        """The family of a wildcard."""
        if pattern not in self._families:
            self._families[pattern] = Family(pattern)
            for series in self.series.values():
                self._families[pattern].offer(series)
        return self._families[pattern]

    def fact(self, name: str) -> Known:
        """The fact of that name, unknown until it is told."""
        if name not in self._known:
            self._known[name] = Known()
        return self._known[name]

    def lines(self, pattern: str) -> Heard:
        """The lines that matched a pattern."""
        if pattern not in self.heard:
            self.heard[pattern] = Heard()
        return self.heard[pattern]

    def begin(self, name: str) -> Series:
        """The series of that name, which has its first reading now."""
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = self._awaited.pop(name) if name in self._awaited else Series(name, self.files)
            series.unit = Share.OPEN if self.names.share(name) else Share.NONE
            for family in self._families.values():
                family.offer(series)
        return series


def instance_of(each: str, name: str) -> str | None:
    """The instance that a series belongs to under `each`: `gpu.3.util` is of `gpu.3` under `gpu.*`."""
    wanted, parts = each.split("."), name.split(".")
    if len(parts) <= len(wanted) or not matches(each, ".".join(parts[: len(wanted)])):
        return None
    return ".".join(parts[: len(wanted)])
