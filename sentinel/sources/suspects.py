"""Bytes that may kill us: noted before a reader sees them, so that after two deaths they are set aside and told.

The note is one small file mapped into memory: it survives the death of the process, at the price of two assignments.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Sequence
from pathlib import Path

from sentinel.core.records import Item, Json
from sentinel.core.seams import Reader

_SIZE = 4096
_NAME = 500  # letters of a name that the note holds
_PIECE = 4096  # after one death a stretch is fed in pieces no larger, so that little is set aside
_READABLE = re.compile(rb"[^\r\n]")


class Suspects:
    """What was being read when we died, and how often."""

    def __init__(self, path: Path) -> None:
        """Read what the last life left behind. Where the folder takes nothing it raises `OSError`."""
        self._deaths_file = path.with_suffix(".deaths")
        self._deaths: list[list[str | int]] = _kept(self._deaths_file)  # [file, begin, end]
        with path.open("a+b") as file:
            os.ftruncate(file.fileno(), _SIZE)
            os.posix_fallocate(file.fileno(), 0, _SIZE)  # a hole that a full disk cannot fill would end us with SIGBUS
            self._note = mmap.mmap(file.fileno(), _SIZE)
        self._remember_last_death()

    def _remember_last_death(self) -> None:
        last = self._note[:].partition(b"\0")[0]
        if not last:
            return
        try:
            name, begin, end = json.loads(last)
        except ValueError:
            name, begin, end = "", 0, 0
        if name:
            self._deaths = [*self._deaths, [name, begin, end]][-1000:]
            self._deaths_file.write_text(json.dumps(self._deaths), encoding="utf-8")
        self.survived()

    def deaths(self, file: str, begin: int, end: int) -> int:
        """How often we died while bytes of this stretch were read."""
        return sum(1 for name, a, b in self._deaths if name == file[-_NAME:] and int(a) < end and int(b) > begin)

    def about_to_read(self, name: bytes, begin: int, end: int) -> None:
        """Note it down: if we die now, it was this. `name` is the file's as `named` gives it."""
        note = b"[%b, %d, %d]\0" % (name, begin, end)
        self._note[: len(note)] = note

    def survived(self) -> None:
        """It did no harm."""
        self._note[0] = 0

    def close(self) -> None:
        """Let go of the note."""
        self._note.close()


def named(file: str) -> bytes:
    """A file's name as the note holds it: the end of a very long one."""
    return json.dumps(file[-_NAME:]).encode()


def _kept(path: Path) -> list[list[str | int]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [row for row in kept if isinstance(row, list) and len(row) == 3] if isinstance(kept, list) else []


class Guarded:
    """A reader whose bytes are noted first. Those that killed us twice are blanked: offsets and line numbers stay."""

    def __init__(self, reader: Reader, file: str, start: int, suspects: Suspects, told: list[str]) -> None:
        """A reader about to read from `start`; what is set aside is told in `told`."""
        self._reader, self._file, self._at, self._suspects, self._told = reader, file, start, suspects, told
        self._name = named(file)

    @property
    def settled(self) -> int:
        """As the reader itself says."""
        return self._reader.settled

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """What the bytes say, without those that are set aside."""
        if not self._suspects.deaths(self._file, self._at, self._at + len(data)):
            return self._feed(data, arrival)
        items: list[Item] = []
        for begin in range(0, len(data), _PIECE):
            piece = data[begin : begin + _PIECE]
            if self._suspects.deaths(self._file, self._at, self._at + len(piece)) > 1:
                end = self._at + len(piece)
                self._told.append(f"{self._file}: bytes {self._at} to {end} stopped us twice and are left out")
                piece = _READABLE.sub(b" ", piece)
            items += self._feed(piece, arrival)
        return items

    def _feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        end = self._at + len(data)
        self._suspects.about_to_read(self._name, self._at, end)
        items = self._reader.feed(data, arrival)
        self._suspects.survived()
        self._at = end
        return items

    def idle(self, now: float) -> Sequence[Item]:
        """As the reader itself says."""
        return self._reader.idle(now)

    def finish(self) -> Sequence[Item]:
        """As the reader itself says."""
        return self._reader.finish()

    def save(self) -> Json:
        """As the reader itself says."""
        return self._reader.save()
