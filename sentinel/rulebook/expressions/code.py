"""What a part of an expression became: source of a Python expression, its kind, and where it stands in the text.

Numbers are floats with NaN for unknown; answers are True, False or None.
"""

from __future__ import annotations

import re
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
CELL = re.compile(r"\bc\d+\b", re.ASCII)


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
    """The cells that a judge is called with: which need each of them holds."""

    needs: dict[Need, str] = field(default_factory=dict)
    temporaries: int = 0

    def cell(self, need: Need) -> str:
        """The cell that holds what meets a need."""
        return self.needs.setdefault(need, f"c{len(self.needs)}")

    def run(self) -> str:
        """The cell that holds the run."""
        return self.cell(TheRun())

    def used_in(self, source: str) -> Cells:
        """Those that a source asks: what was only tried while it was made need not be met."""
        used = set(CELL.findall(source))
        return Cells({need: cell for need, cell in self.needs.items() if cell in used}, self.temporaries)

    def name(self) -> str:
        """A name for a value that is used twice."""
        self.temporaries += 1
        return f"t{self.temporaries}"


def compile_judge(cells: Cells, source: str, guards: str = "") -> Callable[..., Any]:
    """The function that takes what meets the needs and gives the answer: one for all runs, each brings its own cells."""
    text = f"def judge({', '.join(cells.needs.values())}):\n{guards} return {source}\n"
    made: dict[str, Any] = {"__builtins__": {}, **HELPERS}
    exec(compile(text, "<rule>", "exec"), made)  # noqa: S102  made from the whitelist's own templates alone
    return made["judge"]  # type: ignore[no-any-return]


def compile_values(cells: Cells, sources: list[str]) -> Callable[..., Any]:
    """The function that takes what meets the needs and gives the value of each of these parts."""
    return compile_judge(cells, f"[{', '.join(sources)}]")
