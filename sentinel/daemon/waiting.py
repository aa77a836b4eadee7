"""What the loop sleeps on: time, a wake-up from another thread or signal, and sockets with something to read."""

from __future__ import annotations

import contextlib
import os
import selectors
from collections.abc import Callable

Ready = Callable[[], None]


class SelectorWaker:
    """A `Waker` over a selector. Sockets are served while the loop waits, in the loop's own thread."""

    def __init__(self) -> None:
        """A waker that nothing wakes yet."""
        self._selector = selectors.DefaultSelector()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._selector.register(self._read, selectors.EVENT_READ, self._drain)
        self._woken = False

    @property
    def signal_pipe(self) -> int:
        """The end that `signal.set_wakeup_fd` may write to."""
        return self._write

    def watch(self, fileno: int, ready: Ready) -> None:
        """Call `ready` when there is something to read."""
        self._selector.register(fileno, selectors.EVENT_READ, ready)

    def watch_room(self, fileno: int, ready: Ready) -> None:
        """From now on call `ready` when there is room to write, instead of when there is something to read."""
        self._selector.modify(fileno, selectors.EVENT_WRITE, ready)

    def unwatch(self, fileno: int) -> None:
        """No longer."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fileno)

    def wait(self, seconds: float) -> None:
        """Return after that time, or sooner when woken; sockets that speak are served on the way."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            key.data()

    def wake(self) -> None:
        """End the wait now; safe from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"w")

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass

    def close(self) -> None:
        """Let go of the pipe."""
        self._selector.close()
        os.close(self._read)
        os.close(self._write)
