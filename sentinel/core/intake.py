"""How a row finds its series: ranks, a second source of the same reading, resumes, rewritten tables, units.

The usual row, one whose layout is known and whose steps rise, takes the short way through `enter`.
"""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, NamedTuple

from sentinel.core.records import Row
from sentinel.core.rewriting import cut, forget_steps, replace, settle
from sentinel.core.series import MOST_LINES, Series
from sentinel.core.shares import Share

if TYPE_CHECKING:
    from sentinel.core.run import Run

LARGEST_STEP = 2**53
SPLITS = ("train", "val", "test")
RECENT = 64  # readings among which one without step or epoch from a second file is looked for


class Layout:
    """What is known about rows of the same names from the same file and rank."""

    __slots__ = ("file", "moved", "names", "path", "rank", "ranks", "series")

    def __init__(self, key: tuple[tuple[str, ...], str, int | None], file: int, ranks: int) -> None:
        """A layout of which no row was entered."""
        self.names, self.path, self.rank = key
        self.file = file
        self.ranks = ranks  # the version of the ranks' table that it was made for
        self.series: list[tuple[Series, int]] = []  # which series takes which value of the row
        self.moved: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a row stands; NaN is unknown."""

    position: float
    epoch: float
    at: float
    line: int


class Intake:
    """The way of a row into the series of one run."""

    def __init__(self, run: Run) -> None:
        """For one run."""
        self.run = run
        self.layouts: dict[tuple[tuple[str, ...], str, int | None], Layout] = {}
        self.lowest: dict[str, int] = {}  # the lowest rank that reports a plain name
        self.recent: Layout | None = None  # of the last row: the next one is often of the same
        self.ranks = 0  # version of that table
        self.again: dict[tuple[str, int], list[int]] = {}  # (series, file): readings come again: [next, how many]
        self.cut: tuple[str, ...] = ()  # series that the last row cut short: it resumed the run
        self.validated = False  # whether the run gave a validation of its own
        self.stand_ins: list[str] = []  # until then: the val.NAME that test.NAME fills

    def enter(self, row: Row) -> tuple[str, ...]:
        """Take a row in; the names of the series that moved."""
        layout = self.recent
        if layout is None or layout.names is not row.names or layout.path is not row.file or layout.rank != row.rank:
            layout = self.layouts.get((row.names, row.file, row.rank))
        if layout is None or layout.ranks != self.ranks:
            layout = self._meet((row.names, row.file, row.rank))
        self.recent = layout
        position = self._advance(row)
        epoch = nan if row.epoch is None else row.epoch
        at = nan if row.at is None else row.at
        line = row.line if 0 <= row.line <= MOST_LINES else 0
        values, file = row.values, layout.file
        short = not (self.again or self.cut)
        for series, index in layout.series:
            if short and series.giver == file and not series.unit and not position <= series.last_position:
                series.push(values[index], position, epoch, at, line)
            else:
                return self._long_way(layout, values, Place(position, epoch, at, line), series)
        return layout.moved

    def _long_way(self, layout: Layout, values: tuple[float, ...], place: Place, since: Series) -> tuple[str, ...]:
        moved, waiting = [], True
        for series, index in layout.series:
            waiting = waiting and series is not since
            if waiting or self._take(series, values[index], place, layout.file):
                moved.append(series.name)
        gone, self.cut = self.cut, ()
        if not gone and len(moved) == len(layout.moved):
            return layout.moved
        return tuple(dict.fromkeys((*moved, *gone)))

    def _take(self, series: Series, value: float, place: Place, file: int) -> bool:
        """Take one reading in if it is new; whether the series moved."""
        if self.again and (series.name, file) in self.again:
            known = self._come_again(series, value, place, file)
            if known is not None:
                return known
        if series.count and self._held(series, value, place, file):
            return False
        if series.giver != file:
            series.came_from(file)
        if series.unit is Share.PERCENT:
            value /= 100.0
        series.push(value, place.position, place.epoch, place.at, place.line)
        if series.unit is Share.OPEN:
            settle(series, value, place.epoch, self._siblings(series.name))
        return True

    def _siblings(self, name: str) -> list[Series]:
        """The same score on the other splits."""
        split, _, metric = name.partition(".")
        others = [f"{other}.{metric}" for other in SPLITS if other != split] if split in SPLITS else []
        return [self.run.series[other] for other in others if other in self.run.series]

    @staticmethod
    def _held(series: Series, value: float, place: Place, file: int) -> bool:
        """Whether the series has this reading from another source, or went past it."""
        position, last = place.position, series.last_position
        if position == position and last == last:
            return position < last or (position == last and series.giver != file)
        if series.giver == file:
            return False
        if last == last:
            return True  # it has steps, and this source has none to tell its readings apart
        epoch = series.epochs[(series.count - 1) % series.size]
        if place.epoch == place.epoch and epoch == epoch:
            return place.epoch <= epoch + 1e-6 * abs(epoch)
        return value in series.kept(series.values, series.count - RECENT)

    def forget_steps(self, file: str) -> None:
        """Steps of this file count anew in each epoch: its series and the run have none from it."""
        number, run = self._file(file), self.run
        for series in run.series.values():
            if series.source == number:
                forget_steps(series)
        run.step, run.position, run.first_step = None, nan, None

    # --- tables that are rewritten -------------------------------------------------------------------------------

    def forget(self, file: str) -> None:
        """A table is rewritten from its first row: its readings come again."""
        number = self._file(file)
        for (_, own, _), layout in self.layouts.items():
            if own == file:
                for series, _ in layout.series:
                    self.again[series.name, number] = [0, series.given_by(number)]

    def _come_again(self, series: Series, value: float, place: Place, file: int) -> bool | None:
        """Whether a reading that comes again changed the series; None if it is a new one after all."""
        come = self.again[series.name, file]
        number = self._same(series, place, come)
        if number is None:
            del self.again[series.name, file]
            return None
        come[0] += 1
        if number < series.oldest:
            return False
        held = series.values[number % series.size]
        value = value / 100.0 if series.unit is Share.PERCENT else value
        if held == value or (held != held and value != value):
            return False
        replace(series, number, value)
        return True

    @staticmethod
    def _same(series: Series, place: Place, come: list[int]) -> int | None:
        """The number of the held reading that this one repeats; None if it lies beyond them."""
        if place.position == place.position and series.last_position == series.last_position:
            if place.position > series.last_position:
                return None
            number = series.number_at(series.positions, place.position)
            exact = number >= 0 and series.positions[number % series.size] == place.position
            return number if exact else -1
        return come[0] if come[0] < min(come[1], series.count) else None

    # --- layouts and ranks ---------------------------------------------------------------------------------------

    def _file(self, file: str) -> int:
        files = self.run.files
        if file not in files:
            files.append(file)
        return files.index(file)

    def _meet(self, key: tuple[tuple[str, ...], str, int | None]) -> Layout:
        names, file, rank = key
        wanted = [(name, index) for index, name in enumerate(names)]
        if rank is not None:
            wanted = [pair for pair in wanted if self._is_lowest(pair[0], rank)]
        wanted += self._standing_in(wanted)
        if rank is not None:
            wanted += [(f"rank.{rank}.{name}", index) for index, name in enumerate(names)]
        layout = Layout(key, self._file(file), self.ranks)
        layout.series = [(self.run.begin(name), index) for name, index in wanted]
        layout.moved = names if len(wanted) == len(names) and rank is None else tuple(name for name, _ in wanted)
        self.layouts[key] = layout
        return layout

    def _standing_in(self, wanted: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """A script may validate on what it calls its test set: `test.NAME` is `val.NAME` too, until there is a validation."""
        if not self.validated and any(name.startswith("val.") for name, _ in wanted):
            self.validated = True
            for name in self.stand_ins:
                cut(self.run.begin(name), -inf, -inf)
            self.ranks += bool(self.stand_ins)  # their layouts are made anew
            self.stand_ins = []
        if self.validated:
            return []
        found = [(f"val.{name[5:]}", index) for name, index in wanted if name.startswith("test.")]
        self.stand_ins = list(dict.fromkeys((*self.stand_ins, *(name for name, _ in found))))
        return found

    def _is_lowest(self, name: str, rank: int) -> bool:
        known = self.lowest.get(name)
        if known is None or rank < known:
            self.lowest[name] = rank
            if known is not None:
                self.ranks += 1  # the other rank's layouts are made anew
                held = self.run.begin(name)
                cut(held, held.last_position)
            return True
        return rank == known

    # --- where the run stands ------------------------------------------------------------------------------------

    def _advance(self, row: Row) -> float:
        """Move the run to where the row stands; the row's position."""
        run, step, epoch = self.run, row.step, row.epoch
        if row.at is not None and row.file:
            self._pass(row.at)
        elif row.at is not None:
            run.pass_time(row.at)  # of the machine, from no file: the run itself may well be silent
        if not row.names:
            return nan
        run.rows += bool(row.file)  # what the machine shows is no progress of the run
        position = nan
        if step is not None and -LARGEST_STEP < step < LARGEST_STEP:
            position = float(step)
            if not position < run.position:
                run.position = position
                run.step = step
                if run.first_step is None:
                    run.first_step = step
        if epoch is not None and (run.epoch is None or epoch > run.epoch):
            run.epoch = epoch
            run.first_epoch = epoch if run.first_epoch is None else run.first_epoch
        return position

    def _pass(self, at: float) -> None:
        run = self.run
        if run.began is None:
            run.began = at
        if run.grew is None or at > run.grew:
            if run.grew is not None:
                run.pace.grew(at - run.grew)
            run.grew = at
        run.pass_time(at)

    def resume(self, row: Row) -> None:
        """The run goes on from this row's place: what came at or after it leaves the windows and the best."""
        run = self.run
        position = nan if row.step is None else float(row.step)
        place, start = (row.epoch, run.first_epoch) if row.step is None else (row.step, run.first_step)
        anew = place is not None and start is not None and place <= start
        self.cut = tuple(series.name for series in run.series.values() if cut(series, position, row.epoch, anew))
        run.resumes += 1
        run.position = nan
        run.step, run.epoch = None, None
