"""Which rules one layout of rows makes look, and which of those can be left alone at a look. No judging here.

A rule at rest is first asked for its hunch, which is cheap: where that is not yes, its answer could move nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sentinel.core.bands import Band, expect, expect_long
from sentinel.core.bound import Bound
from sentinel.core.records import Phase
from sentinel.core.rule import Judge
from sentinel.core.run import Run
from sentinel.core.series import Series
from sentinel.core.warming import Warming

HOT = 64  # looks of a run after which hunches are made: before that they cost more than they save


class Plan:
    """The rules that look when rows of one layout come, in the order of the rulebook."""

    __slots__ = (
        *("_bands", "_close", "_far", "_near", "_open", "_reads"),
        *("bounds", "glances", "hunched", "warming", "witnesses"),
    )

    def __init__(self, bounds: Sequence[Bound], run: Run, hot: bool) -> None:
        """For these rules, as the run stands: it is made anew when a series or fact came, or a rule became ready."""
        self.hunched = hot
        self.warming = Warming(bound for bound in bounds if not bound.ready)
        for bound in bounds:
            bound.waits = bound.is_hopeless
            bound.reserve()
        self.bounds = [b for b in bounds if b.ready and not b.waits]
        self.glances: list[tuple[Judge, Bound]] = [(_hunch(b, run, hot), b) for b in self.bounds if b.judges]
        targets = [b for b in bounds if b.on_target and b.ready and b.judges]
        self.witnesses = sorted(targets, key=lambda b: (b.waits, len(b.rule.when.text) if b.rule.when else 0))
        for bound in self.bounds:
            bound.waits = bound.judges
        self._reads = _series_of(self.bounds, run) if hot else []
        self._near: list[tuple[Judge, Bound]] = []  # what the wide bands do not rule out
        self._close: list[Series] = []  # what those read
        self._far: list[tuple[Series, Band]] | None = None  # the wide bands of all that is read
        self._open: list[tuple[Judge, Bound]] | None = None  # the hunches that may become yes inside the bands
        self._bands: list[tuple[Series, Band]] = []

    def awake(self, run: Run, restless: bool) -> list[Bound]:
        """The rules that must be asked now: their hunch is yes, or their alert is not at rest."""
        try:
            chosen = [bound for hunch, bound in self._asked(run) if hunch()]
        except Exception:  # a bug: the full questions will find out whose
            return self.bounds
        if not restless:
            return chosen
        clear, asked = Phase.CLEAR, set(chosen)
        return [bound for bound in self.bounds if bound in asked or bound.alert.phase is not clear]

    def _asked(self, run: Run) -> list[tuple[Judge, Bound]]:
        """The hunches that must be asked: those that stay no while all readings are in their bands need not be."""
        if self._open is None:
            return self._look_out(run) if self.hunched else self.glances
        for series, band in self._bands:
            if series.count > band.until:
                return self._look_out(run)
        return self._open

    def _look_out(self, run: Run) -> list[tuple[Judge, Bound]]:
        """Lay bands around what the series say now and see which hunches may become yes inside them."""
        self._open = None  # until all were asked: a bug in one must not leave what held before
        bands = [(series, expect(series)) for series in self._close]
        if self._far is None or any(series.count > band.until for series, band in self._far):
            self._far = self._look_far(run)
            bands = [(series, expect(series)) for series in self._close]
        self._bands = [*bands, *self._far]
        self._open = [glance for glance in self._near if _outlook(glance[1], run)()]
        return self._open

    def _look_far(self, run: Run) -> list[tuple[Series, Band]]:
        """What cannot come true even inside the wide bands is not asked again until one of them is over."""
        self._far = None
        bands: list[tuple[Series, Band]] = [(series, expect_long(series)) for series in self._reads]
        self._near = [glance for glance in self.glances if _far_outlook(glance[1], run)()]
        self._close = _series_of((bound for _, bound in self._near), run)
        return bands

    def look_again(self) -> None:
        """Something else came than readings: what was ruled out may be no longer."""
        self._open = self._far = None

    def with_heard(self, awake: Iterable[Bound], heard: Iterable[Bound]) -> list[Bound]:
        """The rules of a look with those that heard a line, each once, in the order of the rulebook."""
        wanted = dict.fromkeys((*awake, *heard))
        return [bound for bound in self.bounds if bound in wanted] + [b for b in wanted if b not in set(self.bounds)]

    def saw(self, witness: Bound) -> None:
        """This rule said that the run is fine: next time it is asked first."""
        if self.witnesses[0] is not witness:
            self.witnesses.remove(witness)
            self.witnesses.insert(0, witness)


def _hunch(bound: Bound, run: Run, hot: bool) -> Judge:
    if not hot or bound.broken or bound.rule.when is None:
        return bound.when() if not bound.broken else _never
    if bound.hunch is None:
        bound.hunch = bound.rule.when.hunch(run, bound.instance)
    return bound.hunch


def _never() -> None:
    return None


def _series_of(bounds: Iterable[Bound], run: Run) -> list[Series]:
    """The series with readings that these rules read by name."""
    names = {name for bound in bounds for name in bound.reads}
    return [run.series[name] for name in sorted(names) if name in run.series]


def _outlook(bound: Bound, run: Run) -> Judge:
    if bound.outlook is None:
        assert bound.rule.when is not None
        bound.outlook = bound.rule.when.outlook(run, bound.instance)
    return bound.outlook


def _far_outlook(bound: Bound, run: Run) -> Judge:
    if bound.far_outlook is None:
        assert bound.rule.when is not None
        bound.far_outlook = bound.rule.when.outlook(run, bound.instance, far=True)
    return bound.far_outlook
