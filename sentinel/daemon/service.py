"""The daemon as a service: what its manager hears after each turn, and one line about each beginning and end.

The watchdog is fed by the deciding loop alone, and only while no worker has broken its promise.
"""

from __future__ import annotations

from collections.abc import Callable

from sentinel import __version__
from sentinel.daemon.journal import Journal, Priority
from sentinel.daemon.loop import Daemon
from sentinel.daemon.systemd import Notifier, Progress


class Service:
    """Speaks for the daemon to the service manager and the journal."""

    def __init__(
        self, daemon: Daemon, notifier: Notifier, journal: Journal, progress: Progress, steady: Callable[[], float]
    ) -> None:
        """Nothing is said before the first turn is over. `steady` is the clock that workers promise by."""
        self.notifier, self.journal, self._steady = notifier, journal, steady
        self._daemon, self._progress = daemon, progress
        self._ready = False
        self._late: set[str] = set()
        self.refused = ""  # why a reload was not taken, for the status line

    def speak(self) -> None:
        """After each turn: ready after the first, the status when it changed, the watchdog while all make progress."""
        text = self._text()
        if not self._ready:
            self._ready = True
            self.notifier.ready(text)
            self.journal.say(Priority.NOTICE, "start", f"Sentinel {__version__} is up and watching: {text}")
        self.notifier.status(text)
        late = self._progress.late(self._steady())
        for worker in late.keys() - self._late:
            self.journal.say(
                Priority.ERROR, "late", f"{worker} has stood still for {late[worker]:.0f} s; the watchdog is not fed"
            )
        self._late = set(late)
        if not late:
            self.notifier.watchdog()

    def _text(self) -> str:
        live = [run for run in self._daemon.engine.runs.values() if not run.over and run.run.info.kind != "host"]
        firing = sum(len(run.firing()) for run in self._daemon.engine.runs.values() if not run.over)
        runs = "1 run" if len(live) == 1 else f"{len(live)} runs"
        text = f"{runs}, {len(self._daemon.engine.book.rules)} rules, {firing} firing"
        return f"{text}; {self.refused}" if self.refused else text

    def end(self) -> None:
        """The end begins."""
        self.notifier.stopping("writing down")
        self.journal.say(Priority.NOTICE, "stop", f"Sentinel ends: {self._text()}")
