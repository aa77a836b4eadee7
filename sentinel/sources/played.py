"""A recording played: files grow or are rewritten when it says so, and are read through the same `Track` as live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from sentinel.core.records import Item
from sentinel.sources.arrivals import Arrival, Arrived, exit_facts, process_row
from sentinel.sources.identity import Course
from sentinel.sources.run_files import LARGEST_CONFIG, RunFiles
from sentinel.sources.track import Track

CHUNK = 1 << 18


class _Log:
    """One log of the recording: the file as it stands, what was read of it, and when it last grew."""

    def __init__(self, file: str, files: RunFiles, stillness: float) -> None:
        self.content = _nothing_yet(files, file)
        self.track = Track(file, files.reader)
        self.grew = 0.0
        self._stillness = stillness
        self._waits = False  # an unfinished line may stand at its end

    def happen(self, arrival: Arrival) -> Iterable[Item]:
        """Let the row happen and say what is new."""
        self.content.apply(arrival)
        if self.track.look(self.content) is Course.REWRITTEN:
            self.track = self.track.successor(reset=True, now=arrival.t)
        self.grew, self._waits = arrival.t, True
        items: list[Item] = []
        while self.track.behind(self.content) > 0:
            items += self.track.take(self.content, CHUNK, arrival.t)[0]
        return items

    def still(self, now: float) -> list[Item]:
        """What its unfinished line says, once it has stood still."""
        if not self._waits or now < self.still_at:
            return []
        self._waits = False
        return self.track.idle(self.still_at)

    @property
    def still_at(self) -> float:
        """When it will have stood still for long enough."""
        return self.grew + self._stillness


class Recording:
    """A run as it was recorded."""

    def __init__(self, files: RunFiles, arrivals: Iterable[Arrival], stillness: float) -> None:
        """Nothing has arrived yet."""
        self._files, self._arrivals, self._stillness = files, arrivals, stillness
        self._logs: dict[str, _Log] = {}
        self._configs: dict[str, Arrived] = {}

    def play(self) -> Iterator[Item | float]:
        """Items as they came, each moment led in by its time."""
        for arrival in self._arrivals:
            for log in sorted(self._logs.values(), key=lambda log: log.grew):
                said = log.still(arrival.t)
                if said:
                    yield log.still_at
                    yield from said
            yield arrival.t
            yield from self._happen(arrival)
        yield from self._rest()

    def _happen(self, arrival: Arrival) -> Iterable[Item]:
        if arrival.op == "proc":
            row = process_row(arrival)
            return [row] if row else []
        if arrival.op == "end":
            return [*self._rest(), *exit_facts(arrival)]
        file = str(arrival.row["f"])
        if self._files.eyes.is_config(file):
            return self._configure(file, arrival)
        if file not in self._logs:
            self._logs[file] = _Log(file, self._files, self._stillness)
        return self._logs[file].happen(arrival)

    def _configure(self, file: str, arrival: Arrival) -> Iterable[Item]:
        if file not in self._configs:
            self._configs[file] = _nothing_yet(self._files, file)
        content = self._configs[file]
        content.apply(arrival)
        return self._files.facts(file, content.read(LARGEST_CONFIG, 0))

    def _rest(self) -> Iterable[Item]:
        return chain.from_iterable(log.track.finish() for log in self._logs.values())


def _nothing_yet(files: RunFiles, file: str) -> Arrived:
    content = files.open(file)
    try:
        return Arrived(content.read(content.size, 0))
    finally:
        content.close()
