"""Waiting for what another process or thread does: for the event itself, and so long that a busy machine is no failure."""

import time

PATIENCE = 60.0


def until(condition, seconds=PATIENCE, every=0.05):
    """What `condition` gives once it is true, else what it gave last."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(every)
    return found


def awaited(condition, seconds=PATIENCE, story=lambda: "", every=0.05):
    """The same; that it never came fails the test, with a story."""
    found = until(condition, seconds, every)
    assert found, f"waited {seconds:g} s: {story()}"
    return found
