"""Alerts to the systemd journal, with structured fields, through journald's native socket. In the daemon's own process.

One datagram per entry; what does not fit goes through a sealed memfd, as the protocol asks. Nothing here can block.
"""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
from collections.abc import Mapping

from sentinel.core.records import Severity
from sentinel.core.telling_letter import Letter
from sentinel.outlets.heads import head_of, word_of
from sentinel.outlets.tidy import clean

SOCKET = "/run/systemd/journal/socket"
MESSAGE_ID = "8f2a5b0f7d5b4c0f9a4f5e7c3d1b6a42"  # of every alert: `journalctl MESSAGE_ID=...`
_PRIORITY = {Severity.CRITICAL: 2, Severity.HIGH: 3, Severity.WARNING: 4, Severity.INFO: 6}


def fields_of(letter: Letter) -> dict[str, str]:
    """An alert as journal fields."""
    change = letter.change
    fields = {
        "MESSAGE": f"{word_of(letter)}: {head_of(letter)}",
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(6 if letter.closed else _PRIORITY[letter.severity]),
        "SYSLOG_IDENTIFIER": "sentinel",
        "SENTINEL_OCCASION": letter.occasion,
        "SENTINEL_SEVERITY": letter.severity.word,
        "SENTINEL_HOST": letter.host,
        "SENTINEL_RUNS": str(letter.runs),
    }
    if change is None:
        return {**fields, "SENTINEL_LINES": "\n".join(letter.lines)}
    where = f"{change.file}:{change.line}" if change.file and change.line else change.file
    return {
        **fields,
        "SENTINEL_ALERT": change.id,
        "SENTINEL_RUN": clean(change.run_name),
        "SENTINEL_INSTANCE": change.instance,
        "SENTINEL_RULE": f"{change.signature}/{change.rule}",
        "SENTINEL_FAMILY": change.family,
        "SENTINEL_PHASE": change.phase.value,
        "SENTINEL_SAY": clean(change.say),
        "SENTINEL_STEP": "" if change.step is None else str(change.step),
        "SENTINEL_EPOCH": "" if change.epoch is None else f"{change.epoch:g}",
        "SENTINEL_VALUE": "" if change.value is None else repr(change.value),
        "SENTINEL_LIMIT": "" if change.limit is None else repr(change.limit),
        "SENTINEL_PLACE": where,
        "SENTINEL_USER": letter.story.user,
        "SENTINEL_REASON": change.reason,
    }


def left_out(count: int) -> dict[str, str]:
    """The entry that stands for those that the daemon's own limit kept back."""
    text = f"{count} alerts below high were left out here; sentinel alerts --all has them"
    return {"MESSAGE": text, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "sentinel", "SENTINEL_KIND": "alert"}


def encode(fields: Mapping[str, str]) -> bytes:
    """The native protocol: `NAME=value`, or name, length and bytes where the value holds a newline."""
    out = bytearray()
    for name, value in fields.items():
        data = value.encode("utf-8", "replace")
        if not data:
            continue
        if b"\n" in data:
            out += name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
        else:
            out += name.encode() + b"=" + data + b"\n"
    return bytes(out)


def write(fields: Mapping[str, str], path: str = SOCKET) -> str:
    """One entry; what went wrong in words, or "". Where no journal runs, the terminal and the channels stay."""
    data = encode(fields)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
            try:
                line.sendto(data, path)
            except OSError as trouble:
                if trouble.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                    raise
                _send_file(line, data, path)
    except OSError as trouble:
        return f"the journal does not take entries: {trouble.strerror}"
    return ""


def _send_file(line: socket.socket, data: bytes, path: str) -> None:
    import fcntl

    held = os.memfd_create("journal", os.MFD_ALLOW_SEALING)
    try:
        os.write(held, data)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(held, fcntl.F_ADD_SEALS, seals)
        line.sendmsg([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [held]))], 0, path)
    finally:
        os.close(held)
