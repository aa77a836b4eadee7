"""What each worker promised to be done with and by when, and what follows when one stands still.

Nobody is asked here: workers report, the loop looks once a turn, and `service` draws the consequence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Then(Enum):
    """What follows when a worker breaks its promise."""

    # It stands still inside ourselves, which a new process does not.
    RESTART = "the watchdog is not fed, so that systemd starts Sentinel again"
    # What holds it lies outside (a disk, a driver, a stopped process): it would hold the next one too.
    TELL = "the watch goes on"
    LOG = "a rule tells of it"  # as TELL, but an alert says it already


class Promise(NamedTuple):
    """One piece of work under way."""

    began: float
    due: float
    then: Then
    cure: str


class Late(NamedTuple):
    """A broken promise."""

    seconds: float  # since the work began
    then: Then
    cure: str


@dataclass(slots=True)
class Progress:
    """What each worker is busy with. A worker at rest is never late, and one that takes up the next piece is not either.

    The loop asks `late` and feeds the watchdog only when no worker stands still that a restart would free; so a hung
    sender cannot hide behind a live loop, and a slow disk cannot take the watch down.
    """

    _promises: dict[str, Promise] = field(default_factory=dict)

    def began(self, worker: str, now: float, within: float, then: Then = Then.RESTART, cure: str = "") -> None:
        """The worker took something up that must be done `within` seconds. Again: the old promise is replaced."""
        self._promises[worker] = Promise(now, now + within, then, cure)

    def rests(self, worker: str) -> None:
        """The worker is done and has nothing to do."""
        self._promises.pop(worker, None)

    def late(self, now: float) -> dict[str, Late]:
        """The workers that broke their promise."""
        return {
            worker: Late(now - promise.began, promise.then, promise.cure)
            for worker, promise in tuple(self._promises.items())
            if now > promise.due
        }
