"""Which files lie where, remembered: a folder is listed again only when its modification time moved."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeVar

from sentinel.sources.folder import DEEPEST, LEFT_ALONE, MOST, enters
from sentinel.sources.own_rules import WITHIN

T = TypeVar("T")
_MAGIC = frozenset("*?[")
OWN_RULES = WITHIN[0]
SETTLED = 3600 * 10**9  # ns: where a folder did not move for so long one listing is enough, also if a clock is off


@dataclass(slots=True)
class Folder:
    """One folder as it was listed."""

    moved: int = -1
    again: bool = True  # it moved just before the last look: clocks of file systems are coarse, so list it once more
    files: dict[str, int] = field(default_factory=dict)  # names, links to files among them, and inodes
    folders: tuple[str, ...] = ()


class Tree:
    """The folders below the watched roots."""

    def __init__(self) -> None:
        """Nothing listed yet."""
        self._folders: dict[str, Folder] = {}
        self.with_own: set[str] = set()  # the folders beside which somebody may have put own rules

    def look(self, path: str) -> Folder | None:
        """A folder as it is now; None if it is gone, cannot be listed, or wants to be left alone."""
        try:
            moved = os.stat(path).st_mtime_ns
            known = self._folders.get(path)
            if known is None or known.moved != moved or known.again:
                known = self._folders[path] = _listed(path, moved, known)
                (self.with_own.add if OWN_RULES in known.folders else self.with_own.discard)(path)
        except OSError:
            self._folders.pop(path, None)
            self.with_own.discard(path)
            return None
        return None if LEFT_ALONE in known.files else known

    def walk(self, path: str) -> Iterator[tuple[str, Mapping[str, int]]]:
        """The folders from a path downwards, each with its files."""
        left = MOST
        waiting = [(path, DEEPEST)]
        while waiting and left > 0:
            at, depth = waiting.pop()
            folder = self.look(at)
            if folder is None:
                continue
            left -= len(folder.files) + 1
            yield at, folder.files
            if depth:
                waiting += [(f"{at}/{name}", depth - 1) for name in reversed(folder.folders) if enters(name)]

    def matches(self, pattern: str) -> Iterator[str]:
        """The folders and files that a pattern means, in name order. Links to folders are not followed."""
        root = root_of(pattern)
        rest = [part for part in pattern[len(root) :].split("/") if part]
        yield from self._below(root, rest) if rest else [root]

    def unmet(self, patterns: Iterable[tuple[str, T]], known: set[str]) -> Iterator[tuple[str, T]]:
        """What patterns mean that is not known yet, each with what came with its pattern. Links come last, and only
        those to something that is met nowhere under its own name: `latest -> run7` is no second run."""
        linked: dict[str, T] = {}
        met = set(known)
        for pattern, mine in patterns:
            for path in self.matches(pattern):
                if path not in met and os.path.islink(path):
                    linked[path] = mine
                elif path not in met:
                    met.add(path)
                    yield path, mine
        for path, mine in linked.items():
            real = os.path.realpath(path)
            if not any(real == at or real.startswith(at + "/") for at in met):
                met.add(path)
                yield path, mine

    def _below(self, at: str, parts: list[str]) -> Iterator[str]:
        folder = self.look(at)
        if folder is None:
            return
        first, *rest = parts
        if first == "**":
            yield from self._below(at, rest) if rest else [at]
            for name in folder.folders:
                yield from self._below(f"{at}/{name}", parts)
            return
        for name in sorted({*folder.folders, *folder.files}):
            if not fnmatchcase(name, first) or (name.startswith(".") and not first.startswith(".")):
                continue
            if not rest:
                yield f"{at}/{name}"
            elif name in folder.folders:
                yield from self._below(f"{at}/{name}", rest)


def root_of(pattern: str) -> str:
    """The longest beginning of a pattern that holds no wildcard: the folder to watch."""
    parts = os.path.abspath(pattern).split("/")
    plain = next((index for index, part in enumerate(parts) if _MAGIC & set(part)), len(parts))
    return "/".join(parts[:plain]) or "/"


def _listed(path: str, moved: int, known: Folder | None) -> Folder:
    files: dict[str, int] = {}
    folders: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file():
                files[entry.name] = os.stat(entry.path).st_ino if entry.is_symlink() else entry.inode()
    again = (known is None or known.moved != moved) and time.time_ns() - moved < SETTLED
    return Folder(moved, again, files, tuple(sorted(folders)))
