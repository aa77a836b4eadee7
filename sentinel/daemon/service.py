"""The daemon as a service: what its manager hears after each turn, and one line about each beginning and end.

The watchdog is fed by the deciding loop alone, and only while no worker has broken its promise.
"""

from __future__ import annotations

from collections.abc import Callable

from sentinel import __version__
from sentinel.daemon.journal import Journal, Priority
from sentinel.daemon.loop import Daemon
from sentinel.daemon.systemd import Notifier, Progress

EVERY = 1.0  # seconds: under load there are dozens of turns in each


class Service:
    """Speaks for the daemon to the service manager and the journal."""

    def __init__(
        self, daemon: Daemon, notifier: Notifier, journal: Journal, progress: Progress, steady: Callable[[], float]
    ) -> None:
        """Nothing is said before the first turn is over. `steady` is the clock that workers promise by."""
        self.notifier, self.journal, self._steady = notifier, journal, steady
        self._daemon, self._progress = daemon, progress
        self._ready, self._due = False, 0.0
        self._late: set[str] = set()
        self._told = ""
        self.refused = ""  # why a reload was not taken, for the status line

    def speak(self) -> None:
        """After each turn: ready after the first, the status when it changed, the watchdog while all make progress."""
        if not self._ready or self._steady() >= self._due or self.refused != self._told:
            self._due, self._told = self._steady() + EVERY, self.refused
            self._show(self._text())
        late = self._progress.late(self._steady())
        for worker in late.keys() - self._late:
            self.journal.say(
                Priority.ERROR, "late", f"{worker} has stood still for {late[worker]:.0f} s; the watchdog is not fed"
            )
        self._late = set(late)
        if not late:
            self.notifier.watchdog()

    def _show(self, text: str) -> None:
        if not self._ready:
            self._ready = True
            self.notifier.ready(text)
            self.journal.say(Priority.NOTICE, "start", f"Sentinel {__version__} is up and watching: {text}")
        self.notifier.status(text)

    def _text(self) -> str:
        awake = [run for run in self._daemon.engine.runs.values() if not run.over]
        asleep = [run for run in self._daemon.engine.sleepers.runs.values() if not run.over]
        live = sum(run.run.info.kind != "host" for run in awake) + len(asleep)
        firing = sum(len(run.firing()) for run in awake) + sum(run.firing for run in asleep)
        runs = "1 run" if live == 1 else f"{live} runs"
        text = f"{runs}, {len(self._daemon.engine.book.rules)} rules, {firing} firing"
        return f"{text}; {self.refused}" if self.refused else text

    def end(self) -> None:
        """The end begins."""
        self.notifier.stopping("writing down")
        self.journal.say(Priority.NOTICE, "stop", f"Sentinel ends: {self._text()}")
