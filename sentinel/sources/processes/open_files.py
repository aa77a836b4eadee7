"""What a process has open, out of `/proc`, without a touch of the disks where the files lie: one that is dead holds nobody.

Which file it is says `stat`. On a network or FUSE mount that would wait for a server, so there the kernel's own note of the
descriptor is taken (`fdinfo`: mount and inode number, Linux 5.14 or newer), and the mount's device.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property

from sentinel.sources.mounts import FAR
from sentinel.sources.processes.process import FileId, OpenFile

_FILES = 4096  # more open files than this are not looked through
_WRITABLE = 0o200  # of the link in /proc/PID/fd: how the file was opened
_DELETED = " (deleted)"
_NO_FILES = ("/dev/", "/proc/", "/sys/", "/memfd:", "/anon_hugepage", "/SYSV")
_NOTE = re.compile(r"^mnt_id:\s*(\d+)\nino:\s*(\d+)$", re.MULTILINE)


class Files:
    """What a process writes to and reads from, as far as runs are found by it."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.writes: list[OpenFile] = []
        self.pipes_out: set[str] = set()
        self.pipe_in = ""
        self.terminal = ""


def open_files(folder: str, root: str = "/proc") -> Files:
    """Of the process whose folder in `/proc` this is."""
    out, prefix, mounts = Files(), _prefix(folder, root), _Mounts(folder)
    for number, target, link in _open_for_writing(f"{folder}/fd"):
        if target.startswith("pipe:"):
            if number == 0:
                out.pipe_in = target
            elif number in (1, 2):
                out.pipes_out.add(target)
        elif number == 1 and target.startswith(("/dev/pts/", "/dev/tty")):
            out.terminal = target.removeprefix("/dev/")
        elif target.startswith("/") and not target.startswith(_NO_FILES) and number != 0:
            found = mounts.file(number, link)
            if found is not None:
                deleted = target.endswith(_DELETED)
                path = target.removesuffix(_DELETED) if deleted else target
                out.writes.append(OpenFile(prefix + path, found, deleted))
    return out


def _open_for_writing(folder: str) -> Iterator[tuple[int, str, str]]:
    """(descriptor, target, link) of those open for writing, and of standard input whatever it is open for."""
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= _FILES:
                return
            try:
                number = int(entry.name)
                if number == 0 or entry.stat(follow_symlinks=False).st_mode & _WRITABLE:
                    yield number, os.readlink(entry.path), entry.path
            except OSError:
                continue  # it was closed meanwhile


class _Mounts:
    """The mounts that a process sees, read when first asked for."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    @cached_property
    def _far(self) -> Mapping[int, int]:
        """Mount -> device, of those whose files lie behind a server."""
        try:
            with open(f"{self._folder}/mountinfo", encoding="utf-8", errors="replace") as file:
                lines = [line.split() for line in file if FAR.search(line)]
        except OSError:
            return {}
        return {int(words[0]): os.makedev(*map(int, words[2].split(":"))) for words in lines}

    def file(self, number: int, link: str) -> FileId | None:
        """The regular file that a descriptor stands for."""
        noted = self._noted(number) if self._far else None
        return noted if noted is not None else _regular(link)

    def _noted(self, number: int) -> FileId | None:
        with suppress(OSError), open(f"{self._folder}/fdinfo/{number}", encoding="ascii", errors="replace") as file:
            note = _NOTE.search(file.read(4096))
            device = self._far.get(int(note[1])) if note else None
            return FileId(device, int(note[2])) if note and device is not None else None
        return None


def _regular(link: str) -> FileId | None:
    try:
        found = os.stat(link)
    except OSError:
        return None
    return FileId(found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _prefix(folder: str, root: str) -> str:
    """How the host reaches this process's files: "" in our own mount namespace, else through its root."""
    try:
        theirs, ours = os.readlink(f"{folder}/ns/mnt"), os.readlink(f"{root}/self/ns/mnt")
    except OSError:
        return ""
    return "" if theirs == ours else f"{folder}/root"
