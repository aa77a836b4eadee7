"""Checks of files: settings, the right to read each watch, network folders, inotify, state and disk."""

from __future__ import annotations

import glob
import grp
import itertools
import os
import pwd
import sqlite3
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from sentinel.daemon.dead_disks import Asked, silent, troubles
from sentinel.daemon.doctor.findings import Account, Finding, Patient, State, as_account
from sentinel.daemon.settings import Watch
from sentinel.daemon.trust import distrust

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs", "fuse.sshfs"}
_NETWORK |= {"fuse.juicefs", "fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.ceph", "wekafs", "panfs", "orangefs"}
_MOST_RUNS, _MOST_FILES, _MOST_FOLDERS = 200, 2000, 50_000
_RESERVE = 64 << 20
_LIMITS = Path("/proc/sys/fs/inotify/max_user_watches")


def settings(patient: Patient) -> list[Finding]:
    """The settings can be read, hold no fault, and nobody else can change them."""
    if not patient.path.exists():
        what = f"no settings at {patient.path}; the defaults hold: ./runs is watched, nobody is told"
        return [Finding("settings", State.NOTE, what, _init(patient))]
    if patient.faults:
        cure = f"sentinel check {patient.path}"
        return [Finding("settings", State.MISSING, str(fault), cure) for fault in patient.faults]
    if reason := distrust(patient.path, patient.account.uid):
        what, _, cure = reason.partition("; mend: ")
        return [Finding("settings", State.MISSING, f"refused with rights: {what}", cure)]
    if closed := closed_to(patient.account, [patient.path]):
        return [Finding("settings", State.MISSING, *closed[0])]
    return [Finding("settings", State.OK, str(patient.path))]


def closed_to(account: Account, paths: Sequence[Path]) -> list[tuple[str, str]]:
    """The files and folders among these that the service's own account cannot read: what forbids it, and the cure."""
    closed = as_account(account, lambda: [str(path) for path in paths if not _opens(path)])
    return [(describe(Path(path)), f"sudo chgrp {account.name} {path} && sudo chmod g+rX {path}") for path in closed]


def _opens(path: Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK)


def watches(patient: Patient) -> list[Finding]:
    """Each watch matches something, all of which can be read."""
    dead = silent(patient.known.watches())
    found = [finding for watch in touchable(patient, dead) for finding in _watch(watch, patient)]
    return [*found, *(Finding(f"watch {name}", State.MISSING, *text) for name, text in _dead(dead))]


def _dead(dead: Mapping[str, Sequence[Asked]]) -> Iterator[tuple[str, list[str]]]:
    for name, text in zip(dead, troubles(dead), strict=False):
        yield name, text.split("; ", 1)


def touchable(patient: Patient, dead: Collection[str] | None = None) -> list[Watch]:
    """The watches whose disks answer: nobody waits for the others."""
    watches = patient.known.watches()
    gone = silent(watches, 1.0) if dead is None else dead  # it was asked with more patience before
    return [watch for watch in watches if watch.name not in gone]


def _init(patient: Patient) -> str:
    """The command that proposes watches for these very settings."""
    machines = patient.path.absolute().is_relative_to("/etc")
    return f"{'sudo ' if machines else ''}sentinel init --settings {patient.path.absolute()}"


def _watch(watch: Watch, patient: Patient) -> list[Finding]:
    account = patient.account
    check = f"watch {watch.name}"
    patterns = [pattern for pattern in (watch.runs, *watch.files) if pattern]
    if relative := [pattern for pattern in patterns if not pattern.startswith(("/", "~"))]:
        what = f"{relative[0]} is looked for below the folder that Sentinel is started in"
        return [Finding(check, State.NOTE, what, f"{_init(patient)} (writes paths in full, from what runs now)")]
    found = [path for pattern in patterns for path in _matches(pattern)]
    if patterns and not found:
        return [_nothing(check, patterns, account)]
    closed = as_account(account, lambda: list(itertools.islice((x for path in found for x in _unreadable(path)), 20)))
    if account.sees_all:  # by capability, which reaches everywhere but to network folders
        closed = [line for line in closed if network_kind(_path_in(line))]
    if closed:
        more = f" (and {len(closed) - 1} more)" if len(closed) > 1 else ""
        return [Finding(check, State.MISSING, closed[0] + more, cure_for(closed[0], account))]
    return [Finding(check, State.OK, f"{len(found)} matches, {account.name} can read them"), *_network(watch, found)]


def _nothing(check: str, patterns: list[str], account: Account) -> Finding:
    closed = as_account(account, lambda: [line for pattern in patterns for line in _barrier(pattern)])
    if closed and not account.sees_all:
        return Finding(check, State.MISSING, closed[0], cure_for(closed[0], account))
    return Finding(check, State.NOTE, f"{', '.join(patterns)} matches nothing yet")


def _matches(pattern: str) -> list[str]:
    return list(itertools.islice(glob.iglob(os.path.expanduser(pattern), recursive=True), _MOST_RUNS))


def _barrier(pattern: str) -> list[str]:
    """The first folder on the way to a pattern that may not be entered."""
    fixed = Path(os.path.expanduser(pattern))
    while glob.has_magic(str(fixed.parent)):
        fixed = fixed.parent
    return [describe(part) for part in reversed(fixed.parents) if _shut(part)][:1]


