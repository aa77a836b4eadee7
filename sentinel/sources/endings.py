"""How a run went, from what its lines and its process said (contracts 5). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.core.endings import Traces, how_it_went
from sentinel.core.records import Fact, How, Item, Mark, MarkKind, Over, Row
from sentinel.formats.deaths import is_crash

_PLANS = {"fact.planned_steps": "step", "fact.planned_epochs": "epoch"}
_GOES_ON = 5  # lines of training after a closing line: more than other ranks still write
_SAYS = frozenset({MarkKind.FINISHED, MarkKind.FATAL, MarkKind.STOPPED})


class Ending:
    """Watches a run's items go by and says at the end how it went."""

    __slots__ = ("_plan", "_reached", "_since", "exit_code", "said", "signal")

    def __init__(self) -> None:
        """A run of which nothing was seen."""
        self.said: Mark | None = None  # the last closing line; training that goes on takes it back
        self.exit_code: int | None = None
        self.signal: int | None = None
        self._plan: dict[str, float] = {}
        self._reached: dict[str, float] = {}
        self._since = 0  # lines of training since the closing line

    def note(self, items: Iterable[Item]) -> None:
        """Take items in."""
        for item in items:
            if isinstance(item, Row):
                self._since += any(name.startswith("train.") for name in item.names)
                if self._since >= _GOES_ON:
                    self.said = None  # a worker's traceback, or another training in the same log
                if item.step is not None:
                    if self.said is not None and item.step > self._reached.get("step", 0):
                        self.said = None
                    self._reached["step"] = item.step
                if item.epoch is not None:
                    self._reached["epoch"] = item.epoch
            elif isinstance(item, Fact):
                self._note_fact(item)
            elif item.kind in _SAYS and not self._torn_down(item):
                self.said, self._since = item, 0

    def _torn_down(self, mark: Mark) -> bool:
        """Whether a crash came after the training had ended well, as its libraries were put away."""
        done = self.said is not None and self.said.kind is MarkKind.FINISHED
        return done and mark.kind is MarkKind.FATAL and is_crash(mark.detail)

    def _note_fact(self, fact: Fact) -> None:
        if fact.name in _PLANS and isinstance(fact.value, int | float):
            self._plan[_PLANS[fact.name]] = float(fact.value)
        elif fact.name == "process.exit_code" and isinstance(fact.value, int):
            self.exit_code = fact.value
        elif fact.name == "process.signal" and isinstance(fact.value, int):
            self.signal = fact.value

    def over(self, at: float | None, *, heard: bool = True) -> Over:
        """How it went, and which words or code say so; judged as where the process itself was watched."""
        marks = (self.said,) if self.said is not None else ()
        progress = 1.0 if self._plan_reached() else None
        ending = how_it_went(Traces(marks, self.exit_code, self.signal, progress=progress, heard=heard))
        return Over(ending.how, at, "" if ending.how is How.UNCLEAR else ending.detail)

    def _plan_reached(self) -> bool:
        """Counting from 0 or from 1, the last step of a plan of N is N - 1 or N."""
        return any(self._reached.get(unit, -1) >= plan - 1 for unit, plan in self._plan.items())
