"""The daemon's own log: one line per change, with fields that `journalctl` can ask for, limited by ourselves.

Under systemd lines go to journald's own socket, or to stderr with the `<N>` that it reads; elsewhere to stderr in words.
Text that came from logs is made harmless here: no control character reaches a terminal.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TextIO

SOCKET = "/run/systemd/journal/socket"
_LONGEST_FIELD = 8192


class Priority(IntEnum):
    """syslog's levels, as far as Sentinel uses them."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


@dataclass(slots=True)
class Limit:
    """At most so many lines of one kind in a span; then one line says how many were left out."""

    most: int = 30
    seconds: float = 60.0
    _spans: dict[str, tuple[float, int]] = field(default_factory=dict)  # kind -> (began, lines so far)

    def passes(self, kind: str, now: float) -> tuple[bool, int]:
        """Whether this line goes out, and how many of its kind were left out in the span that just ended."""
        began, count = self._spans.get(kind, (now, 0))
        left_out = 0
        if now - began >= self.seconds:
            left_out, began, count = max(0, count - self.most), now, 0
            self._forget(now)
        self._spans[kind] = (began, count + 1)
        return count < self.most, left_out

    def _forget(self, now: float) -> None:
        for kind in [kind for kind, (began, count) in self._spans.items() if self._is_over(began, count, now)]:
            del self._spans[kind]

    def _is_over(self, began: float, count: int, now: float) -> bool:
        return now - began >= self.seconds and count <= self.most


Writer = Callable[[Priority, str, Mapping[str, str]], None]


class Journal:
    """What the daemon says about itself; alerts go by `outlets/journal`."""

    def __init__(self, write: Writer, steady: Callable[[], float], limit: Limit | None = None) -> None:
        """`write` takes priority, text and fields; `steady` is a clock that never jumps."""
        self._write = write
        self._steady = steady
        self._limit = limit or Limit()

    def say(self, priority: Priority, kind: str, message: str, **fields: object) -> None:
        """One line. `kind` is what the limit counts by, a word such as `tail`; critical lines always pass."""
        passes, left_out = self._limit.passes(kind, self._steady())
        if left_out:
            self._write(Priority.WARNING, f"{left_out} lines about {kind} were left out", {"SENTINEL_KIND": kind})
        if passes or priority <= Priority.CRITICAL:
            self._write(priority, plain(message), {"SENTINEL_KIND": kind} | _named(fields))


def _named(fields: Mapping[str, object]) -> dict[str, str]:
    return {f"SENTINEL_{key.upper()}": plain(str(value)) for key, value in fields.items() if value not in (None, "")}


def plain(text: str) -> str:
    """The text on one line, with control and direction characters written out, so that it can do nothing."""
    return "".join(_shown(char) for char in text[:_LONGEST_FIELD])


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    harmless = unicodedata.category(char) == "Zs"
    return " " if harmless else char.encode("unicode_escape", "backslashreplace").decode("ascii")


def open_journal(environ: Mapping[str, str], steady: Callable[[], float], stderr: TextIO | None = None) -> Journal:
    """The journal where our stderr is one (systemd says so in JOURNAL_STREAM), else stderr."""
    stream = stderr or sys.stderr
    if _is_journal(environ, stream):
        return Journal(_native(SOCKET), steady)
    return Journal(_to_stream(stream, numbered="INVOCATION_ID" in environ and not stream.isatty()), steady)


def _is_journal(environ: Mapping[str, str], stderr: TextIO) -> bool:
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        stream = os.fstat(stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(stream.st_dev), str(stream.st_ino)) and os.path.exists(SOCKET)


def _native(address: str) -> Writer:
    def write(priority: Priority, message: str, fields: Mapping[str, str]) -> None:
        entry = {"MESSAGE": message, "PRIORITY": str(int(priority)), "SYSLOG_IDENTIFIER": "sentinel", **fields}
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)  # a journal that takes no lines must not hold up the watch
                sock.sendto(encode(entry), address)
        except OSError:
            _to_stream(sys.stderr, numbered=True)(priority, message, fields)

    return write


def encode(entry: Mapping[str, str]) -> bytes:
    """journald's native form: the length in front of every value, so that no value can forge a field."""
    parts = []
    for key, value in entry.items():
        data = value.encode("utf-8", "replace")
        parts.append(key.encode("ascii") + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
    return b"".join(parts)


def _to_stream(stream: TextIO, numbered: bool) -> Writer:
    def write(priority: Priority, message: str, _fields: Mapping[str, str]) -> None:
        head = f"<{int(priority)}>" if numbered else f"{priority.name.lower()}: "
        print(f"{head}{message}", file=stream, flush=True)

    return write
