"""Reads processes out of `/proc`. What we may not see is named; what vanished meanwhile is nobody."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from sentinel.sources.processes.open_files import Files, open_files
from sentinel.sources.processes.process import NAMED, Container, Pid, Process

_COMMAND = 4096  # bytes of a command line that are kept
_ENVIRONMENT = 1 << 18


class Vital(NamedTuple):
    """What changes from moment to moment, all from one small file."""

    id: Pid
    parent: int
    name: str
    state: str  # R S D Z T t I
    cpu: float  # seconds, its own threads
    threads: int
    rss: int  # pages
    kernel: bool  # a thread of the kernel, not a program


def pids(root: str = "/proc") -> list[int]:
    """Every process number there is."""
    return [int(name) for name in os.listdir(root) if name.isdecimal()]


_TICKS = os.sysconf("SC_CLK_TCK")
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD in the flags of /proc/PID/stat


def vital(pid: int, root: str = "/proc") -> Vital | None:
    """The moment's figures of a process; None once it is gone."""
    data = _bytes(f"{root}/{pid}/stat", 4096)
    if not data:
        return None
    end = data.rindex(b")")  # a name may hold anything, brackets too
    words = data[end + 2 :].split()
    name = data[data.index(b"(") + 1 : end].decode("utf-8", "replace")
    cpu = (int(words[11]) + int(words[12])) / _TICKS
    kernel = bool(int(words[6]) & _KERNEL_THREAD)
    identity = Pid(pid, int(words[19]))
    return Vital(identity, int(words[1]), name, words[0].decode(), cpu, int(words[17]), int(words[21]), kernel)


def process(seen: Vital, root: str = "/proc") -> Process:
    """All that we may know of a process."""
    folder = f"{root}/{seen.id.number}"
    denied: list[str] = []
    files = Files()
    try:
        files = open_files(folder, root)
    except PermissionError:
        denied.append("files")
    except OSError:
        pass
    try:
        cwd = os.readlink(f"{folder}/cwd")
    except OSError as error:
        cwd = ""
        if isinstance(error, PermissionError):
            denied.append("cwd")
    try:
        environment = _environment(folder)
    except PermissionError:
        environment = {}
        denied.append("environment")
    return Process(
        seen.id,
        seen.parent,
        seen.name,
        _uid(folder),
        command(seen.id.number, root),
        cwd,
        tuple(files.writes),
        frozenset(files.pipes_out),
        files.pipe_in,
        files.terminal,
        environment,
        _container(_bytes(f"{folder}/cgroup", 1 << 16).decode("utf-8", "replace")),
        tuple(denied),
    )


def command(pid: int, root: str = "/proc") -> tuple[str, ...]:
    """The command line, cut to a bearable length."""
    data = _bytes(f"{root}/{pid}/cmdline", _COMMAND)
    return tuple(word.decode("utf-8", "replace") for word in data.rstrip(b"\0").split(b"\0")) if data else ()


def _environment(folder: str) -> dict[str, str]:
    found = {}
    for entry in _bytes(f"{folder}/environ", _ENVIRONMENT, denial=True).split(b"\0"):
        name, _, value = entry.partition(b"=")
        word = name.decode("ascii", "replace")
        if word in NAMED:
            found[word] = value.decode("utf-8", "replace")[:256]
    return found


def _uid(folder: str) -> int:
    try:
        return os.stat(folder).st_uid
    except OSError:
        return -1


_CGROUPS = (
    ("slurm", re.compile(r"/job_(\d+)(?:/|$)")),
    ("pod", re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f_-]{27})")),
    (
        "container",
        re.compile(r"(?:docker|libpod|cri-containerd|crio|lxc|containerd)[-/:]([0-9a-z_.-]{12,64}?)(?:\.scope|/|$)"),
    ),
)


def cgroup_lines(pid: int, root: str = "/proc") -> list[str]:
    """The cgroups of a process, each as "number:controllers:path"."""
    lines = _bytes(f"{root}/{pid}/cgroup", 1 << 16).decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.count(":") >= 2]


def _container(text: str) -> Container:
    for kind, pattern in _CGROUPS:
        found = pattern.search(text)
        if found:
            return Container(kind, found[1].replace("_", "-") if kind == "pod" else found[1])  # type: ignore[arg-type]
    return Container()


def _bytes(path: str, most: int, denial: bool = False) -> bytes:
    """The beginning of a file of `/proc`; empty where the process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        if denial:
            raise
        return b""
    except OSError:
        return b""
    try:
        return os.read(descriptor, most)
    except PermissionError:
        if denial:
            raise
        return b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
