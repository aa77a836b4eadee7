"""The end of a run, said once: what the machine knows of its processes is said after the last line of its files.

And the question that the files ask of the machine at first sight: does some process still work in this folder?
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from sentinel.core.records import Batch, Over
from sentinel.sources.machine import Machine
from sentinel.sources.processes.reading import pids, process, vital
from sentinel.sources.watcher import Watcher

FRESH = 60.0  # an answer about who works where holds for so long


class Ends:
    """The machine as a source; the end of a run whose files are followed goes by way of them."""

    def __init__(self, machine: Machine, watcher: Watcher) -> None:
        """Beside the files' source, which is read before it at every turn."""
        self.machine, self._watcher = machine, watcher

    @property
    def name(self) -> str:
        """As the machine's."""
        return self.machine.name

    def read(self, now: float) -> Iterator[Batch]:
        """What the machine shows, without the ends that are handed on."""
        for batch in self.machine.read(now):
            over = next((item for item in batch.items if isinstance(item, Over)), None)
            if over is None or not self._watcher.process_ended(batch.run, over):
                yield batch
            elif len(batch.items) > 1:
                yield Batch(batch.run, tuple(item for item in batch.items if item is not over))

    def trouble(self) -> Sequence[str]:
        """As the machine's."""
        return self.machine.trouble()

    def close(self) -> None:
        """As the machine's."""
        self.machine.close()


class Workers:
    """Whether some process that we may look at has a file of a folder open for writing."""

    def __init__(self, root: str = "/proc") -> None:
        """Nobody was looked at yet; everybody is when a folder is first asked about."""
        self._root, self._paths, self._until = root, tuple[str, ...](), -1e18

    def busy(self, folder: str, now: float) -> bool:
        """For folders asked about within a minute all processes are looked at once."""
        if now >= self._until:
            self._paths, self._until = tuple(self._written()), now + FRESH
        return any(path == folder or path.startswith(folder + "/") for path in self._paths)

    def _written(self) -> Iterator[str]:
        for number in pids(self._root):
            found = vital(number, self._root)
            if found is not None and not found.kernel and found.state not in "ZX" and number != os.getpid():
                yield from {each.path for each in process(found, self._root).writes}
