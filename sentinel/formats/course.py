"""Where a file's reading stands: step, epoch, stamp and section in force, and the rows made from them.

All that a restart must know of a text lies here, as plain JSON.
"""

from __future__ import annotations

from typing import Any

from sentinel.core.records import Fact, Item, Json, Mark, MarkKind, Origin, Row
from sentinel.core.seams import Timing

_new = tuple.__new__  # a named tuple's own way to make one costs twice as much
_BETWEEN = ("val.", "test.", "train.epoch_")
_TELLING = 0.5  # of a validation's batches
_SECTION_HOLDS = 40  # lines; a forgotten "Evaluating ..." must not swallow the rest of the training


class Course:
    """The state in force while one file is read."""

    __slots__ = (
        *("arrival", "classes", "context", "context_left", "copied", "dump", "epoch", "facts", "file", "inherited"),
        *("last_redraw", "partway", "rank", "shown", "stamp", "step", "timing"),
    )

    def __init__(self, file: str, timing: Timing) -> None:
        """Ready to read."""
        self.file = file
        self.timing = timing
        self.arrival: float | None = None
        self.step: int | None = None
        self.epoch: float | None = None
        self.stamp: float | None = None
        self.rank: int | None = None
        self.context = ""  # the split of the section that the lines stand in
        self.context_left = 0
        self.inherited: set[tuple[str, ...]] = set()  # layouts that already took the step in force
        self.last_redraw: list[Any] = []
        self.shown: dict[str, str] = {}  # what the last bar showed of measurements between epochs
        self.partway: list[Any] = []  # of a validation under way: how much of it is done, names and means so far
        self.facts: dict[str, Any] = {}
        self.dump: list[list[Any]] | None = None  # inside a printed config: the keys that the next line may stand under
        self.copied: list[str] = []  # a task and the names of its scores, whose values are to come
        self.classes: list[int] = [0, 0]  # of a net as Caffe prints it: its last output, whether it ends in a softmax

    def counters(self, step: int | None, epoch: float | None) -> None:
        """A line gave its own step or epoch: these are now in force."""
        if epoch is not None and epoch != self.epoch:
            self.epoch = epoch
            self.step = step
            self.inherited.clear()
        if step is not None:
            self.step = step
            self.inherited.clear()
        if self.context and (step is not None or epoch is not None):
            self.context = ""

    def section(self, split: str, bare: bool = False) -> None:
        """A heading names the split of the lines that follow it; one word and a colon, `Evaluation:`, is a bare one."""
        self.context = "" if split == "train" else split
        self.context_left = _SECTION_HOLDS + bare

    @property
    def above(self) -> str:
        """The split in force, behind a colon where the line right above is its bare heading."""
        return f":{self.context}" if self.context and self.context_left == _SECTION_HOLDS else self.context

    def line_passed(self) -> None:
        """Sections end by themselves after a while."""
        if self.context:
            self.context_left -= 1
            if self.context_left <= 0:
                self.context = ""

    def row(
        self,
        names: tuple[str, ...],
        values: tuple[float, ...],
        step: int | None,
        epoch: float | None,
        line: int,
        text: str,
    ) -> Row:
        """A look with readings. Without a step of its own it takes the one in force, once."""
        if step is None and self.step is not None and names not in self.inherited:
            self.inherited.add(names)
            step = self.step
        if epoch is None:
            epoch = self.epoch
        stamp = self.stamp
        at = self.timing.at(stamp, self.arrival)
        return _new(Row, (names, values, step, epoch, at, self.file, line, text, self.rank, stamp))

    def text(self, text: str, line: int) -> Row:
        """A line without readings, for patterns."""
        stamp = self.stamp
        at = self.timing.at(stamp, self.arrival)
        return _new(Row, ((), (), None, None, at, self.file, line, text, self.rank, stamp))

    def fresh(self, names: tuple[str, ...], values: tuple[float, ...]) -> list[int]:
        """What a bar shows for the first time: a validation's numbers stand in it until the next validation."""
        before, self.shown = (
            self.shown,
            {n: repr(v) for n, v in zip(names, values, strict=True) if n.startswith(_BETWEEN)},
        )
        return [i for i, name in enumerate(names) if name not in self.shown or before.get(name) != self.shown[name]]

    def is_news(self, names: tuple[str, ...], values: tuple[float, ...], step: int | None, epoch: float | None) -> bool:
        """Whether a bar was drawn for another step than the last time, or, where it has none, with other numbers."""
        epoch = self.epoch if epoch is None else epoch  # each epoch's bar ends at the same batch
        before, self.last_redraw = (
            self.last_redraw,
            [repr(names), repr((step, epoch)), "" if step is not None else repr(values)],
        )
        return self.last_redraw != before

    def passing(
        self, part: float, names: tuple[str, ...], values: tuple[float, ...], line: int, out: list[Item]
    ) -> None:
        """A line within a validation: its means are told when it is over."""
        if self.partway and part < self.partway[0]:
            self.passed((), line, out)
        self.partway = [part, list(names), list(values)]

    def passed(self, names: tuple[str, ...], line: int, out: list[Item]) -> None:
        """What was said last within a validation that is over, but for what its own summary says again.

        Whoever prints every tenth batch never prints the last one; means over less than half of it tell too little.
        """
        part, said, means = self.partway
        self.partway = []
        left = {name: value for name, value in zip(said, means, strict=True) if name not in names}
        if left and part >= _TELLING:
            out.append(self.row(tuple(left), tuple(left.values()), None, None, line, ""))

    def fact(self, name: str, value: Any, line: int, out: list[Item]) -> None:
        """A fact, told once for each value."""
        if self.facts.get(name) != value and len(self.facts) < 4000:
            self.facts[name] = value
            out.append(Fact(name, value, self.file, line, Origin.LOG))

    def mark(self, kind: MarkKind, line: int, detail: str = "") -> Mark:
        """Something the line says about the run as a whole."""
        return Mark(kind, self.file, line, self.timing.at(self.stamp, self.arrival), detail[:500])

    def save(self) -> dict[str, Json]:
        """The state as JSON."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "stamp": self.stamp,
            "context": self.context,
            "context_left": self.context_left,
            "inherited": [list(names) for names in sorted(self.inherited)],
            "redraw": list(self.last_redraw),
            "shown": dict(self.shown),
            "partway": list(self.partway),
            "facts": dict(self.facts),
            "dump": [list(part) for part in self.dump] if self.dump is not None else None,
            "classes": list(self.classes),
            "copied": list(self.copied),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """The state as it was saved."""
        self.step, self.epoch, self.stamp = saved.get("step"), saved.get("epoch"), saved.get("stamp")
        self.context, self.context_left = saved.get("context", ""), saved.get("context_left", 0)
        self.inherited = {tuple(names) for names in saved.get("inherited", ())}
        self.last_redraw = list(saved.get("redraw", ()))
        self.shown = dict(saved.get("shown", {}))
        self.partway = list(saved.get("partway", ()))
        self.facts = dict(saved.get("facts", {}))
        dump = saved.get("dump")
        self.dump = [list(part) for part in dump] if dump is not None else None
        self.classes = list(saved.get("classes", (0, 0)))
        self.copied = list(saved.get("copied", ()))
