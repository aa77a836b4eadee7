"""A gift to training scripts: `StopRequest` answers when somebody asks the run to save or stop.

Nothing else of Sentinel is imported here, and torch only where it is there already.

    request = StopRequest("runs/a")
    for step in range(steps):
        ...
        asked = request.poll(step)          # every rank calls it; all get the same answer
        if asked:
            request.save(lambda path: torch.save(state(), path), "runs/a/stop.pt")
        if asked == "stop":
            request.leave()                 # exit code 75: "stopped on request, go on later"
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NoReturn

LISTENS, STOP_FILE, STOPPED_ON_REQUEST = ".sentinel-listens", ".sentinel-stop", 75
Asked = Literal["", "checkpoint", "stop"]
_WORDS: tuple[Asked, ...] = ("", "checkpoint", "stop")


class StopRequest:
    """Polls the run's stop file. Every rank must poll at the same steps; rank 0 looks, and all agree."""

    def __init__(self, folder: str | os.PathLike[str], every: int = 1) -> None:
        """Listen in that folder, looking at each `every`-th step."""
        self.folder, self.every = Path(folder), max(1, every)
        self._first = int(os.environ.get("RANK", "0")) == 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._first:
            with contextlib.suppress(OSError):
                self.answered()  # what an earlier run was asked is no word to this one
                (self.folder / LISTENS).write_text(f"{os.getpid()}\n")

    def poll(self, step: int = 0) -> Asked:
        """What was asked: nothing, a checkpoint, or to stop. The same on every rank."""
        if step % self.every:
            return ""
        return self._agreed(self._look() if self._first else "")

    def _look(self) -> Asked:
        try:
            word = (self.folder / STOP_FILE).read_text().strip()
        except OSError:
            return ""
        return "checkpoint" if word == "checkpoint" else "stop"

    def _agreed(self, mine: Asked) -> Asked:
        torch: Any = sys.modules.get("torch")
        if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
            return mine
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        word = torch.tensor([_WORDS.index(mine)], device=device)
        torch.distributed.broadcast(word, 0)
        return _WORDS[int(word.item())]

    def save(self, write: Callable[[Path], object], path: str | os.PathLike[str]) -> Path:
        """Let `write` save to a temporary name, have it on disk, then give it its name; rank 0 alone does it."""
        target = Path(path)
        if self._first:
            partial = target.with_name(f".tmp-{os.getpid()}-{target.name}")
            write(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(target)
            self.answered()
        return target

    def answered(self) -> None:
        """Take the request away: it was answered."""
        if self._first:
            (self.folder / STOP_FILE).unlink(missing_ok=True)

    def leave(self) -> NoReturn:
        """Wait for all ranks, then exit with 75."""
        torch: Any = sys.modules.get("torch")
        if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()
        raise SystemExit(STOPPED_ON_REQUEST)
