"""Memory that is no longer needed goes back to the system, which neither Python nor the C library does by itself."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """After much was let go: hand back the pages that nothing is left on."""
    gc.collect()  # what stands in circles would else wait for hours where little goes on
    with suppress(OSError, AttributeError):  # not every C library can
        ctypes.CDLL(None).malloc_trim(0)


def share_one_pool() -> None:
    """At the start: short-lived threads take memory from the one pool of the C library, not each from its own."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


_ARENA_MAX = -8  # M_ARENA_MAX of <malloc.h>
