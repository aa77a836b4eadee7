"""Which numbers of a sample go to which run, worked out once and then only applied. Pure.

A sample is one tuple of numbers for all GPUs; each run is handed one row of it, so that its rules see all its GPUs at one
moment. A number that is NaN is unknown and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq, itemgetter
from typing import NamedTuple

Numbers = tuple[float, ...]
Owners = Mapping[str, Sequence[str]]  # GPU -> runs
Mask = tuple[bool, ...]
MOST_PLANS = 64


class Part(NamedTuple):
    """One run's share of a sample."""

    run: str
    names: tuple[str, ...]
    pick: Callable[[Numbers], Numbers]


@dataclass(slots=True)
class Routes:
    """The ways of the samples of one child, until its GPUs or their owners change."""

    host: str
    columns: Sequence[tuple[str, Sequence[str]]] = ()  # (GPU, names) in the order of a sample
    owners: Owners = field(default_factory=dict)
    _plans: dict[Mask | None, tuple[Part, ...]] = field(default_factory=dict)

    def meet(self, columns: Sequence[tuple[str, Sequence[str]]]) -> None:
        """A child said what its numbers are."""
        self.columns = columns
        self._plans.clear()

    def belong(self, owners: Owners) -> bool:
        """Who works where; whether that changed."""
        if owners == self.owners:
            return False
        self.owners = dict(owners)
        self._plans.clear()
        return True

    def parts(self, values: Numbers) -> Iterator[tuple[str, tuple[str, ...], Numbers]]:
        """(run, names, numbers) for each run that owns a GPU, and for the host what belongs to nobody."""
        total = sum(values)
        mask = None if total == total else tuple(map(eq, values, values))
        plan = self._plans.get(mask)
        if plan is None:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            plan = self._plans[mask] = self._plan(mask)
        for part in plan:
            yield part.run, part.names, part.pick(values)

    def _plan(self, mask: Mask | None) -> tuple[Part, ...]:
        chosen: dict[str, list[tuple[str, int]]] = {}
        at = 0
        for label, names in self.columns:
            for run in self.owners.get(label) or (self.host,):
                named = ((f"gpu.{label}.{name}", index) for index, name in enumerate(names, at))
                chosen.setdefault(run, []).extend(pair for pair in named if mask is None or mask[pair[1]])
            at += len(names)
        return tuple(
            Part(run, tuple(name for name, _ in pairs), _picker([index for _, index in pairs], at))
            for run, pairs in chosen.items()
            if pairs
        )


def _picker(indices: list[int], size: int) -> Callable[[Numbers], Numbers]:
    if indices == list(range(size)):
        return tuple
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
    return itemgetter(*indices)
