"""The only clock: a time of day that never jumps, for all that is judged, and the true one, to notice that it did."""

from __future__ import annotations

import time


class SystemClock:
    """Time of day at our start, carried on by the steady clock, so that no NTP step is mistaken for silence."""

    def __init__(self) -> None:
        """Anchored now."""
        self._anchor = time.time() - self.steady()

    def wall(self) -> float:
        """Seconds since 1970, never running backwards."""
        return self._anchor + self.steady()

    def steady(self) -> float:
        """Seconds that only go forward, the sleep of a suspended machine included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def jumped(self) -> float:
        """How far the time of day has been set since our start."""
        return time.time() - self.wall()
