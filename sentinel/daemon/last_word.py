"""What a service that has given up says on its channels, without a daemon, a state or an outbox: one try each.

`sentinel-failed.service` is the only caller. Each channel has a child of its own, so that none holds up the others.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sentinel.core.records import Severity
from sentinel.core.telling_answers import Code
from sentinel.core.telling_letter import Kind, Letter, Occasion
from sentinel.daemon.routes import line_of
from sentinel.daemon.sending import ask_once
from sentinel.daemon.settings import Channel, Settings
from sentinel.outlets.jobs import Job


def letter_of(text: str, missing: Sequence[str], at: float) -> Letter:
    """The message: what happened, where to look, what is missing."""
    lines = ("why: journalctl -u sentinel -n 30", *missing)
    return Letter(Occasion.NOTE, at, socket.gethostname(), head=text, lines=lines, severity=Severity.CRITICAL)


def send(settings: Settings, letter: Letter) -> list[str]:
    """Tell every channel at once, whatever its `when` and quiet hours; the troubles, each with its channel's name."""

    def told(channel: Channel) -> str:
        job = Job(f"given-up-{int(letter.at)}-{channel.name}", 1, Kind.POST, line_of(channel, settings.tell), letter)
        answer, _ = ask_once(job)
        if answer.code is Code.BROKEN:  # it may be apprise that does not work: once more without it
            answer, _ = ask_once(job, plainly=True)
        return "" if answer.sent else f"channel {channel.name}: {answer.detail or answer.code.value}"

    with ThreadPoolExecutor(max_workers=max(1, len(settings.channel))) as senders:
        return [trouble for trouble in senders.map(told, settings.channel) if trouble]
