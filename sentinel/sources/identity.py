"""Is this still the file that we know, and where does reading go on? A pure table over a bookmark and what is there.

A path, an inode or a size alone cannot tell: inodes are used again, a rewritten table is longer than the old one, a
log is copied and cut. So a file is known by device and inode *and* by a hash of its head *and* by a hash of the bytes
before the place where reading stopped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

from sentinel.core.digest import digest as mark_of
from sentinel.core.records import Json

HEAD = 1024
ANCHOR = 256


class Met(NamedTuple):
    """A rotated file that was met; inodes are used again, so its first bytes are remembered too."""

    inode: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where we are in a file, and how to know it again."""

    file: str  # the name under which its rows go, relative to the run's folder
    device: int = 0
    inode: int = 0
    settled: int = 0  # understood up to here: reading goes on here after a restart
    read: int = 0  # read up to here: the anchor stands before it
    head_size: int = 0
    head_hash: str = ""
    anchor_size: int = 0
    anchor_hash: str = ""
    saved: Json = None  # what the reader needs to go on
    shift: float = 0.0  # how far its stamps stand from the clock
    live: bool = False  # its history had been read: later bytes have an arrival
    repeats: bool = False  # its rows may come a second time: a reset is still to be said
    older: tuple[Met, ...] = ()  # rotated files beside it that were met before


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands under the file's name now, held against the bookmark."""

    same_inode: bool
    size: int
    intact: bool  # head and anchor are the bytes that were there before
    linked: bool = False  # the old inode still has a name somewhere, or a writer may still hold it


class Course(StrEnum):
    """What became of a file since the last look, and so what to do."""

    STILL = "nothing new"
    GROWN = "read on"
    MOVED_IN = "other inode, same content: read on there"
    REWRITTEN = "same inode, other content: a reset, read from the start"
    REPLACED = "other inode and content, the old one is gone: a reset, read from the start"
    ROTATED = "other inode and content, the old one lives elsewhere: drain it, read the new one from the start"


def course(mark: Bookmark, seen: Seen) -> Course:
    """The whole decision. Nothing read yet means that there is nothing to be unsure about."""
    holds = seen.size >= mark.read and seen.intact
    if seen.same_inode:
        if not holds:
            return Course.REWRITTEN
        return Course.GROWN if seen.size > mark.read else Course.STILL
    if holds and mark.read:
        return Course.MOVED_IN
    return Course.ROTATED if seen.linked else Course.REPLACED


def digest(data: bytes) -> str:
    """A short hash: strong enough that two contents are not taken for one another by chance."""
    return mark_of(data, 12)


def bookmark_json(mark: Bookmark) -> Json:
    """A bookmark as the store keeps it."""
    return asdict(mark)


def bookmark_from(kept: Json) -> Bookmark | None:
    """A kept bookmark; None for what another version wrote and we cannot use."""
    if not isinstance(kept, dict):
        return None
    try:
        older = tuple(Met(*met) for met in kept.get("older") or ())
        return Bookmark(**{**kept, "older": older})
    except TypeError:
        return None
