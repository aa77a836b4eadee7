"""The rulebook and the names in force, from the shipped folders and one's own; reloaded when a file moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sentinel.core.names import Names
from sentinel.core.records import Fault
from sentinel.daemon.shipped import shipped
from sentinel.rulebook import Loader, RuleFolder
from sentinel.rulebook.names_file import load_names

LOOK_EVERY = 5.0


class Books:
    """Names and rules, and the folders they came from."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Read everything once; faults are values, the good rules go on."""
        self.folders = list(folders)
        self.names, self.faults = self._names()
        self._loader = Loader(
            [RuleFolder(shipped("rules"), shipped=True), *(RuleFolder(path) for path in folders)], self.names
        )
        self.book = self._loader.reload()
        self.faults += [fault for fault in self.book.faults if not fault.note]
        self._seen = self._signature()
        self._look_at = 0.0

    def _names(self) -> tuple[Names, list[Fault]]:
        files = [path / "names.yml" for path in (shipped("rules"), *self.folders)]
        return load_names([path for path in files if path.is_file()])

    def reload(self, now: float, forced: bool = False) -> Books | None:
        """The set in force, anew, if a file of it moved since (and stood still for one look); else None."""
        if not forced and now < self._look_at:
            return None
        self._look_at = now + LOOK_EVERY
        signature = self._signature()
        if signature == self._seen and not forced:
            return None
        self._seen = signature
        self.book = self._loader.reload()
        self.faults = [fault for fault in self.book.faults if not fault.note]
        return self

    def _signature(self) -> tuple[tuple[str, int, int], ...]:
        """What moves when a rule file does."""
        files = (path for folder in self.folders for path in sorted(folder.rglob("*.y*ml")))
        return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path in files if (stat := path.stat()))


def open_books(folders: Sequence[Path]) -> Books:
    """The shipped rules with one's own folders over them."""
    return Books(folders)
