"""One file of a log, with the descriptor that leads to it whatever becomes of its name. Carrying on is `following`'s."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sentinel.sources.opening import OpenFile
from sentinel.sources.track import Track

Signature = tuple[int, int, int, int]

LATE = 5.0  # a part without a name may still be written to for so long


@dataclass(slots=True)
class Part:
    """One file of a log: its track, where it stands now, and the descriptor while it moves."""

    track: Track
    path: str | None  # None: its name is gone, only the descriptor still leads to it
    grew: float
    content: OpenFile | None = None
    signature: Signature | None = None
    again: bool = False  # it changed at the last look: clocks of file systems are coarse, so look once more

    def close(self) -> None:
        """Let go of the descriptor."""
        if self.content is not None:
            self.content.close()
            self.content = None

    def over(self, now: float) -> bool:
        """Whether nothing can come any more: it has no name, and no writer has used it for a while."""
        if self.path is not None:
            return False
        return self.content is None or (now >= self.grew + LATE and not self.again and self.signature is not None)


def status_of(path: str) -> os.stat_result | None:
    """What stands under a name; None if nothing does."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def signature_of(status: os.stat_result) -> Signature:
    """What moves when a file does."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
