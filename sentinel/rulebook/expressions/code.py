"""What a part of an expression became: source of a Python expression, its kind, and where it stands in the text.

Numbers are floats with NaN for unknown; answers are True, False or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import inf, nan
from typing import Any

from sentinel.core.functions import unknown
from sentinel.core.functions.needs import Need, TheRun
from sentinel.core.windows_edges import WIDER

HELPERS: dict[str, Any] = {
    "NAN": nan,
    "INF": inf,
    "TOP": unknown.LARGEST,
    "WIDER": WIDER,
    "over": unknown.overflow,
    "ln": unknown.logarithm,
    "exp": unknown.exponential,
    "root": unknown.root,
    "least": unknown.least,
    "greatest": unknown.greatest,
    "pick": unknown.pick,
    "pick_answer": unknown.pick_answer,
    "same_answer": unknown.same_answer,
    "same_fact": unknown.same_fact,
    "is_text": unknown.is_text,
    "is_one_of": unknown.is_one_of,
    "one_of": unknown.one_of,
    "holds": unknown.holds,
    "abs": abs,
    "float": float,
}


class Kind(Enum):
    """What an expression gives."""

    NUMBER = "a number"
    ANSWER = "a yes or no"
    FACT = "a fact"
    TEXT = "a text"


@dataclass(frozen=True, slots=True)
class Code:
    """A part of an expression, compiled."""

    source: str
    kind: Kind
    start: int = 0  # columns in the expression's text
    end: int = 0
    names: tuple[str, ...] = ()  # the bare series that it reads, which join others in sums and comparisons
    leaf: bool = False  # worth a line in `explain`


@dataclass(slots=True)
class Cells:
    """The cells that a judge closes over: which need each of them holds."""

    needs: dict[Need, str] = field(default_factory=dict)
    temporaries: int = 0

    def cell(self, need: Need) -> str:
        """The cell that holds what meets a need."""
        return self.needs.setdefault(need, f"c{len(self.needs)}")

    def run(self) -> str:
        """The cell that holds the run."""
        return self.cell(TheRun())

    def name(self) -> str:
        """A name for a value that is used twice."""
        self.temporaries += 1
        return f"t{self.temporaries}"


def compile_makers(cells: Cells, answer: str, traced: list[str], guards: str) -> tuple[Callable[..., Any], ...]:
    """Two functions that take what meets the needs: one makes the judge, one makes the list of all parts' values."""
    arguments = ", ".join(cells.needs.values())
    source = (
        f"def judge_maker({arguments}):\n def judge():\n{guards}  return {answer}\n return judge\n"
        f"def trace_maker({arguments}):\n def trace():\n  return [{', '.join(traced)}]\n return trace\n"
    )
    made: dict[str, Any] = {"__builtins__": {}, **HELPERS}
    exec(compile(source, "<rule>", "exec"), made)  # noqa: S102  made from the whitelist's own templates alone
    return made["judge_maker"], made["trace_maker"]


def compile_hunch(cells: Cells, source: str, guards: str) -> Callable[..., Any]:
    """The function that takes what meets the needs and makes the cheap test."""
    arguments = ", ".join(cells.needs.values())
    made: dict[str, Any] = {"__builtins__": {}, **HELPERS}
    text = f"def hunch_maker({arguments}):\n def hunch():\n{guards}  return {source}\n return hunch\n"
    exec(compile(text, "<rule>", "exec"), made)  # noqa: S102  made from the whitelist's own templates alone
    return made["hunch_maker"]  # type: ignore[no-any-return]


def compile_values(cells: Cells, sources: list[str]) -> Callable[..., Any]:
    """The function that takes what meets the needs and gives the value of each of these parts."""
    made: dict[str, Any] = {"__builtins__": {}, **HELPERS}
    text = f"def values({', '.join(cells.needs.values())}):\n return [{', '.join(sources)}]\n"
    exec(compile(text, "<rule>", "exec"), made)  # noqa: S102  made from the whitelist's own templates alone
    return made["values"]  # type: ignore[no-any-return]
