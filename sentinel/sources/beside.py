"""What the host shows, handed on to the runs whose rules read it beside their own; and who lives on the host.

Names are met once for each layout of the host's rows, and all runs share the rows that are made: 200 runs cost little
more than one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sentinel.core.records import Batch, Fact, Found, Item, Origin, Over, Row
from sentinel.sources.processes.source import ProcessSource
from sentinel.sources.processes.vitals import PAGE

SHOWN = 5  # runs named
GIB = 1024.0  # MiB
NOBODY = "no run that is known here"
Names = tuple[str, ...]


@dataclass(slots=True)
class Beside:
    """Which runs want what of the host."""

    wanting: dict[frozenset[str], list[str]] = field(default_factory=dict)  # names -> runs
    told: str = ""
    _parts: dict[tuple[Names, frozenset[str]], tuple[Names, tuple[int, ...]]] = field(default_factory=dict)

    def meet(self, wanted: Mapping[str, frozenset[str]]) -> None:
        """The runs that want something, each with the names."""
        self.wanting = {}
        for run, names in wanted.items():
            self.wanting.setdefault(names, []).append(run)
        self._parts = {key: part for key, part in self._parts.items() if key[1] in self.wanting}

    def hand_on(self, items: Iterable[Item | Found | Over], here: Collection[str]) -> Iterator[Batch]:
        """The host's rows for those runs here that want a part of them, cut to that part."""
        if not self.wanting:
            return
        for row in items:
            if isinstance(row, Row):
                for names, runs in self.wanting.items():
                    part = self._cut(row, names)
                    if part is not None:
                        yield from (Batch(run, (part,)) for run in runs if run in here)

    def _cut(self, row: Row, wanted: frozenset[str]) -> Row | None:
        key = (row.names, wanted)
        if key not in self._parts:
            at = tuple(index for index, name in enumerate(row.names) if name in wanted)
            self._parts[key] = (tuple(row.names[index] for index in at), at)
        names, at = self._parts[key]
        return Row(names, tuple(row.values[index] for index in at), None, None, row.at, "", 0) if names else None

    def tell_residents(self, host: str, text: str) -> Iterator[Batch]:
        """Who lives here, for `{host.runs}` in the words of a rule about the host; when it changed."""
        if text != self.told:
            self.told = text
            yield Batch(host, (Fact("host.runs", text, "", 0, Origin.HOST),))


def residents(source: ProcessSource, titles: Mapping[str, str]) -> str:
    """The runs with processes on this host, those first that hold most of its memory."""
    held: list[tuple[float, str]] = []
    for key, followed in source.followed.items():
        seen = [source.living[m.process.id] for m in followed.link.members if m.process.id in source.living]
        if seen:
            held.append((sum(each.rss for each in seen) * PAGE / GIB, titles.get(key) or key))
    held.sort(key=lambda one: (-one[0], one[1]))
    named = [f"{name} ({size:.0f} GiB)" if size >= 1 else name for size, name in held[:SHOWN]]
    left = len(held) - SHOWN
    return (", ".join(named) + (f" and {left} more" if left > 0 else "")) or NOBODY
