"""Runs of one batch that died one after the other: a loop that no single run of it shows. Told of the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sentinel.core.records import Batch, Fact, Origin, Row

SHOWN = 5


class Fallen(NamedTuple):
    """What became of a batch within the last hour."""

    died: tuple[str, ...]  # names of runs
    of: int  # how many runs it has


@dataclass(slots=True)
class Batches:
    """Tells how many runs of a batch died, when that number changed."""

    fallen: Mapping[str, Fallen] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)

    def read(self, host: str, now: float) -> Iterator[Batch]:
        """A row for each batch whose count moved; one that nobody died in is not told of."""
        for name, found in self.fallen.items():
            count = len(found.died)
            if count == self.told.get(name, 0):
                continue
            self.told[name] = count
            label = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") or "batch"
            more = f" and {count - SHOWN} more" if count > SHOWN else ""
            text = f"{count} of {found.of} runs of {name} died: {', '.join(found.died[-SHOWN:])}{more}"
            said = Fact(f"batch.{label}.said", text, "", 0, Origin.HOST)
            yield Batch(host, (said, Row((f"batch.{label}.died",), (float(count),), None, None, now, "", 0)))
