"""Facts from a run's config files: small ones at once, large ones in a short-lived child, huge ones by size alone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from contextlib import closing

from sentinel.core.records import Fact
from sentinel.sources.audit_facts import with_well_known
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.opening import OpenFile

AT_ONCE = 1 << 20
LARGEST = 64 << 20
PATIENCE = 10.0


def config_facts(name: str, content: OpenFile, eyes: Eyes | None) -> Sequence[Fact]:
    """What one config file says. `eyes` None are the formats that Sentinel knows, which a child can have too."""
    if content.size > LARGEST:
        return [Fact("config.size_bytes", content.size, name, 0)]
    data = content.read(content.size, 0)
    if content.size <= AT_ONCE:
        return with_well_known((eyes or default_eyes()).read_config(name, data))
    return _in_child(_read_large, name, data)


def _read_large(name: str, data: bytes) -> list[Fact]:
    return with_well_known(default_eyes().read_config(name, data))


def _in_child(work: Callable[[str, bytes], list[Fact]], name: str, data: bytes) -> list[Fact]:
    """Work that may swell or hang, where it can do no harm: a child that is ended when it takes too long."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(there, work, name, data), daemon=True)
    child.start()
    there.close()
    try:
        facts = here.recv() if here.poll(PATIENCE) else []
    except EOFError:
        facts = []
    finally:
        here.close()
        child.kill()
        child.join()
    return list(facts)


def _answer(there, work, name: str, data: bytes) -> None:  # type: ignore[no-untyped-def]
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    there.send(work(name, data))


class Config:
    """One config file: read when it comes and again when it changed."""

    def __init__(self, path: str, name: str) -> None:
        """A config not read yet."""
        self.path, self.name = path, name
        self._signature: tuple[int, int, int] | None = None
        self._told: dict[str, Fact] = {}

    def look(self, open_path: Callable[[str], OpenFile], eyes: Eyes | None) -> list[Fact]:
        """Its facts that are new or other than before. OSError where it cannot be read."""
        status = os.stat(self.path)
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        if signature == self._signature:
            return []
        with closing(open_path(self.path)) as content:
            facts = config_facts(self.name, content, eyes)
        self._signature = signature
        news = [fact for fact in facts if fact.name not in self._told or self._told[fact.name].value != fact.value]
        self._told.update({fact.name: fact for fact in facts})
        return news
