"""The rulebook and the names in force, from the shipped folders and one's own, and whether a file of them moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sentinel.core.names import Names
from sentinel.core.records import Fault
from sentinel.daemon.shipped import shipped
from sentinel.rulebook import Loader, RuleFolder
from sentinel.rulebook.names_file import load_names

LOOK_EVERY = 5.0


class Books:
    """Names and rules, and the folders they came from."""

    def __init__(self, folders: Sequence[Path], before: Books | None = None) -> None:
        """Read everything; faults are values, the good rules go on. What was good `before` stays, file by file."""
        self.folders = list(folders)
        self._seen, self._look_at = self._signature(), 0.0
        self.names, faults = self._names(before)
        read = [RuleFolder(shipped("rules"), shipped=True), *(RuleFolder(path) for path in folders)]
        self._loader = before._remembering(read, self.names) if before else Loader(read, self.names)
        self.book = self._loader.reload()
        self.faults = [*faults, *(fault for fault in self.book.faults if not fault.note)]

    def _remembering(self, folders: list[RuleFolder], names: Names) -> Loader:
        """A loader that knows what this one has read, so that trying it out changes nothing here."""
        mine = self._loader
        return replace(mine, folders=folders, names=names, _good=dict(mine._good))

    def _names(self, before: Books | None) -> tuple[Names, list[Fault]]:
        """The names; the same object as before where they say the same, or where a file of them is broken."""
        files = [path / "names.yml" for path in (shipped("rules"), *self.folders)]
        names, faults = load_names([path for path in files if path.is_file()])
        if before is not None and (faults or names.entries == before.names.entries):
            names = before.names
        return names, faults

    def anew(self, folders: Sequence[Path] | None = None) -> Books:
        """These folders, or the same ones, read again. This object stays as it is: who asked may still say no."""
        return Books(self.folders if folders is None else folders, self)

    def moved(self, now: float) -> bool:
        """Whether one's own files moved since they were read; looked at every five seconds.

        Shipped files change with the program alone, and a new program is taken by a restart.
        """
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY
        return self._signature() != self._seen

    def seen_as(self, fresh: Books) -> None:
        """What `fresh` was read from is not taken and need not be looked at again until it moves."""
        self._seen = fresh._seen

    def _signature(self) -> tuple[tuple[str, int, int], ...]:
        """What moves when a rule file does."""
        files = (path for folder in self.folders for path in sorted(folder.rglob("*.y*ml")))
        return tuple(mark for path in files if (mark := _mark(path)))


def _mark(path: Path) -> tuple[str, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return str(path), stat.st_mtime_ns, stat.st_size


def open_books(folders: Sequence[Path]) -> Books:
    """The shipped rules with one's own folders over them."""
    return Books(folders)
