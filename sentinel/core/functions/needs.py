"""What a compiled expression needs of a run, and how it is met when the expression is bound.

A need is plain data that the compiler leaves behind; `meet` gives the object or callable that the judge then uses.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import nan
from typing import Any, Protocol

from sentinel.core.amounts import Amount, Unit
from sentinel.core.families import Join, share
from sentinel.core.heard import Heard, Known
from sentinel.core.run import Run
from sentinel.core.series import Series
from sentinel.core.windows import Sums, Window
from sentinel.core.windows_edges import Edge, RankEdge, SpreadEdge
from sentinel.core.windows_ranked import Changes, Line, Ranked, Thinned
from sentinel.core.windows_running import Extremes, Fading

KINDS: dict[str, type[Window]] = {
    "sums": Sums,
    "extremes": Extremes,
    "fading": Fading,
    "ranked": Ranked,
    "line": Line,
    "changes": Changes,
    "thinned": Thinned,
}


class Need(Protocol):
    """Something that an expression reads."""

    def meet(self, run: Run, instance: str, /) -> Any:
        """What the judge uses."""


def own_name(name: str, instance: str) -> str:
    """The name that an instance gives a series: `gpu.util` of `gpu.3` is `gpu.3.util`."""
    group = instance.partition(".")[0]
    return f"{instance}.{name[len(group) + 1 :]}" if group and name.startswith(group + ".") else name


@dataclass(frozen=True, slots=True)
class TheRun:
    """The run itself: step, epoch, silence."""

    def meet(self, run: Run, _instance: str) -> Run:
        """The run."""
        return run


@dataclass(frozen=True, slots=True)
class OneSeries:
    """A series by its name."""

    name: str

    def meet(self, run: Run, instance: str) -> Series:
        """The series, perhaps still empty."""
        return run.cell(own_name(self.name, instance))


@dataclass(frozen=True, slots=True)
class OneFact:
    """A fact by its name."""

    name: str

    def meet(self, run: Run, instance: str) -> Known:
        """The fact, perhaps still unknown."""
        return run.fact(own_name(self.name, instance))


@dataclass(frozen=True, slots=True)
class Joined:
    """Several series that are read at the newest step that all have reached."""

    names: tuple[str, ...]

    def meet(self, run: Run, instance: str) -> Callable[[int], float]:
        """What gives the value of the one with that number."""
        return Join([run.cell(own_name(name, instance)) for name in self.names]).at


@dataclass(frozen=True, slots=True)
class OfFamily:
    """A number about a family."""

    pattern: str
    method: str

    def meet(self, run: Run, instance: str) -> Callable[[], float]:
        """What gives the number."""
        found: Callable[[], float] = getattr(run.family(own_name(self.pattern, instance)), self.method)
        return found


@dataclass(frozen=True, slots=True)
class ShareOf:
    """One series' share of its family."""

    name: str

    def meet(self, run: Run, instance: str) -> Callable[[], float]:
        """What gives the share."""
        name = own_name(self.name, instance)
        part, family = run.cell(name), run.family(name.rpartition(".")[0] + ".*")
        return lambda: share(part, family)


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The median of the first readings."""

    name: str
    readings: int

    def meet(self, run: Run, instance: str) -> Callable[[], float]:
        """What gives the median, once there are so many."""
        series, readings = run.cell(own_name(self.name, instance)), self.readings

        of = array("d")
        known = nan

        def first() -> float:
            nonlocal of, known
            if series.start is of and known == known:
                return known
            of, known = series.start, nan
            if len(of) < readings:
                return nan
            start = sorted(of[:readings])
            known = (start[(readings - 1) // 2] + start[readings // 2]) / 2
            return known

        return first


@dataclass(frozen=True, slots=True)
class InWindow:
    """Something about the readings in a window."""

    name: str
    kind: str
    method: str
    amounts: tuple[Amount, ...]
    lag: int = 0

    def meet(self, run: Run, instance: str) -> Callable[..., Any]:
        """What gives it, called with `least` and what else the function takes."""
        return windowed(run, run.cell(own_name(self.name, instance)), self)

    def reserve(self, run: Run, series: Series) -> None:
        """From now on enough is kept for it, so that what it covers does not depend on when it is asked."""
        kind, amounts = KINDS[self.kind], self.amounts
        for amount in amounts:
            if amount.unit is Unit.READINGS and not series.need(int(amount.number * kind.MEMORY)) and kind.in_blocks:
                series.keep_blocks()

        def span() -> tuple[Unit, float] | None:
            amount = known_amount(run, series, amounts)
            return None if amount is None else (amount.unit, amount.number * kind.MEMORY)

        if any(amount.unit is not Unit.READINGS for amount in amounts):
            series.span((amounts, kind.MEMORY), span)


@dataclass(frozen=True, slots=True)
class EdgeOf:
    """What a quantile of a window is no less than, or no more than, and a deviation no less than: for hunches."""

    name: str
    amount: Amount
    least: int
    share: float | None = None  # None asks for the deviation
    upper: bool = False

    def meet(self, run: Run, instance: str) -> Edge:
        """The edge, shared by all who ask for it."""
        series = run.cell(own_name(self.name, instance))
        key = "edge", self.amount.number, self.share, self.least, self.upper
        found = series.edges.get(key)
        if found is None:
            found = series.edges[key] = self._make(series)
        return found

    def _make(self, series: Series) -> Edge:
        if self.share is None:
            of = window(series, InWindow(self.name, "sums", "std", (self.amount,)), self.amount)
            assert isinstance(of, Sums)
            return SpreadEdge(of, self.least)
        of = window(series, InWindow(self.name, "ranked", "quantile", (self.amount,)), self.amount)
        assert isinstance(of, Ranked)
        return RankEdge(of, self.share, self.least, self.upper)


@dataclass(frozen=True, slots=True)
class Ago:
    """The reading that stood so long before the last one."""

    name: str
    amounts: tuple[Amount, ...]

    def meet(self, run: Run, instance: str) -> Callable[[], float]:
        """What gives its value."""
        series, amounts = run.cell(own_name(self.name, instance)), self.amounts
        return lambda: _ago(run, series, amounts)


def _ago(run: Run, series: Series, amounts: tuple[Amount, ...]) -> float:
    back = _behind(run, series, amounts)
    return series.back(int(back)) if back == back else nan


def _behind(run: Run, series: Series, amounts: tuple[Amount, ...]) -> float:
    amount = known_amount(run, series, amounts)
    if amount is None:
        return nan
    if amount.unit is Unit.READINGS:
        return amount.number
    column = {Unit.STEPS: series.positions, Unit.EPOCHS: series.epochs}.get(amount.unit, series.times)
    newest = column[(series.count - 1) % series.size]
    number = series.number_at(column, newest - amount.number)
    return float(series.count - 1 - number) if number >= 0 else nan


@dataclass(frozen=True, slots=True)
class Behind:
    """How many readings ago that was: a lag of one epoch, in readings."""

    name: str
    amounts: tuple[Amount, ...]

    def meet(self, run: Run, instance: str) -> Callable[[], float]:
        """What gives the number of readings; unknown while none is so old."""
        series, amounts = run.cell(own_name(self.name, instance)), self.amounts
        return lambda: _behind(run, series, amounts)


@dataclass(frozen=True, slots=True)
class OverGroup:
    """The least, greatest or mean over the GPUs or ranks of a run, of each one's mean in a window or last value."""

    pattern: str
    pick: str  # min, max, mean
    amounts: tuple[Amount, ...] = ()

    def meet(self, run: Run, _instance: str) -> Callable[[int], float]:
        """What gives it, called with `least`."""
        family, pick, amounts = run.family(self.pattern), _PICKS[self.pick], self.amounts
        means: dict[str, Callable[..., float]] = {}

        def of(member: Series, least: int) -> float:
            if not amounts:
                return member.value
            if member.name not in means:
                means[member.name] = windowed(run, member, InWindow(member.name, "sums", "mean", amounts))
            return means[member.name](least)

        return lambda least: pick_known(pick, [of(member, least) for member in family.members])


