"""The files of one finished run: which are configs, which are logs and in what parts, and how each is opened."""

from __future__ import annotations

import os
from pathlib import Path

from sentinel.core.names import Names
from sentinel.core.records import Fact, Json
from sentinel.core.seams import Reader, Timing
from sentinel.sources.audit_facts import with_well_known
from sentinel.sources.compressed import chunks
from sentinel.sources.eyes import Eyes
from sentinel.sources.folder import rotated_from, walk
from sentinel.sources.identity import HEAD
from sentinel.sources.opening import OpenFile, open_file

LARGEST_CONFIG = 1 << 20
SNIFF = 4 * HEAD  # how much of a beginning a reader is chosen by


class RunFiles:
    """A run's folder, or a single file that is a run of its own."""

    def __init__(self, path: Path, names: Names, eyes: Eyes) -> None:
        """List what is there; nothing is opened yet."""
        self.names, self.eyes = names, eyes
        self.alone = path.is_file()
        self.root = str(path.parent if self.alone else path)
        self._all = [path.name] if self.alone else list(walk(self.root))
        self.configs = [] if self.alone else [file for file in self._all if eyes.is_config(file)]

    def open(self, file: str) -> OpenFile:
        """One of the files; OSError where it cannot be had."""
        return open_file([self.root], os.path.join(self.root, file))

    def logs(self) -> list[tuple[str, list[str]]]:
        """The logs by their living name, each as its parts: the rotated ones first, the oldest before all."""
        parts_of: dict[str, list[tuple[tuple[int, str], str]]] = {}
        for file in sorted(set(self._all) - set(self.configs)):
            rotated = None if self.alone else rotated_from(file)
            living, age = rotated or (file.removesuffix(".gz"), (0, ""))
            parts_of.setdefault(living, []).append((age, file))
        logs = [(living, [file for _, file in sorted(parts)]) for living, parts in sorted(parts_of.items())]
        return [(living, parts) for living, parts in logs if self.alone or self._is_log(living, parts[0])]

    def _is_log(self, living: str, first: str) -> bool:
        try:
            content = self.open(first)
        except OSError:
            return False
        try:
            return self.eyes.is_log(living, next(chunks(content, gz=first.endswith(".gz")), b"")[:SNIFF])
        finally:
            content.close()

    def reader(self, file: str, head: bytes, timing: Timing, saved: Json = None) -> Reader:
        """A reader for a file that begins so."""
        return self.eyes.open_reader(file, head[:SNIFF], self.names, timing, saved)

    def facts(self, file: str, data: bytes) -> list[Fact]:
        """What a config file says."""
        return with_well_known(self.eyes.read_config(file, data))


def moved_at(path: str) -> float:
    """When a file was last written; 0 of one that is gone."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def owner_of(path: str) -> int | None:
    """Whose it is; None of one that is gone."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
