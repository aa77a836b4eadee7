"""Bytes that may kill us: noted before a reader sees them, so that after two deaths they are set aside and told.

The note is one small file mapped into memory: it survives the death of the process, at the price of two assignments.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from sentinel.core.records import Item, Json
from sentinel.core.seams import Reader

_SIZE = 4096
PIECE = 4096  # after one death a stretch is fed in pieces no larger, so that little is set aside
_USUALLY = 1 << 18
_AHEAD = 1 << 20  # how far before a stretch that killed us reading becomes careful
Stretch = list[str | int]  # [file, begin, end]
_READABLE = re.compile(rb"[^\r\n]")


class Suspects:
    """What was being read when we died, and how often."""

    def __init__(self, path: Path) -> None:
        """Read what the last life left behind. Where the folder takes nothing it raises `OSError`."""
        self._deaths_file = path.with_suffix(".deaths")
        self._deaths: list[Stretch] = _kept(self._deaths_file)
        with path.open("a+b") as file:
            os.ftruncate(file.fileno(), _SIZE)
            os.posix_fallocate(file.fileno(), 0, _SIZE)  # a hole that a full disk cannot fill would end us with SIGBUS
            self._note = mmap.mmap(file.fileno(), _SIZE)
        self._reading: Stretch | None = None
        self._judged: list[Stretch] = []  # read in this turn; what the rules make of it may kill us too
        self._remember_last_death()

    def _remember_last_death(self) -> None:
        last = self._note[:].partition(b"\0")[0]
        if not last:
            return
        guilty = _noted(last)
        if guilty:
            self._deaths = [*self._deaths, *guilty][-1000:]
            self._deaths_file.write_text(json.dumps(self._deaths), encoding="utf-8")
        self._note[0] = 0

    def deaths(self, file: str, begin: int, end: int) -> int:
        """How often we died while bytes of this stretch were read."""
        return sum(1 for name, a, b in self._deaths if name == file and int(a) < end and int(b) > begin)

    def careful(self, file: str, at: int) -> bool:
        """Whether reading from there soon comes to what has killed us."""
        return any(name == file and int(end) > at > int(begin) - _AHEAD for name, begin, end in self._deaths)

    @property
    def clean(self) -> bool:
        """Whether nothing has ever killed us."""
        return not self._deaths

    def about_to_read(self, file: str, begin: int, end: int) -> None:
        """Note it down: if we die now, it was this."""
        self._reading = [file[-1000:], begin, end]
        self._write([self._reading])

    def was_read(self) -> None:
        """The reader lived through it; what it said is still to be judged."""
        last = self._judged[-1] if self._judged else None
        if last and self._reading and last[0] == self._reading[0] and last[2] == self._reading[1]:
            last[2] = self._reading[2]
        elif self._reading:
            self._judged.append(self._reading)
        alone = len(self._judged) == 1 and self._judged[0] is self._reading
        self._reading = None
        if not alone:  # else the same stands there already
            self._write(self._judged)

    def survived(self) -> None:
        """It did no harm."""
        if self._judged or self._reading:
            self._judged, self._reading = [], None
            self._note[0] = 0

    def _write(self, stretches: list[Stretch]) -> None:
        """The reader's stretch alone where there is one: then it was not the rules."""
        while len(note := _note_of(stretches)) >= _SIZE:
            stretches.pop(0)
        self._note[0] = 0
        self._note[1 : len(note) + 1] = note[1:] + b"\0"
        self._note[0] = note[0]

    def close(self) -> None:
        """Let go of the note."""
        self._note.close()


def _note_of(stretches: Sequence[Stretch]) -> bytes:
    """As JSON, put together by hand: it is made for each piece that is read."""
    return f"[{', '.join([f'[{_quoted(str(file))}, {begin}, {end}]' for file, begin, end in stretches])}]".encode()


@lru_cache(maxsize=4096)
def _quoted(file: str) -> str:
    return json.dumps(file)


def _noted(note: bytes) -> list[Stretch]:
    try:
        kept = json.loads(note)
    except ValueError:
        return []
    kept = [kept] if isinstance(kept, list) and kept and isinstance(kept[0], str) else kept  # an older Sentinel's note
    return [row for row in kept if isinstance(row, list) and len(row) == 3] if isinstance(kept, list) else []


def _kept(path: Path) -> list[Stretch]:
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

    @property
    def settled(self) -> int:
        """As the reader itself says."""
        return self._reader.settled

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """What the bytes say, without those that are set aside."""
        suspects = self._suspects
        if suspects.clean or not suspects.deaths(self._file, self._at, self._at + len(data)):
            return self._feed(data, arrival)
        items: list[Item] = []
        for begin in range(0, len(data), PIECE):
            piece = data[begin : begin + PIECE]
            if self._suspects.deaths(self._file, self._at, self._at + len(piece)) > 1:
                end = self._at + len(piece)
                self._told.append(f"{self._file}: bytes {self._at} to {end} stopped us twice and are left out")
                piece = _READABLE.sub(b" ", piece)
            items += self._feed(piece, arrival)
        return items

    def _feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        end = self._at + len(data)
        self._suspects.about_to_read(self._file, self._at, end)
        items = self._reader.feed(data, arrival)
        self._suspects.was_read()
        self._at = end
        return items

    def idle(self, now: float) -> Sequence[Item]:
        """As the reader itself says, unless its unfinished line killed us twice."""
        return self._rest(lambda: self._reader.idle(now))

    def finish(self) -> Sequence[Item]:
        """As the reader itself says, unless its unfinished line killed us twice."""
        return self._rest(self._reader.finish)

    def _rest(self, work: Callable[[], Sequence[Item]]) -> Sequence[Item]:
        begin = min(self._reader.settled, self._at)
        if self._suspects.deaths(self._file, begin, self._at) > 1:
            return []
        self._suspects.about_to_read(self._file, begin, self._at)
        items = work()
        self._suspects.was_read()
        return items

    def save(self) -> Json:
        """As the reader itself says."""
        return self._reader.save()


T = TypeVar("T")


class Careful:
    """How a run's files are read when something may have killed us: slowly near it, and a config that did it not at all."""

    def __init__(self, suspects: Suspects, run: str, told: list[str]) -> None:
        """For one run."""
        self._suspects, self._run, self._told = suspects, run, told

    def at_once(self, name: str, at: int) -> int:
        """How many bytes of a log are read in one turn."""
        suspects = self._suspects
        return PIECE if not suspects.clean and suspects.careful(f"{self._run}/{name}", at) else _USUALLY

    def tried(self, name: str, work: Callable[[], T]) -> T | None:
        """Work on a config; None if reading it killed us twice."""
        file = f"{self._run}/{name}"
        if self._suspects.deaths(file, 0, 1) > 1:
            said = f"{file}: reading it stopped us twice; it is left out"
            self._told += [said] if said not in self._told else []
            return None
        self._suspects.about_to_read(file, 0, 1)
        done = work()
        self._suspects.was_read()
        return done
