"""Sends what was decided, at most once: a claim is written before anything is sent, and who finds one sends nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from sentinel.core.records import Json
from sentinel.outlets.hands.owner import NotDone, as_owner
from sentinel.outlets.hands.process import Pin
from sentinel.outlets.hands.survey import Crew
from sentinel.outlets.hands.ways import Way


class Refused(Exception):
    """The hands will not do it; the message says why."""


def audit(record: Path, event: str, **about: Json) -> None:
    """Add one line to the record that is only ever added to, and have it on disk."""
    line = json.dumps({"at": time.time(), "event": event, **about}, ensure_ascii=False) + "\n"
    handle = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    data = line.encode()
    try:
        if os.write(handle, data) != len(data):
            raise OSError(errno.ENOSPC, f"{record} takes no more")
        os.fsync(handle)
    finally:
        os.close(handle)


def claim(folder: Path, deed: str) -> bool:
    """Whether this deed is ours to do: the first to ask gets it, for ever."""
    try:
        handle = os.open(folder / f"{deed}.claim", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    except FileExistsError:
        return False
    os.fsync(handle)
    os.close(handle)
    place = os.open(folder, os.O_RDONLY)
    os.fsync(place)
    os.close(place)
    return True


def check_crew(crew: Crew, uid: int | None) -> None:
    """Refuse what must never be signalled, just before it would be."""
    if not crew.ranks:
        raise Refused("no training process was found")
    if crew.trouble:
        raise Refused("; ".join(crew.trouble))
    if crew.runs != 1:
        raise Refused("these processes have carried more than one run")
    foreign = sorted({process.uid for process in crew.all} - {uid})
    if uid is not None and foreign:
        raise Refused(f"processes of uid {foreign[0]}, the run is of uid {uid}")


def ask(crew: Crew, way: Way, record: Path, *, stop: bool) -> str:
    """Ask for a checkpoint, all ranks at once; what was done, in words."""
    if not way.known:
        raise Refused(f"{way.name}: {way.words}")
    if way.protocol == "signal":
        if crew.elsewhere:
            raise Refused(f"{crew.world} ranks, {len(crew.ranks)} of them here: a signal would hang the others")
        return signal_ranks(crew, getattr(signal, f"SIG{way.argument}"), record, needs_handler=True)
    if way.protocol == "file":
        return _touch(Path(way.argument), record, stop=stop)
    pids = " ".join(str(process.pid) for process in crew.ranks)
    return _command(way, record, {"SENTINEL_PIDS": pids, "SENTINEL_ASKED": "stop" if stop else "checkpoint"})


def signal_ranks(crew: Crew, number: int, record: Path, *, needs_handler: bool = False) -> str:
    """Signal every rank through its pin, and nobody else: neither agent, group, tree nor loader."""
    pins = [Pin(process) for process in crew.ranks]
    try:
        if needs_handler and any(p.process.disposition(number) != "caught" for p in pins):
            raise Refused("a rank has no handler for it: it would die unsaved")
        name = signal.Signals(number).name
        pids: list[Json] = [process.pid for process in crew.ranks]
        audit(record, "signalling", signal=name, pids=pids)
        sent: list[Json] = [pin.process.pid for pin in pins if pin.send(number)]
        with contextlib.suppress(OSError):  # what was sent was sent: that its record is full makes no failure of it
            audit(record, "signalled", signal=name, pids=sent)
    finally:
        for pin in pins:
            pin.close()
    return f"{name} to {', '.join(map(str, sent))}"


def _touch(path: Path, record: Path, *, stop: bool) -> str:
    audit(record, "touching", file=str(path))

    def touch() -> str:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(path, flags, 0o644)
        try:
            os.write(handle, b"stop\n" if stop else b"checkpoint\n")
        finally:
            os.close(handle)
        return f"wrote {path}"

    try:
        return as_owner(path.parent, touch)
    except NotDone as trouble:
        raise Refused(f"{path} could not be written by its owner: {trouble}") from None


def _command(way: Way, record: Path, about: Mapping[str, str]) -> str:
    """The owner's own command: started from a list, never through a shell, with a deadline; told in its environment which
    processes are meant and what is asked of them.
    """
    words = shlex.split(way.argument)
    audit(record, "running", command=list(words))
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env={**os.environ, **about}
        )
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise Refused(f"{words[0]} could not be run: {trouble}") from None
    with contextlib.suppress(OSError):
        audit(record, "ran", command=list(words), code=done.returncode)
    if done.returncode:
        raise Refused(f"{words[0]} ended with {done.returncode}: {done.stderr[-200:].decode(errors='replace')}")
    return f"ran {' '.join(words)}"


def remove_request(way: Way) -> None:
    """Take a stop file back that nobody answered."""
    if way.protocol == "file":
        with contextlib.suppress(OSError):
            Path(way.argument).unlink()
