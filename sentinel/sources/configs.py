"""Facts from a run's config files: small ones at once, large ones in a short-lived child, huge ones by size alone."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from sentinel.core.records import Fact
from sentinel.sources.audit_facts import with_well_known
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.opening import OpenFile

AT_ONCE = 1 << 20
LARGEST = 64 << 20
PATIENCE = 10.0

Work = Callable[[str, bytes], list[Fact]]


def _read_large(name: str, data: bytes) -> list[Fact]:
    return with_well_known(default_eyes().read_config(name, data))


class Child:
    """Work that may swell or hang, where it can do no harm and nobody waits for it: a child with a deadline."""

    def __init__(self, work: Work, name: str, data: bytes, now: float) -> None:
        """Begun; ask `done` for what became of it."""
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe(duplex=False)
        self._process = context.Process(target=_answer, args=(there, work, name, data), daemon=True)
        self._process.start()
        there.close()
        self._until = now + PATIENCE

    def done(self, now: float) -> list[Fact] | None:
        """Its facts; none where it died or took too long; None while it is at work."""
        if not self._here.poll() and now < self._until:
            return None
        try:
            facts: list[Fact] = list(self._here.recv()) if self._here.poll() else []
        except (EOFError, OSError):
            facts = []
        self.end()
        return facts

    def end(self) -> None:
        """Let go of it, whether it is done or not."""
        self._here.close()
        self._process.kill()
        self._process.join()


def _answer(there, work, name: str, data: bytes) -> None:  # type: ignore[no-untyped-def]
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    there.send(work(name, data))


class Config:
    """One config file: read when it comes and again when it changed. `eyes` None are the formats that Sentinel knows."""

    def __init__(
        self, path: str, name: str, work: Work = _read_large, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """A config not read yet; `work` is what a child does with a large one."""
        self.path, self.name = path, name
        self._work, self._steady = work, steady
        self._signature: tuple[int, int, int] | None = None
        self._told: dict[str, Fact] = {}
        self._child: Child | None = None

    def look(self, open_path: Callable[[str], OpenFile], eyes: Eyes | None) -> list[Fact]:
        """Its facts that are new or other than before. OSError where it cannot be read."""
        if self._child is not None:
            done = self._child.done(self._steady())
            if done is None:
                return []
            self._child = None
            return self._news(done)
        status = os.stat(self.path)
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        if signature == self._signature:
            return []
        with closing(open_path(self.path)) as content:
            facts = self._read(content, eyes)
        self._signature = signature
        return self._news(facts)

    def _read(self, content: OpenFile, eyes: Eyes | None) -> Sequence[Fact]:
        if content.size > LARGEST:
            return [Fact("config.size_bytes", content.size, self.name, 0)]
        data = content.read(content.size, 0)
        if content.size <= AT_ONCE:
            return with_well_known((eyes or default_eyes()).read_config(self.name, data))
        self._child = Child(self._work, self.name, data, self._steady())
        return []

    def _news(self, facts: Sequence[Fact]) -> list[Fact]:
        news = [fact for fact in facts if fact.name not in self._told or self._told[fact.name].value != fact.value]
        self._told.update({fact.name: fact for fact in facts})
        return news

    def close(self) -> None:
        """End a child that is still at work."""
        if self._child is not None:
            self._child.end()
            self._child = None
