"""The Protocols at the seams: a room is used through these, so that it can be replaced and tested alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sentinel.core.records import Batch, Fact, Item, Json


class Clock(Protocol):
    """The time of day and the time that never jumps. Handed in; core never asks."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def steady(self) -> float:
        """Seconds that only go forward."""


class Waker(Protocol):
    """What the loop sleeps on: a file moved, a signal came, time is up. A test lets turns go one by one."""

    def wait(self, seconds: float) -> None:
        """Return after that time, or sooner when there is something to look at."""

    def wake(self) -> None:
        """End the wait now; safe from any thread."""


class Reader(Protocol):
    """Understands one file: bytes in, rows, facts, marks out. Pure; one object per file and generation of content."""

    @property
    def settled(self) -> int:
        """The offset up to which all was understood: the start of the unfinished line. A bookmark stores this."""

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """What these bytes, which follow those before, say. `arrival` is None for history."""

    def idle(self, now: float) -> Sequence[Item]:
        """What an unfinished last line says once it has stood still for a second: text only (contracts 3)."""

    def finish(self) -> Sequence[Item]:
        """What is left when the file or run is over: now the numbers of an unfinished line count too."""

    def save(self) -> Json:
        """What a reader needs to go on from `settled` after a restart (table header, last stamp, epoch in force)."""


class Timing(Protocol):
    """Which clock a row's `at` takes (contracts 3)."""

    def at(self, stamp: float | None, arrival: float | None) -> float | None:
        """The time the engine runs on."""


class Source(Protocol):
    """One place that readings or facts come from. `read` returns at once; what may hang lives in a child or thread."""

    @property
    def name(self) -> str:
        """For status and messages."""

    def read(self, now: float) -> Iterable[Batch]:
        """What is new since the last call."""

    def trouble(self) -> Sequence[str]:
        """What cannot be read now, each with its cure, for `status`."""

    def close(self) -> None:
        """Let go of files and children."""


class ConfigReader(Protocol):
    """Facts from one config file's bytes."""

    def __call__(self, name: str, data: bytes) -> Sequence[Fact]:
        """Every key as `config.KEY`, the well-known ones also as `fact.NAME`; secrets are blacked out."""
