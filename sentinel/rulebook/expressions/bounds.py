"""What bounds a series without asking its windows: as it stands now, or for as long as its readings stay in a band.

All give sources of Python expressions; NaN in one of them bounds nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from sentinel.core.functions.needs import FirstOf, LinesOf, Need, OneFact, OneSeries, TheRun
from sentinel.core.series import NEAR
from sentinel.rulebook.expressions.code import Cells

NEARLY, EDGES, EXACT = 0, 1, 2  # by the extremes of the newest readings; by the edges of windows; by short windows
_CELL = re.compile(r"\b(c\d+)\b(\.\w+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Between what a number lies, as sources; None where that end is open."""

    low: str | None
    high: str | None

    @property
    def is_exact(self) -> bool:
        """Whether both ends are the number itself."""
        return self.low is not None and self.low == self.high


OPEN = Span(None, None)


class Bounds(Protocol):
    """How sources bound a series, by the cell that holds it."""

    deepest: int  # the last level at which something may be asked

    def allows(self, source: str, cells: Cells) -> bool:
        """Whether a source may be asked as it stands."""

    def last(self, cell: str) -> Span:
        """The last reading."""

    def near(self, cell: str) -> Span:
        """The newest 64 readings."""

    def ever(self, cell: str) -> Span:
        """All readings."""

    def newest(self, cell: str, readings: float) -> Span:
        """So many of the newest readings."""

    def unknown(self, cell: str) -> str | None:
        """True wherever the last reading may be missing or no number; None where that must be asked exactly."""

    def edge(self, series: str, edge: str) -> str:
        """The edge of a window."""


class Now:
    """As the series stands: whatever costs no window may be asked."""

    deepest = EXACT

    def allows(self, source: str, cells: Cells) -> bool:
        """All that asks no window, no family and no join."""
        return not any(f"{cell}(" in source and not _is_cheap(need) for need, cell in cells.needs.items())

    def last(self, cell: str) -> Span:
        """Open where it is no number."""
        last = f"{cell}.value if {cell}.value - {cell}.value == 0.0 else"
        return Span(f"({last} -INF)", f"({last} INF)")

    def near(self, cell: str) -> Span:
        """Their extremes."""
        return _widened(f"{cell}.near_low", f"{cell}.near_high")

    def ever(self, cell: str) -> Span:
        """The lowest and highest."""
        return Span(f"{cell}.low", f"{cell}.high")

    def newest(self, cell: str, readings: float) -> Span:
        """Of few their extremes, else those of all."""
        return self.near(cell) if readings <= NEAR else self.ever(cell)

    def unknown(self, _cell: str) -> str | None:
        """It is asked."""
        return None

    def edge(self, series: str, edge: str) -> str:
        """Renewed when it no longer holds."""
        return f"({edge}.value if {series}.count <= {edge}.until else {edge}.renew())"


class Soon:
    """For the next few readings, for as long as each series stays in its narrow band (`core.bands`)."""

    deepest = EDGES
    band = "band"

    def allows(self, source: str, cells: Cells) -> bool:
        """What no reading inside the bands changes: facts, what was first, lines that were heard."""
        needs = {cell: need for need, cell in cells.needs.items()}
        return all(_stays(needs.get(cell), part) for cell, part in _CELL.findall(source))

    def last(self, cell: str) -> Span:
        """In the band."""
        return Span(f"{cell}.{self.band}.low", f"{cell}.{self.band}.high")

    def near(self, cell: str) -> Span:
        """The band was laid around them."""
        return _widened(f"{cell}.{self.band}.low", f"{cell}.{self.band}.high")

    def ever(self, cell: str) -> Span:
        """What was and what may come."""
        band = f"{cell}.{self.band}"
        return Span(
            f"({cell}.low if {cell}.low < {band}.low else {band}.low)",
            f"({cell}.high if {cell}.high > {band}.high else {band}.high)",
        )

    def newest(self, cell: str, readings: float) -> Span:
        """Of few what the band was laid around, else what was and what may come."""
        return self.near(cell) if readings <= NEAR else self.ever(cell)

    def unknown(self, cell: str) -> str | None:
        """Only where there is no band; inside one every reading is a number."""
        return f"({cell}.{self.band}.low != {cell}.{self.band}.low)"

    def edge(self, series: str, edge: str) -> str:
        """Unknown where it does not hold as long as the band."""
        return f"{edge}.reach({series}.band.until)"


class Long(Soon):
    """For as long as each series stays in its wide band: no edge of a window holds so long, so what windows hold now must do."""

    deepest = NEARLY
    band = "wide"

    def newest(self, cell: str, readings: float) -> Span:
        """What they are, and what may come."""
        if readings <= NEAR:
            return self.near(cell)
        return _widened(f"{cell}.wide.lowest({int(readings)})", f"{cell}.wide.highest({int(readings)})")


def _widened(low: str, high: str) -> Span:
    """By what rounding between neighbours can add."""
    return Span(f"({low} - WIDER * abs({low}))", f"({high} + WIDER * abs({high}))")


def _is_cheap(need: Need) -> bool:
    return isinstance(need, OneSeries | OneFact | TheRun | FirstOf) or _counts_all(need)


def _stays(need: Need | None, part: str) -> bool:
    return isinstance(need, OneFact | FirstOf) or _counts_all(need) or (
        isinstance(need, OneSeries) and part == ".first_value"
    )  # fmt: skip


def _counts_all(need: Need | None) -> bool:
    return isinstance(need, LinesOf) and not need.amounts
