"""How long lines that bring no news may wait: not at all while little is spent, less than a second under load.

Several lines that are read and judged at once cost a third of what they cost one by one (docs/decisions/0062).
"""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 2.0  # seconds over which the work is weighed
HEAVY = 0.03  # of a core: above it patience begins
LIGHT = 0.01  # below it patience ends; what patience saves never reaches it
LONGEST = 0.95  # seconds that a calm line may wait: with the pause between turns less than where no kernel gives hints
SOON, SOON_ENOUGH = 0.02, 0.04  # a burst of lines is one turn, not one turn a line


class Patience:
    """Weighs what the deciding thread spends."""

    def __init__(self, spent: Callable[[], float] = time.thread_time) -> None:
        """`spent` are CPU seconds so far."""
        self.seconds = 0.0  # that lines may wait now
        self._spent = spent
        self._since: tuple[float, float] | None = None

    @property
    def pause(self) -> float:
        """How long to wait between two turns."""
        return SOON_ENOUGH if self.seconds else SOON

    def weigh(self, now: float) -> float:
        """Call each turn; what lines may wait from now on."""
        began, before = self._since or (now, 0.0)
        if self._since is None or now < began:
            self._since = now, self._spent()
        elif now >= began + EVERY:
            spent = self._spent()
            share = (spent - before) / (now - began)
            self.seconds = LONGEST if share > HEAVY else self.seconds if share > LIGHT else 0.0
            self._since = now, spent
        return self.seconds
