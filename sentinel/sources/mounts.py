"""Whether a folder lies on a network file system, and which host a run shows as its home (contracts 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|lustre|gpfs|beegfs|ceph|glusterfs|afs|9p|fuse\.(?:sshfs|glusterfs|ceph-fuse|s3fs)"
)
FAR = re.compile(rf" - (?:{_NETWORK.pattern}|fuse|fuse\.[^ ]+) ")  # in a line of mountinfo: files behind a server
_EVENTS = re.compile(r"events\.out\.tfevents\.\d+\.(?P<host>[^/]+?)(?:\.\d+)*(?:\.v2)?")


def on_network(folder: str, mountinfo: str) -> bool:
    """Whether the mount that a folder lies on is a network's; `mountinfo` is the text of /proc/self/mountinfo."""
    return bool(_NETWORK.fullmatch(kind_of_mount(folder, mountinfo)))


def kind_of_mount(folder: str, mountinfo: str) -> str:
    """The file system that a folder lies on, as the kernel calls it; "" where nobody knows."""
    best, kind = "", ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = fields[4].encode().decode("unicode_escape")
        if (folder == point or folder.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


@cache
def mounts() -> str:
    """The mounts of this machine; "" where the kernel does not tell."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def hosts_named(files: Iterable[str]) -> set[str]:
    """The hosts that a run's TensorBoard files name."""
    found = (_EVENTS.fullmatch(file.rpartition("/")[2]) for file in files)
    return {match["host"] for match in found if match}


def is_home(
    folder: str, files: Iterable[str], host: str, *, chosen: bool, mountinfo: str, named: Iterable[str] = ()
) -> bool:
    """Whether this host tells about the run, as far as its files say; its processes may say otherwise later.

    `named` are hosts that something else than event files names.
    """
    if not on_network(folder, mountinfo):
        return True
    hosts = hosts_named(files) | set(named)
    return host in hosts if hosts else chosen
