"""Signals and the loop around the loop: SIGTERM and Ctrl-C end the daemon, SIGHUP reloads it."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sentinel.daemon.loop import Daemon
from sentinel.daemon.memory import give_back, share_one_pool
from sentinel.daemon.waiting import SelectorWaker

COLLECT = (20_000, 20, 20)  # Python's own (700, 10, 10) spent a tenth of the time under load looking for nothing


def run_until_told(daemon: Daemon) -> None:
    """Turn after turn until a signal says stop; then everything is written down."""
    share_one_pool()
    give_back()
    gc.freeze()  # rules and modules never go: no collection needs to look through them again
    gc.set_threshold(*COLLECT)
    with handled(daemon):
        try:
            while not daemon.stopping:
                wait = daemon.turn()
                for look in daemon.after_turn:
                    look()
                if not daemon.stopping:
                    daemon.waker.wait(min(wait, daemon.longest_wait))
                    time.sleep(daemon.patience.pause if wait else 0)
        finally:
            daemon.close()


@contextmanager
def handled(daemon: Daemon) -> Iterator[None]:
    """Signals speak to the daemon while this lasts."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        daemon.stop()

    def reload(_number: int, _frame: FrameType | None) -> None:
        daemon.ask_reload()

    wanted = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    pipe = signal.set_wakeup_fd(daemon.waker.signal_pipe) if isinstance(daemon.waker, SelectorWaker) else -1
    try:
        yield
    finally:
        signal.set_wakeup_fd(pipe)
        for number, handler in before.items():
            signal.signal(number, handler)
