"""Opening the one SQLite file: new, older, newer, corrupt or on a disk that takes nothing (contracts 6).

The promise between versions: a table only gains, and a record in JSON only gains fields, without another number; whoever
changes or drops a column raises VERSION and adds the step. An older file is copied and taken along in one transaction, a
newer one is never touched and a corrupt one never thrown away; all three are told.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

VERSION = 1
NAME = "sentinel.db"
COPIES = 2  # of the states before an upgrade so many are kept: one to go back by, and one should that be too late
RESERVE_NAME = "reserve"
RESERVE_BYTES = 8 * 1024 * 1024

# One entry per step from version n to n + 1, statements without BEGIN and COMMIT. Empty: version 1 is the first.
MIGRATIONS: dict[int, str] = {}


_COPY = re.compile(r".*\.before-v(\d+)\.db")


@dataclass(slots=True)
class Opened:
    """A connection, and what people should know about how it came to be."""

    connection: sqlite3.Connection
    path: Path
    told: list[str] = field(default_factory=list)
    newer: Path | None = None  # a state of a newer version: only its people's words are read
    beside: tuple[Path, ...] = ()  # states that older versions kept beside this one: their people's words too
    on_disk: bool = True


class StateTaken(Exception):
    """Another daemon holds this state folder."""


def open_state(folder: Path, schemas: list[str]) -> Opened:
    """The state in a folder, made if it is not there; in memory when the folder takes nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = _open_file(folder / NAME)
        _prepare(opened.connection, schemas)
        reserve(folder)
    except (OSError, sqlite3.OperationalError) as trouble:
        return _in_memory(folder, schemas, str(trouble))
    return opened


def _in_memory(folder: Path, schemas: list[str], why: str) -> Opened:
    connection = _connect(":memory:")
    _prepare(connection, schemas)
    told = f"the state folder {folder} takes nothing ({why}): alerts are told from memory and lost by a restart"
    return Opened(connection, folder / NAME, [told], on_disk=False)


def _open_file(path: Path) -> Opened:
    try:
        connection = _connect(str(path))
        version = _version(connection)
        connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as trouble:
        if isinstance(trouble, sqlite3.OperationalError):
            raise
        return _set_aside(path, str(trouble))
    if version > VERSION:
        connection.close()
        return _beside_newer(path, version)
    told = _take_along(connection, path, version) if 0 < version < VERSION else []
    return Opened(connection, path, told, beside=tuple(sorted(path.parent.glob(f"{path.stem}.v*.db"))))


def _take_along(connection: sqlite3.Connection, path: Path, version: int) -> list[str]:
    """An older form becomes ours: a copy first, then all steps or none."""
    copy = path.with_suffix(f".before-v{VERSION}.db")
    draft = copy.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft)) as old:
        connection.backup(old)  # not the file alone: what was written last stands in the log beside it
    os.chmod(draft, 0o600)
    draft.replace(copy)
    steps = "".join(f"{MIGRATIONS[step]};\n" for step in range(version, VERSION))
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{steps}PRAGMA user_version={VERSION};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    for outdated in _copies(path)[:-COPIES]:
        outdated.unlink(missing_ok=True)
    return [f"the state was taken along from version {version} to {VERSION}; as it was it stands in {copy}"]


def _copies(path: Path) -> list[Path]:
    """The copies that were made before each step, the oldest version's first."""
    numbered = ((_COPY.fullmatch(found.name), found) for found in path.parent.glob(f"{path.stem}.before-v*.db"))
    return [found for _, found in sorted((int(match[1]), found) for match, found in numbered if match)]


def _set_aside(path: Path, why: str) -> Opened:
    number = 1
    while (aside := path.with_suffix(f".corrupt-{number}")).exists():
        number += 1
    path.rename(aside)
    for companion in ("-wal", "-shm"):
        Path(f"{path}{companion}").unlink(missing_ok=True)
    return Opened(_connect(str(path)), path, [f"the state file was corrupt ({why}); it was set aside as {aside}"])


def _beside_newer(path: Path, version: int) -> Opened:
    mine = path.with_suffix(f".v{VERSION}.db")
    copy = path.with_suffix(f".before-v{version}.db")
    told = (
        f"{path} was written by a newer Sentinel (state version {version}); it is kept untouched, {mine} is used, with the "
        f"mutes, keeps and acks of both. To go on where the newer one stood, install it again. To go on with this one from "
        f"where it stood before the upgrade: stop Sentinel, rm -f {path}-wal {path}-shm, mv {copy} {path}, start Sentinel"
    )
    return Opened(_connect(str(mine)), mine, [told], newer=path)


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    if path != ":memory:":
        connection.execute("PRAGMA journal_mode=WAL")
        os.chmod(path, 0o600)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _prepare(connection: sqlite3.Connection, schemas: list[str]) -> None:
    for schema in schemas:
        connection.executescript(schema)
    connection.execute(f"PRAGMA user_version={VERSION}")


# --- the reserve: room for the last words on a full disk ---------------------------------------------------------


def reserve(folder: Path) -> None:
    """Keep 8 MiB for the day on which the disk is full."""
    path = folder / RESERVE_NAME
    if path.exists() and path.stat().st_size >= RESERVE_BYTES:
        return
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)


def free_reserve(folder: Path) -> bool:
    """Give the reserve back to the disk; whether there was one."""
    path = folder / RESERVE_NAME
    try:
        path.unlink()
    except OSError:
        return False
    return True
