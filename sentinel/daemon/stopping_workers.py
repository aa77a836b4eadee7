"""Remembers which processes ever worked for which run, over restarts of Sentinel: one that carried two is never signalled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from sentinel.core.asleep import Asleep
from sentinel.core.engine import Engine
from sentinel.core.run import Run
from sentinel.core.seams import Clock
from sentinel.daemon.machines import Machinery, logs_of
from sentinel.keep import plans
from sentinel.keep.store import Store
from sentinel.sources.processes.attach import Because
from sentinel.sources.processes.missed import Left, left
from sentinel.sources.processes.process import Pid

PROOF = (Because.FILE, Because.PIPE, Because.ID, Because.JOB)  # enough to act on (contracts 5)
SEVERAL = "several runs at once"
EVERY = 5.0
REMEMBERED = 60.0  # seconds after our start in which the processes of an earlier boot are still known
Pids = frozenset[tuple[int, int]]
Attached = Callable[[], Mapping[str, Pids]]


def pid_of(pid: Pid) -> tuple[int, int]:
    """Number and start."""
    return pid.number, pid.start


def attached(machinery: Machinery) -> Attached:
    """Run, as sources call it -> its processes, as far as the host is watched; those of several runs by themselves."""

    def now() -> Mapping[str, Pids]:
        machine = machinery.machine
        source = machine.processes if machine is not None else None
        if source is None:
            return {}
        found = {
            key: frozenset(pid_of(member.process.id) for member in followed.link.members if member.because in PROOF)
            for key, followed in source.followed.items()
        }
        return {**found, SEVERAL: frozenset(map(pid_of, source.links.shared))}

    return now


class Workers:
    """What was seen, in memory and on paper."""

    def __init__(self, store: Store, engine: Engine, clock: Clock, boot: str, attached: Attached) -> None:
        """Read what was written down since the machine was started."""
        self._store, self._engine, self._clock, self._boot, self._attached = store, engine, clock, boot, attached
        known = plans.processes_by_run(store.connection, boot)
        self._noted = {run: set(pids) for run, pids in known.items()}
        self._before = plans.processes_before(store.connection, boot)
        self._due, self._forget_at = 0.0, clock.steady() + REMEMBERED

    def look(self) -> None:
        """Every few seconds: write down who is new."""
        now = self._clock.steady()
        if now < self._due:
            return
        self._due = now + EVERY
        if self._before and now >= self._forget_at:
            self._forget_before()
        news = {}
        for key, pids in self._attached().items():
            current = self._engine.keys().get(key, key)
            fresh = {pid for pid in pids if self._worked(pid, current)} - self._noted.get(current, set())
            if fresh:
                news[current] = fresh
        if news:
            with self._store.turn() as connection:
                for run, fresh in news.items():
                    plans.note_processes(connection, self._boot, run, fresh)
            for run, fresh in news.items():
                self._noted.setdefault(run, set()).update(fresh)

    def whose(self, number: int | None, before: bool = False) -> str | None:
        """The run, as sources call it, that a process of this number worked for in this boot or before it; None if not sure."""
        known = self._before if before else self._noted
        found = {run for run, pids in known.items() if run != SEVERAL and any(pid == number for pid, _ in pids)}
        sources = [source for source, current in self._engine.keys().items() if current in found]
        return sources[0] if len(sources) == len(found) == 1 else None

    def left_behind(self, restarted: float | None) -> Iterator[tuple[str, Left]]:
        """Runs, as sources call them, that were going when we last looked; `restarted`: when the machine was, if known."""
        seen = self._store.last_written()
        for source, current in self._engine.keys().items():
            run = self._going(current)
            here, before = self._noted.get(current, set()), self._before.get(current, set())
            if run is not None and (here or (before and restarted is not None)):
                pids = frozenset(Pid(*pid) for pid in here)
                yield source, left(pids, tuple(logs_of(run).values()), None if here else restarted, seen)

    def _going(self, key: str) -> Run | Asleep | None:
        watched, asleep = self._engine.runs.get(key), self._engine.sleepers.runs.get(key)
        if watched is not None:
            return None if watched.over else watched.run
        return asleep if asleep is not None and not asleep.over else None

    def _forget_before(self) -> None:
        self._before = {}
        with self._store.turn() as connection:
            plans.forget_boots_before(connection, self._boot)

    def _worked(self, pid: tuple[int, int], run: str) -> bool:
        """Whether it was there when the run last wrote: one that was started for the next generation was not."""
        watched = self._engine.runs.get(run)
        if watched is None or watched.run.grew is None:
            return run == SEVERAL
        grew = watched.run.grew + self._clock.steady() - self._clock.wall()
        return pid[1] / os.sysconf("SC_CLK_TCK") <= grew
