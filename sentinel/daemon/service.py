"""The daemon as a service: what its manager hears after each turn, and one line about each beginning and end.

Ready is said once the first sweep is read to its end; until then the manager hears how far it is, and to wait longer.
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

EVERY = 5.0  # seconds between two counts of all runs for the status line
EXTENSION = 300.0  # seconds that the manager is asked for until the sweep has moved on: as long as the unit's own wait
Tell = Callable[[str, tuple[str, ...]], None]  # a head and lines, to every channel


class Service:
    """Speaks for the daemon to the service manager and the journal."""

    def __init__(
        self, daemon: Daemon, notifier: Notifier, journal: Journal, progress: Progress, steady: Callable[[], float]
    ) -> None:
        """Nothing is said yet. `steady` is the clock that workers promise by."""
        self.notifier, self.journal, self._steady = notifier, journal, steady
        self._daemon, self._progress = daemon, progress
        self._ready, self._due = False, 0.0
        self._late: dict[str, Late] = {}
        self.tell: Tell = lambda head, lines: None  # noqa: ARG005 - nobody listens until the office stands
        self._told = ""
        self.goes_on = False
        self.refused = ""  # why a reload was not taken, for the status line

    def begin(self) -> None:
        """Before the first turn, which lists all that is watched: on a slow network folder that takes long."""
        self.notifier.status("looking for runs")
        self.notifier.extend(EXTENSION)

    def speak(self) -> None:
        """After each turn: ready once the sweep is over, the status when it changed, the watchdog while all get on."""
        sweeping = not self._ready and self._daemon.sweeping
        now = self._steady()
        if now >= self._due or self.refused != self._told or not (self._ready or sweeping):
            self._due, self._told = now + EVERY, self.refused
            if sweeping:
                self._show_progress()
            else:
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
        text, *more = _standstill(worker, late)
        self.journal.say(Priority.ERROR, "late", "; ".join((text, *more)))
        if late.then is not Then.LOG:
            self.tell(f"{self._daemon.engine.host}: {text}", tuple(more))

    def standstills(self) -> list[str]:
        """For `status`: who stands still now, since when, and what frees it."""
        told = [(worker, late) for worker, late in sorted(self._late.items()) if late.then is not Then.LOG]
        return ["; ".join(_standstill(worker, late)) for worker, late in told]

    def _show_progress(self) -> None:
        assert self._daemon.files is not None
        left, known = self._daemon.files.left()
        self.notifier.status(f"first sweep: {left} of {known} runs are still to be read")
        self.notifier.extend(EXTENSION)

    def reloading(self, monotonic_usec: int) -> None:
        """A reload begins."""
        self.notifier.reloading(monotonic_usec)

    def reloaded(self) -> None:
        """It is over, taken or not; in the middle of the first sweep ready comes at the sweep's end."""
        if self._ready:
            self.notifier.ready()

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
        """The end begins; one that goes on as a new program of the same number is no end to the manager."""
        if not self.goes_on:
            self.notifier.stopping("writing down")
        word = "begins anew" if self.goes_on else "ends"
        self.journal.say(Priority.NOTICE, "stop", f"Sentinel {word}: {self._text()}")


def _standstill(worker: str, late: Late) -> list[str]:
    """Who stands still and for how long, what follows, and what frees it."""
    said = (f"{worker} has stood still for {late.seconds:.0f} s", late.then.value, late.cure)
    return [text for text in said if text]