def reserve(needs: Iterable[Need], run: Run, instance: str) -> None:
    """What windows over the series that a run has will read is kept from now on, though nothing is bound to them yet."""
    for need in needs:
        if isinstance(need, InWindow):
            series = run.series.get(own_name(need.name, instance))
            if series is not None:
                need.reserve(run, series)
        elif isinstance(need, OverGroup) and need.amounts:
            for member in run.matching(need.pattern):
                InWindow(member.name, "sums", "mean", need.amounts).reserve(run, member)


_PICKS: dict[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "mean": lambda values: sum(values) / len(values),
}


def pick_known(pick: Callable[[list[float]], float], values: list[float]) -> float:
    """Pick if there is something and all of it is known."""
    return pick(values) if values and all(value == value for value in values) else nan


@dataclass(frozen=True, slots=True)
class LinesOf:
    """How many lines matched a pattern, in all or within a window."""

    pattern: str
    amounts: tuple[Amount, ...] = ()

    def meet(self, run: Run, _instance: str) -> Callable[[], float]:
        """What counts them."""
        heard, amounts = run.lines(self.pattern), self.amounts
        if not amounts:
            return lambda: float(heard.count)
        return lambda: _lines(run, heard, amounts)


def _lines(run: Run, heard: Heard, amounts: tuple[Amount, ...]) -> float:
    newest = {
        Unit.STEPS: run.position,
        Unit.EPOCHS: nan if run.epoch is None else run.epoch,
        Unit.SECONDS: nan if run.now is None else run.now,
    }
    for amount in amounts:
        if newest[amount.unit] == newest[amount.unit]:
            return heard.within(amount.unit, amount.number, newest[amount.unit])
    return nan if heard.count else 0.0


