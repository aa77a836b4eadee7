"""Checks of what runs: the rule files as the daemon would read them, and what the daemon itself says it lacks."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

from sentinel import __version__
from sentinel.daemon.books import open_books
from sentinel.daemon.doctor.files import closed_to
from sentinel.daemon.doctor.findings import Finding, Patient, State
from sentinel.daemon.trust import distrusted
from sentinel.sources.own_rules import WITHIN

PATIENCE = 5.0
MOST = 5
LARGEST = 16 << 20


def rules(patient: Patient) -> list[Finding]:
    """The rules load without a fault, and nobody else can change them."""
    folders = [Path(folder) for folder in patient.known.sentinel.rules]
    files = [path for folder in folders if folder.is_dir() for path in (folder, *sorted(folder.rglob("*.y*ml")))]
    if reasons := distrusted(files, patient.account.uid):
        what, _, cure = reasons[0].partition("; mend: ")
        return [Finding("rules", State.MISSING, f"refused with rights: {what}", cure)]
    if closed := closed_to(patient.account, files):
        return [Finding("rules", State.MISSING, *closed[0])]
    books = open_books(folders)
    if not books.faults:
        return [Finding("rules", State.OK, f"{len(books.book.rules)} in force, no faults")]
    cure = " ".join(("sentinel check", *map(str, folders)))
    shown = [Finding("rules", State.MISSING, str(fault), cure) for fault in books.faults[:MOST]]
    more = len(books.faults) - MOST
    return [*shown, *([Finding("rules", State.MISSING, f"{more} more faults", cure)] if more > 0 else [])]


def daemon(patient: Patient) -> list[Finding]:
    """A daemon answers, is of this version, and can read and write what it needs."""
    given = patient.known.sentinel.socket
    path = Path(given) if given else patient.state / "control"
    service = "sudo sentinel install" if os.geteuid() == 0 else "sentinel install --user"
    start = "sudo systemctl restart sentinel" if patient.unit else f"sentinel run (or as a service: {service})"
    try:
        answer = _asked(path)
    except FileNotFoundError:
        return [Finding("daemon", State.NOTE, f"none listens at {path}", start)]
    except PermissionError:
        cure = f"sudo usermod -aG {_group_of(path)} $USER, then log in again"
        return [Finding("daemon", State.MISSING, f"you may not speak to the one at {path}", cure)]
    except (OSError, ValueError) as trouble:
        return [Finding("daemon", State.MISSING, f"{path} does not answer: {trouble}", start)]
    troubles = [_trouble(text) for text in answer.get("troubles", [])[:MOST]]
    return [_version(answer, start), *_disk(answer), *troubles, *_own_rules(answer)]


def _version(answer: dict[str, Any], start: str) -> Finding:
    theirs = str(answer.get("version", "older"))
    if theirs != __version__:
        return Finding("daemon", State.MISSING, f"it is {theirs}, this command is {__version__}", start)
    return Finding("daemon", State.OK, f"{theirs}, pid {answer.get('pid')}, {len(answer.get('runs', []))} runs in view")


def _disk(answer: dict[str, Any]) -> list[Finding]:
    if answer.get("on_disk", True):
        return []
    what = "its state is kept in memory only: a restart would forget alerts"
    return [Finding("daemon", State.MISSING, what, "make room in the state folder, or make it writable")]


def _trouble(text: str) -> Finding:
    """The daemon's sentences carry their cure after the semicolon."""
    what, _, cure = text.partition("; ")
    return Finding("daemon", State.MISSING, what, cure)


def _own_rules(answer: dict[str, Any]) -> list[Finding]:
    """Broken rules of a run disturb that run's own rules alone: worth knowing, not a broken set-up."""
    broken = answer.get("own_faults", [])[:MOST]
    return [
        Finding("own rules", State.NOTE, each["fault"], f"sentinel check {each['run']}/{'/'.join(WITHIN)}")
        for each in broken
    ]


def _asked(path: Path) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        connection.sendall(b'{"ask": "status"}\n')
        with connection.makefile("rb") as stream:
            answer = json.loads(stream.readline(LARGEST))
    if not isinstance(answer, dict) or not answer.get("ok"):
        raise ValueError("it refuses" if isinstance(answer, dict) else "it speaks nonsense")
    return answer


def _group_of(path: Path) -> str:
    import grp

    try:
        number = os.stat(path).st_gid
        return grp.getgrgid(number).gr_name if stat.S_ISSOCK(path.stat().st_mode) else str(number)
    except (OSError, KeyError):
        return "sentinel"
