"""Which runs are read in a turn: those that said so themselves, and those that the kernel spoke of. Nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from math import inf


class Turns:
    """When runs want to be read, by key."""

    def __init__(self) -> None:
        """Nobody wants to."""
        self.patience = 0.0  # seconds that lines may wait which bring no news
        self._planned: dict[str, float] = {}  # by their own wish, after they were read
        self._soonest: list[tuple[float, str]] = []  # the same as a heap, with wishes that are no longer theirs
        self._moved: dict[str, float] = {}  # because something about them moved

    def moved(self, key: str, at: float) -> None:
        """Something about this run moved, and is to be read at that time."""
        self._moved[key] = min(at, self._moved.get(key, at))

    def may_wait(self, key: str, at: float, now: float) -> None:
        """What moved in this run may wait until then; what said so before it holds no more, unless it is to be read now."""
        known = self._moved.get(key)
        if known is None or known > now:
            self._moved[key] = at

    @property
    def next_moved(self) -> float:
        """When the next of those is to be read that moved."""
        return min(self._moved.values(), default=inf)

    def due(self, now: float, asked: Iterable[str]) -> dict[str, None]:
        """The runs to be read now, those in `asked` among them."""
        while self._soonest and self._soonest[0][0] <= now:
            at, key = heappop(self._soonest)
            if self._planned.get(key) == at:
                self.moved(key, at)  # until it was read: a turn may end before its time comes
        return {key: None for key, at in self._moved.items() if at <= now} | dict.fromkeys(asked)

    def was_read(self, key: str, again: float, waits: float = inf) -> None:
        """This run was read, and wants to be read again then; what was left waiting, if anything, until `waits`."""
        if waits < inf:
            self._moved[key] = waits
        else:
            self._moved.pop(key, None)
        if self._planned.get(key) != again:
            self._planned[key] = again
            heappush(self._soonest, (again, key))

    def forget(self, key: str) -> None:
        """This run is read no more."""
        self._moved.pop(key, None)
        self._planned.pop(key, None)
