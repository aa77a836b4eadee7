"""What a service that has given up says on its channels, without a daemon, a state or an outbox: one try each.

`sentinel-failed.service` is the only caller. Each channel has a child of its own, so that none holds up the others.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sentinel.core.records import Severity
from sentinel.core.telling_letter import Kind, Letter, Occasion
from sentinel.daemon.routes import line_of
from sentinel.daemon.sending import COMMAND, DEADLINE
from sentinel.daemon.settings import Settings
from sentinel.outlets.jobs import Job, job_json


def letter_of(text: str, missing: Sequence[str], at: float) -> Letter:
    """The message: what happened, where to look, what is missing."""
    lines = ("why: journalctl -u sentinel -n 30", *missing)
    return Letter(Occasion.NOTE, at, socket.gethostname(), head=text, lines=lines, severity=Severity.CRITICAL)


def send(settings: Settings, letter: Letter) -> list[str]:
    """Tell every channel, whatever its `when` and quiet hours; the troubles, each with its channel's name."""
    troubles = []
    for channel in settings.channel:
        job = Job(f"given-up-{int(letter.at)}-{channel.name}", 1, Kind.POST, line_of(channel, settings.tell), letter)
        if trouble := _delivered(job):
            troubles.append(f"channel {channel.name}: {trouble}")
    return troubles


def _delivered(job: Job) -> str:
    line = json.dumps(job_json(job)).encode() + b"\n"
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))))
    try:
        done = subprocess.run(
            COMMAND,
            input=line,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return "no answer"
    return "" if answer.get("code") == "sent" else str(answer.get("detail") or answer.get("code"))
