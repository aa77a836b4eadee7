"""What the rules that one user's runs bring may cost together: a share of one core, over which they are not asked.

Bounds on what a rule reads stand in `rulebook`; this is the valve for what they let through.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sentinel.core.records import Answer
from sentinel.core.rule import Judge, Matcher

BURST, SHARE = 5.0, 0.02  # CPU seconds that may be spent at once, and the share of a core that comes anew
LONGEST = 1024  # of a line, for text patterns


@dataclass(slots=True, eq=False)
class Meter:
    """All answers of one user's own rules pass it; called, it puts itself before a judge."""

    cpu: Callable[[], float] = time.thread_time
    spent: float = 0.0
    over: bool = False  # answers were left out; until all that was spent has been given anew

    def grow(self, seconds: float) -> None:
        """So much time went by; what is not needed is not saved up."""
        self.spent = max(0.0, self.spent - SHARE * seconds)
        self.over = self.over and self.spent > 0.0

    @property
    def shut(self) -> bool:
        """Whether nothing more may be spent now."""
        self.over = self.over or self.spent > BURST
        return self.spent > BURST

    def __call__(self, judge: Judge) -> Judge:
        """The judge, measured. What it is not asked is unknown: that fires nothing and clears nothing."""
        cpu = self.cpu

        def measured() -> Answer:
            if self.shut:
                return None
            began = cpu()
            answer = judge()
            self.spent += cpu() - began
            return answer

        return measured


@dataclass(frozen=True, slots=True)
class MeteredMatcher:
    """The text patterns of a run's own rules, measured."""

    matcher: Matcher
    meter: Meter

    def match(self, text: str) -> tuple[str, ...]:
        """What the beginning of the line matches; nothing where it is not asked."""
        if self.meter.shut:
            return ()
        began = self.meter.cpu()
        found = self.matcher.match(text[:LONGEST])
        self.meter.spent += self.meter.cpu() - began
        return found
