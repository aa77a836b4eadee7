"""The daemon as a service: what its manager hears after each turn, and one line about each beginning and end.

The watchdog is fed by the deciding loop alone, and only while no worker stands still that a restart would free. Each that
stands still is named: in the journal, in `status`, and on the channels where no rule says it.
"""

from __future__ import annotations

from collections.abc import Callable

from sentinel import __version__
from sentinel.daemon.journal import Journal, Priority
from sentinel.daemon.loop import Daemon
from sentinel.daemon.progress import Late, Progress, Then
from sentinel.daemon.systemd import Notifier

EVERY = 1.0  # seconds: under load there are dozens of turns in each
Tell = Callable[[str, tuple[str, ...]], None]  # a head and lines, to every channel


class Service:
    """Speaks for the daemon to the service manager and the journal."""

    def __init__(
        self, daemon: Daemon, notifier: Notifier, journal: Journal, progress: Progress, steady: Callable[[], float]
    ) -> None:
        """Nothing is said before the first turn is over. `steady` is the clock that workers promise by."""
        self.notifier, self.journal, self._steady = notifier, journal, steady
        self._daemon, self._progress = daemon, progress
        self._ready, self._due = False, 0.0
        self._late: dict[str, Late] = {}
        self.tell: Tell = lambda head, lines: None  # noqa: ARG005 - nobody listens until the office stands
        self._told = ""
        self.refused = ""  # why a reload was not taken, for the status line

    def speak(self) -> None:
        """After each turn: ready after the first, the status when it changed, the watchdog while all make progress."""
        if not self._ready or self._steady() >= self._due or self.refused != self._told:
            self._due, self._told = self._steady() + EVERY, self.refused
            self._show(self._text())
        if self._all_move():
            self.notifier.watchdog()

    def _all_move(self) -> bool:
        """Whether nothing stands still that a restart would free. Each standstill is told once, and its end."""
        late = self._progress.late(self._steady())
        for worker in late.keys() - self._late.keys():
            self._stands_still(worker, late[worker])
        for worker in self._late.keys() - late.keys():
            self.journal.say(Priority.NOTICE, "late", f"{worker} no longer stands still")
        self._late = late
        return not any(each.then is Then.RESTART for each in late.values())

    def _stands_still(self, worker: str, late: Late) -> None:
        text = f"{worker} has stood still for {late.seconds:.0f} s"
        self.journal.say(Priority.ERROR, "late", "; ".join(filter(None, (text, late.then.value, late.cure))))
        if late.then is not Then.LOG:
            self.tell(f"{self._daemon.engine.host}: {text}", tuple(filter(None, (late.then.value, late.cure))))

    def standstills(self) -> list[str]:
        """For `status`: who stands still now, since when, and what frees it."""
        return [
            "; ".join(filter(None, (f"{worker} has stood still for {late.seconds:.0f} s", late.then.value, late.cure)))
            for worker, late in sorted(self._late.items())
            if late.then is not Then.LOG
        ]

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
