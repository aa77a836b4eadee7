"""How often a run and a channel may speak in a day, and what was kept back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sentinel.core.records import Json, Severity
from sentinel.core.telling_letter import Letter, Occasion
from sentinel.core.versions import known

_MOST = re.compile(r"(\d+) an? (run|channel) (?:and|a|per) day", re.ASCII)
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Most:
    """The caps of `most`; None for none."""

    run: int | None = 3
    channel: int | None = 20


def parse_most(text: str) -> Most | None:
    """`3 a run and day, 20 a channel and day`, or None if the text is no cap. An empty text caps nothing."""
    if not text.strip():
        return Most(None, None)
    found: dict[str, int] = {}
    for part in text.split(","):
        match = _MOST.fullmatch(part.strip())
        if match is None:
            return None
        found[match[2]] = int(match[1])
    return Most(found.get("run"), found.get("channel"))


@dataclass(slots=True)
class Tally:
    """What one channel was told today, and what it was not."""

    day: int = -1  # local days since 1970
    spoken: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    held: int = 0
    held_names: list[str] = field(default_factory=list)
    held_told: int = 0  # how many of them the digest line has mentioned

    def turn_to(self, day: int) -> None:
        """A new day begins with nothing said."""
        if day != self.day:
            self.day, self.spoken, self.runs = day, 0, {}
            self.held, self.held_names, self.held_told = 0, [], 0

    def full(self, run: str, most: Most) -> bool:
        """Whether the cap is reached; `run` is "" for a message about many."""
        if most.channel is not None and self.spoken >= most.channel:
            return True
        return bool(run) and most.run is not None and self.runs.get(run, 0) >= most.run

    def count(self, run: str) -> None:
        """Something was said aloud."""
        self.spoken += 1
        if run:
            self.runs[run] = self.runs.get(run, 0) + 1

    def keep_back(self, name: str) -> None:
        """Something was not."""
        self.held += 1
        if name not in self.held_names and len(self.held_names) < _NAMED:
            self.held_names.append(name)


def tally_json(tally: Tally) -> dict[str, Json]:
    """A tally as the outbox keeps it."""
    return asdict(tally)


def tally_from(thing: Mapping[str, Any]) -> Tally:
    """A tally out of its kept JSON."""
    return Tally(**known(Tally, thing))


def held_letter(tally: Tally, now: float, host: str) -> Letter:
    """The digest line about what was kept back; it counts as told."""
    tally.held_told = tally.held
    more = "alert was" if tally.held == 1 else "alerts were"
    head = f"{tally.held} more {more} kept back today: the cap of [tell] most is reached"
    lines = ("on " + ", ".join(tally.held_names[:_NAMED]), "sentinel alerts   lists them all")
    return Letter(Occasion.HELD, now, host, head=head, lines=lines, severity=Severity.WARNING, open=0)