def windowed(run: Run, series: Series, need: InWindow) -> Callable[..., Any]:
    """The function of a window; where it has alternatives or a share of the plan, the first known unit counts."""
    need.reserve(run, series)
    if len(need.amounts) == 1 and need.amounts[0].unit is not Unit.PERCENT:
        found: Callable[..., Any] = getattr(window(series, need, need.amounts[0]), need.method)
        return found
    unknown = None if need.method == "flat" else nan

    def ask(*args: float) -> Any:
        amount = known_amount(run, series, need.amounts)
        return unknown if amount is None else getattr(window(series, need, amount), need.method)(*args)

    return ask


def window(series: Series, need: InWindow, amount: Amount) -> Window:
    """The window of that kind and length, shared by all rules that ask for it."""
    key = need.kind, amount.unit, amount.number, need.lag
    found = series.windows.get(key)
    if found is None:
        found = series.windows[key] = KINDS[need.kind](series, amount.unit, amount.number, need.lag)
    return found


def known_amount(run: Run, series: Series, amounts: tuple[Amount, ...]) -> Amount | None:
    """The first amount whose unit this series knows; a share of the plan as steps or epochs of it."""
    if not series.count:
        return None
    last = (series.count - 1) % series.size
    steps = series.last_position == series.last_position
    epochs = series.epochs[last] == series.epochs[last]
    known = {
        Unit.READINGS: True,
        Unit.STEPS: steps,
        Unit.EPOCHS: epochs,
        Unit.SECONDS: series.times[last] == series.times[last],
    }
    for amount in amounts:
        if known.get(amount.unit):
            return amount
        if amount.unit is Unit.PERCENT and steps and run.planned_steps == run.planned_steps:
            return Amount(amount.number * run.planned_steps / 100.0, Unit.STEPS)
        if amount.unit is Unit.PERCENT and epochs and run.planned_epochs == run.planned_epochs:
            return Amount(amount.number * run.planned_epochs / 100.0, Unit.EPOCHS)
    return None
