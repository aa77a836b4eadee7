"""The cheap looks at a log of one file: it stands still, or it grew and is the one that we know. All else is `following`'s.

Each says None, or no, where something is not as usual; then the log is looked at closely.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from sentinel.core.records import Item
from sentinel.sources.part import Part, signature_of, status_of

CLOSE_AFTER = 60.0  # a descriptor is let go when nothing came for so long
GLANCE = 4096  # what comes between two lines of the kernel is less; more is read the usual way

Grown = tuple[Sequence[Item], int]  # what new bytes say, and how many there were


def stands_still(living: Part, path: str, now: float) -> bool:
    """At the price of one stat: nothing happened. Idle descriptors are closed here."""
    if living.again or living.signature is None:
        return False
    try:
        status = os.stat(path)
    except OSError:
        return False
    if signature_of(status) != living.signature:
        return False
    if living.content is not None and now >= living.grew + CLOSE_AFTER:
        living.close()
        living.track.rest()
    return True


def glanced(living: Part, path: str, now: float) -> Grown | None:
    """At the price of one read, where the kernel says that the file grew and that no name moved.

    The beginning of the file is not held against what we know of it: a later look does that.
    """
    if living.content is None or living.path != path:
        return None
    try:
        grown = living.track.glance(living.content, GLANCE, now)
    except OSError:
        return None
    if grown is not None:
        living.again, living.grew = True, now
    return grown


def grown(living: Part, path: str, now: float, arrival: float, limit: int) -> Grown | None:
    """At the price of a stat and two reads: what stands under the name is our file, and it holds what we know."""
    content = living.content
    if content is None or living.path != path or now >= living.grew + CLOSE_AFTER:
        return None
    status = status_of(path)
    if status is None or (status.st_ino, status.st_dev) != (content.inode, content.device):
        return None
    if not 0 <= living.track.unread(status.st_size) <= limit:
        return None
    content.size, content.links = status.st_size, status.st_nlink
    found = living.track.grow(content, status.st_size, arrival)
    if found is not None:
        before, living.signature = living.signature, signature_of(status)
        living.again = before != living.signature
        living.grew = now if found[1] else living.grew
    return found