def _shut(folder: Path) -> bool:
    return os.access(folder.parent, os.X_OK) and folder.is_dir() and not os.access(folder, os.X_OK)


def _unreadable(path: str) -> Iterator[str]:
    """What below a match may not be read, with its owner and mode; or the closed folder on the way to it."""
    yield from _barrier(path)
    for place in itertools.islice(_tree(path), _MOST_FILES):
        wanted = os.R_OK | os.X_OK if os.path.isdir(place) else os.R_OK
        if os.path.lexists(place) and not os.path.islink(place) and not os.access(place, wanted):
            yield describe(Path(place))


def _tree(path: str) -> Iterator[str]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (os.path.join(folder, name) for name in (*folders, *files))


def describe(path: Path) -> str:
    """The path with what forbids it."""
    try:
        facts = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return f"{path} may not be read (mode {stat.S_IMODE(facts.st_mode):o}, of {_owner(facts.st_uid)})"


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def cure_for(what: str, account: Account) -> str:
    """How that path becomes readable: by group, by the owner's own service, or by the right to see all."""
    path = Path(what.split(" may not be read", maxsplit=1)[0].split(": ", maxsplit=1)[0])
    owner = what.rpartition(" of ")[2].rstrip(")")
    if kind := network_kind(path):
        return f"{path} lies on {kind}, where root has no rights; let {owner} run: sentinel install --user"
    try:
        facts = path.stat()
    except OSError:
        return "sudo sentinel install --rights see-all"
    if facts.st_mode & stat.S_IRGRP and facts.st_gid != 0:
        return f"sudo usermod -aG {_group(facts.st_gid)} {account.name} && sudo systemctl restart sentinel"
    return f"let {owner} run: sentinel install --user; or for all users: sudo sentinel install --rights see-all"


def _path_in(what: str) -> Path:
    return Path(what.split(" may not be read", maxsplit=1)[0].split(": ", maxsplit=1)[0])


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def network_kind(path: Path, mounts: str = "/proc/self/mounts") -> str:
    """The kind of the network file system that holds a path; nothing for a local one."""
    best, kind = "", ""
    real = str(path.resolve())
    for line in Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind if kind in _NETWORK else ""


def _network(watch: Watch, found: list[str]) -> list[Finding]:
    kinds = {network_kind(Path(path)) for path in found} - {""}
    if not kinds or watch.home:
        return []
    what = f"lies on {', '.join(sorted(kinds))}: a run that shows no home there is told about by nobody"
    return [Finding(f"watch {watch.name}", State.NOTE, what, "on one host only: home = true in this [[watch]]")]


def inotify(patient: Patient) -> list[Finding]:
    """There are enough inotify watches for every folder; without them files are found by looking, a little later."""
    try:
        limit = int(_LIMITS.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return [Finding("inotify", State.NOTE, "this kernel offers none; files are found by looking every second")]
    roots = [path for watch in touchable(patient) for path in _matches(watch.runs)]
    folders = sum(1 for _ in itertools.islice(_folders(roots), _MOST_FOLDERS))
    if folders > limit * 0.8:
        cure = f"echo fs.inotify.max_user_watches={max(524288, 4 * folders)} | sudo tee /etc/sysctl.d/60-inotify.conf"
        return [
            Finding("inotify", State.MISSING, f"{folders} folders, {limit} watches", cure + " && sudo sysctl --system")
        ]
    return [Finding("inotify", State.OK, f"{folders} folders, {limit} watches")]


def _folders(roots: list[str]) -> Iterator[str]:
    for root in roots:
        yield from (folder for folder, _, _ in os.walk(root))


def state(patient: Patient) -> list[Finding]:
    """The state folder can be written, the disk has room, and the file in it is whole."""
    folder = patient.state
    if not folder.is_dir():
        what = f"{folder} is not there yet; it is made at the first start"
        return [Finding("state", State.NOTE, what)]
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        cure = f"why: sudo dmesg | grep -i read-only; then: sudo mount -o remount,rw {mount_of(folder)}"
        return [Finding("state", State.MISSING, f"{folder} lies on a disk that is read-only now", cure)]
    if not as_account(patient.account, lambda: ["yes"] if os.access(folder, os.W_OK | os.X_OK) else []):
        cure = f"sudo chown -R {patient.account.name} {folder}"
        return [Finding("state", State.MISSING, f"{patient.account.name} may not write to {folder}", cure)]
    return [_room(folder), *(_whole(path) for path in sorted(folder.glob("*.db")) + sorted(folder.glob("*.sqlite")))]


def mount_of(folder: Path) -> Path:
    """Where the file system of a folder is mounted."""
    return next(place for place in (folder, *folder.parents) if os.path.ismount(place))


def _room(folder: Path) -> Finding:
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    if free < _RESERVE or (facts.f_files and facts.f_favail < 100):
        return Finding(
            "disk", State.MISSING, f"{free >> 20} MiB free for {folder}", f"make room: du -xh {folder} | sort -h"
        )
    return Finding("disk", State.OK, f"{free >> 20} MiB free for {folder}")


def _whole(path: Path) -> Finding:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)
        try:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        cure = "systemctl restart sentinel: a broken state is set aside and a new one begun"
        return Finding("state", State.MISSING, f"{path}: {answer}", cure)
    return Finding("state", State.OK, f"{path} is whole ({path.stat().st_size >> 10} KiB)")
