"""One file under watch: its place, its reader, and the few reads that tell whether it is still the same file.

Where the bytes come from is handed in (`Content`): an open file, or in replay a file as it stood at some time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from sentinel.core.records import Item, Json, Mark, MarkKind
from sentinel.core.seams import Reader
from sentinel.formats.alike import alike, shapes_of
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


class Place(NamedTuple):
    """Where reading stands, and the very bytes by which the file is known there: cheaper to compare than hashes."""

    read: int
    head: bytes
    anchor: bytes


class Track:
    """A file's place and reader. Says what became of the file and hands in what new bytes say."""

    __slots__ = (
        *("_ahead", "_begin_at", "_known", "_last", "_mark", "_open", "_peeked", "_place"),
        *("_reset_at", "_reset_due", "_rests", "reader", "timing"),
    )

    def __init__(self, file: str, open_reader: OpenReader, mark: Bookmark | None = None) -> None:
        """A file never seen before, or one that a bookmark knows."""
        self._mark = mark or Bookmark(file)
        self._place: Place | None = None  # while bytes come
        self._ahead = False  # the place is further than the mark
        self.timing = Arrivals(self.mark.shift)
        self.reader: Reader | None = None
        self._open = open_reader
        self._reset_at: float | None = None
        self._reset_due = self.mark.repeats
        self._begin_at = self.mark.settled  # the next feed starts here
        self._rests = False  # the reader was let go, to be opened again as it was saved
        self._last = b""  # what the last look saw
        self._known: frozenset[bytes] | None = None  # the shapes of its lines, once somebody asked
        self._peeked = 0

    @property
    def mark(self) -> Bookmark:
        """Where we are. Hashes are made when somebody asks: at each line they would cost more than reading it."""
        place = self._place
        if self._ahead and place is not None:
            self._ahead = False
            self._mark = _carried_on(self._mark, place)
        return self._mark

    @mark.setter
    def mark(self, mark: Bookmark) -> None:
        self._mark, self._ahead = mark, False

    @property
    def at(self) -> int:
        """How far it was read; no hash is made for that."""
        return self._place.read if self._ahead and self._place is not None else self._mark.read

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
        return self.unread(content.size)

    def unread(self, size: int) -> int:
        """Bytes beyond our place in a file of that size."""
        return size - self._begin_at

    def glance(self, content: Content, most: int, arrival: float) -> tuple[Sequence[Item], int] | None:
        """The usual case in one read: less than `most` was added behind bytes that we know. None: look closer."""
        place = self._place
        if place is None or self.reader is None or self._reset_due or self._begin_at != place.read:
            return None
        anchor = place.anchor
        held = len(anchor)
        data = content.read(held + most, place.read - held)
        grown = len(data) - held
        if not 0 < grown < most or len(place.head) < HEAD or not self._mark.live or not data.startswith(anchor):
            return None
        self._begin_at = end = place.read + grown
        self._place, self._ahead = Place(end, place.head, data[-ANCHOR:]), True
        self._last, self._known = data, None
        return self.reader.feed(data[held:], arrival), grown

    @property
    def repeats(self) -> bool:
        """Whether its last lines were such that more of the same is no news."""
        place = self._place
        if place is None or self._reset_due or self._begin_at != place.read:
            return False
        if self._known is None:
            self._known, self._peeked = shapes_of(self._last), place.read
        return bool(self._known)

    def more_of_the_same(self, content: Content, most: int) -> bool:
        """Whether what came since, less than `most`, reads like the last lines but for its digits. Nothing is taken."""
        if not self.repeats or self._known is None:
            return False
        data = content.read(most, self._peeked)
        whole = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1  # what has no end yet is judged later anyway
        self._peeked += whole
        return 0 < len(data) < most and alike(data[:whole], self._known)

    def grow(self, content: Content, size: int, arrival: float) -> tuple[Sequence[Item], int] | None:
        """The same in two reads, with the beginning held against what we know of it; nothing new is no trouble."""
        place = self._place
        if place is None or self.reader is None or self._reset_due or self._begin_at != place.read:
            return None
        anchor, head = place.anchor, place.head
        held = len(anchor)
        start = place.read - held
        data = content.read(size - start, start)
        first = content.read(HEAD, 0)
        if not self._mark.live or not data.startswith(anchor) or not first.startswith(head):
            return None
        end = start + len(data)
        if end == place.read:
            return (), 0
        self._place = Place(end, first[:end], data[-ANCHOR:])
        self._begin_at, self._ahead = end, True
        self._last, self._known = data[-4 * HEAD :], None
        return self.reader.feed(data[held:], arrival), end - place.read

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
        self._rests = False
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
        place = self._place
        if place is not None and len(place.head) == HEAD:
            head = place.head
        else:
            head = data[:HEAD] if start == 0 else content.read(min(HEAD, end), 0)
        tail = (
            data[-ANCHOR:]
            if len(data) >= ANCHOR or start == 0
            else content.read(min(ANCHOR, end), max(0, end - ANCHOR))
        )
        self._place = Place(end, head, tail)
        self._last, self._known = data[-4 * HEAD :], None
        self.mark = _carried_on(mark, self._place)

    def idle(self, now: float) -> list[Item]:
        """What an unfinished last line says that has stood still."""
        return list(self.reader.idle(now)) if self.reader else []

    def finish(self) -> list[Item]:
        """What is left when the file or its run is over."""
        if self._rests:
            self.reader = self._open(self.mark.file, b"", self.timing, self.mark.saved)
            self._rests = False
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

    def rest(self) -> None:
        """Nothing has come for a while: only the place is kept. The next bytes wake the reader as after a restart."""
        if self.reader is not None and self.reader.settled == self.mark.read > 0 and not self._reset_due:
            self.mark = self.bookmark()
            self.reader, self._rests = None, True
        self._place, self._last, self._known = None, b"", None


def _carried_on(mark: Bookmark, place: Place) -> Bookmark:
    """The bookmark of a place further on."""
    head_size, head_hash = mark.head_size, mark.head_hash
    if len(place.head) != head_size:
        head_size, head_hash = len(place.head), digest(place.head)
    anchor = place.anchor
    return replace(
        mark,
        read=place.read,
        head_size=head_size,
        head_hash=head_hash,
        anchor_size=len(anchor),
        anchor_hash=digest(anchor),
    )
