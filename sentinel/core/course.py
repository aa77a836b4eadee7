"""When a run goes back: steps per epoch, a resume, or a new start in the same files (contracts 5). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sentinel.core.records import Mark, MarkKind, Row

START = 0.02  # a step below this share of the highest one is "the start"
FOLD = 2.0  # epochs that a table must have gone on before falling to its first one means anything


class Back(StrEnum):
    """What going back means."""

    PER_EPOCH = "steps are per epoch"
    RESUME = "resumed"
    NEW = "a new start"


@dataclass(slots=True)
class _Place:
    """Where a table stood at its last row."""

    step: int
    epoch: float | None


@dataclass(slots=True)
class Course:
    """How far each table of a run came, to notice when one goes back."""

    highest: int = -1
    first: int = -1
    news: bool = False  # header, plan or config changed since the last row
    _last: dict[tuple[str, tuple[str, ...]], _Place] = field(default_factory=dict)
    _per_epoch: set[str] = field(default_factory=set)
    _epochs: dict[tuple[str, tuple[str, ...]], tuple[float, float]] = field(default_factory=dict)  # first and last

    def note(self, mark: Mark) -> None:
        """A header or banner makes a new start likely; a table that is rewritten is no going back."""
        if mark.kind is MarkKind.HEADER:
            self.news = True
        elif mark.kind is MarkKind.RESET:
            self._last = {key: last for key, last in self._last.items() if key[0] != mark.file}
            self._epochs = {key: span for key, span in self._epochs.items() if key[0] != mark.file}

    def follow(self, row: Row) -> Back | None:
        """What this row says about the run's course; None while it goes forward."""
        step = row.step
        if not row.names:
            return None
        key = (row.file, row.names)
        if step is None:
            return self._by_epochs(key, row.epoch)
        last = self._last.get(key)
        if last is None:
            last = self._last[key] = _Place(step, row.epoch)
        before, last.step = last.step, step
        epoch, last.epoch = last.epoch, row.epoch
        if step >= before:
            if self.first < 0:
                self.first = step
            if step > self.highest:
                self.highest = step
                self.news = False
            return None
        return self._went_back(row.file, step, row.epoch, epoch)

    def _by_epochs(self, key: tuple[str, tuple[str, ...]], epoch: float | None) -> Back | None:
        """A table without steps goes back when its epochs fall to the first one again: the next fold, or a new trial."""
        if epoch is None or epoch != epoch:
            return None
        first, last = self._epochs.get(key) or self._akin(key) or (epoch, epoch)
        if not (epoch <= first and last >= first + FOLD):
            self._epochs[key] = first, epoch
            if epoch > last:
                self.news = False
            return None
        back = Back.NEW if self.news else Back.RESUME
        self.news = False
        self._epochs = {key: (epoch, epoch)}
        return back

    def _akin(self, key: tuple[str, tuple[str, ...]]) -> tuple[float, float] | None:
        """A training's next trial may write a column more or less: its table goes on where the other one was."""
        file, names = key[0], set(key[1])
        spans = (
            span
            for (other, columns), span in self._epochs.items()
            if other == file
            and "train.loss" in names.intersection(columns)
            and (names <= set(columns) or names >= set(columns))
        )
        return max(spans, key=lambda span: span[1], default=None)

    def _went_back(self, file: str, step: int, epoch: float | None, before: float | None) -> Back:
        if epoch is not None and before is not None and epoch > before:
            self._per_epoch.add(file)
            return Back.PER_EPOCH
        if file in self._per_epoch and epoch is not None and epoch == before:
            return Back.PER_EPOCH  # a second loop of the same epoch: no step of this file says where the run stands
        at_start = step <= max(self.first, START * self.highest)
        back = Back.NEW if self.news and at_start else Back.RESUME
        self.news = False
        self._last = {key: value for key, value in self._last.items() if key[0] == file}
        self.highest = step
        return back

    def counts_per_epoch(self, file: str) -> bool:
        """Whether the steps of this file start again with every epoch, so that they are no steps of the run."""
        return file in self._per_epoch
