"""One file under watch: its place, its reader, and the few reads that tell whether it is still the same file.

Where the bytes come from is handed in (`Content`): an open file, or in replay a file as it stood at some time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from sentinel.core.records import Item, Json, Mark, MarkKind
from sentinel.core.seams import Reader
from sentinel.sources.identity import ANCHOR, HEAD, Bookmark, Course, Seen, course, digest
from sentinel.sources.timing import Arrivals

OpenReader = Callable[[str, bytes, Arrivals, Json], Reader]


class Content(Protocol):
    """A file's bytes as they are now."""

    @property
    def device(self) -> int:
        """The device it lies on."""

    @property
    def inode(self) -> int:
        """Its number there."""

    @property
    def size(self) -> int:
        """How many bytes it holds."""

    def read(self, count: int, offset: int) -> bytes:
        """Bytes from an offset; fewer at the end."""


class Track:
    """A file's place and reader. Says what became of the file and hands in what new bytes say."""

    def __init__(self, file: str, open_reader: OpenReader, mark: Bookmark | None = None) -> None:
        """A file never seen before, or one that a bookmark knows."""
        self.mark = mark or Bookmark(file)
        self.timing = Arrivals(self.mark.shift)
        self.reader: Reader | None = None
        self._open = open_reader
        self._reset_at: float | None = None
        self._reset_due = self.mark.repeats
        self._begin_at = self.mark.settled  # the next feed starts here

    def look(self, content: Content, *, linked: bool = False) -> Course:
        """What became of the file since the last look."""
        same = (content.device, content.inode) == (self.mark.device, self.mark.inode)
        return course(self.mark, Seen(same, content.size, self._intact(content), linked))

    def _intact(self, content: Content) -> bool:
        mark = self.mark
        if content.size < mark.read:
            return False
        if digest(content.read(mark.head_size, 0)) != mark.head_hash and mark.head_size:
            return False
        if mark.read <= HEAD and mark.head_size == mark.read:
            return True  # the head was the whole of it
        return digest(content.read(mark.anchor_size, mark.read - mark.anchor_size)) == mark.anchor_hash

    def begins_alike(self, content: Content) -> bool:
        """Whether another content has the head of this one."""
        mark = self.mark
        return mark.head_size > 0 and digest(content.read(mark.head_size, 0)) == mark.head_hash

    def successor(self, *, reset: bool, now: float | None) -> Track:
        """The track of other content under the same name. A reset is said before its first row."""
        track = Track(
            self.mark.file, self._open, Bookmark(self.mark.file, shift=self.timing.shift, live=self.mark.live)
        )
        if self._reset_due or (reset and self.mark.read > 0):
            track.expect_repetition(now)
        return track

    def expect_repetition(self, now: float | None) -> None:
        """What was read under this name before is gone: its rows may come a second time."""
        self._reset_due, self._reset_at = True, now

    def adopt(self, content: Content) -> None:
        """The content stands in this inode now."""
        self.mark = replace(self.mark, device=content.device, inode=content.inode)

    def behind(self, content: Content) -> int:
        """Bytes that are there and not yet read."""
        return content.size - self._begin_at

    def take(self, content: Content, limit: int, arrival: float | None) -> tuple[list[Item], int]:
        """What the next bytes say, at most `limit` of them, and how many there were. No arrival means history."""
        self.adopt(content)
        start = self._begin_at
        data = content.read(limit, start)
        if not data:
            return [], 0
        if self.reader is None:
            head = data if start == 0 else content.read(HEAD * 4, 0)
            self.reader = self._open(self.mark.file, head, self.timing, self.mark.saved if start else None)
        self._advance(content, start, data)
        items: list[Item] = []
        if self._reset_due:
            items.append(Mark(MarkKind.RESET, self.mark.file, 1, self._reset_at))
            self._reset_due = False
        items.extend(self.reader.feed(data, arrival))
        self.mark = replace(self.mark, live=self.mark.live or arrival is not None)
        return items, len(data)

    def _advance(self, content: Content, start: int, data: bytes) -> None:
        """Remember the place, and what the bytes around it are."""
        end = start + len(data)
        self._begin_at = end
        mark = self.mark
        head_size, head_hash = mark.head_size, mark.head_hash
        if head_size < HEAD and end > head_size:
            head = data[:HEAD] if start == 0 else content.read(min(HEAD, end), 0)
            head_size, head_hash = len(head), digest(head)
        tail = (
            data[-ANCHOR:]
            if len(data) >= ANCHOR or start == 0
            else content.read(min(ANCHOR, end), max(0, end - ANCHOR))
        )
        self.mark = replace(
            mark,
            read=end,
            head_size=head_size,
            head_hash=head_hash,
            anchor_size=len(tail),
            anchor_hash=digest(tail),
        )

    def idle(self, now: float) -> list[Item]:
        """What an unfinished last line says that has stood still."""
        return list(self.reader.idle(now)) if self.reader else []

    def finish(self) -> list[Item]:
        """What is left when the file or its run is over."""
        if self.reader is None:
            return []
        items = list(self.reader.finish())
        self.mark = replace(self.bookmark(), settled=self.mark.read)
        self.reader = None
        return items

    def bookmark(self) -> Bookmark:
        """The place to go on from after a restart."""
        if self.reader is None:
            return replace(self.mark, repeats=self._reset_due)
        return replace(
            self.mark, repeats=False, settled=self.reader.settled, saved=self.reader.save(), shift=self.timing.shift
        )
