"""`sentinel tell`: try the channels with a real sample alert, or tell all of them that the service gave up."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.core.telling_letter import Kind, Letter, Occasion
from sentinel.daemon.routes import line_of
from sentinel.daemon.sending import ask_once
from sentinel.daemon.settings import Channel, Settings, load_settings
from sentinel.outlets.jobs import Job
from sentinel.outlets.sample import sample_letter

HELP = "Try the channels: a real sample alert with its picture, and what each channel answered."
EPILOG = """examples:
  sentinel tell --test                 all channels
  sentinel tell --test slack-nlp       one of them
  sentinel tell --gave-up              what OnFailure= of the unit calls: by the standard library alone"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("--test", nargs="?", const="", metavar="CHANNEL", help="send a sample alert")
    parser.add_argument("--gave-up", action="store_true", help="tell every channel that the service gave up")
    parser.add_argument(
        "--settings", metavar="FILE", help="sentinel.toml (default: ./sentinel.toml, /etc/sentinel/...)"
    )


def run(args: argparse.Namespace) -> int:
    """Send, and print one line per channel."""
    settings = _settings(args.settings)
    if settings is None:
        return Exit.COULD_NOT
    if not args.gave_up and args.test is None:
        print("sentinel: say --test, or --test CHANNEL", file=sys.stderr)
        return Exit.COULD_NOT
    channels = [c for c in settings.channel if args.gave_up or args.test in ("", c.name)]
    if not channels:
        known = ", ".join(c.name for c in settings.channel) or "none; see docs/channels.md"
        print(f"sentinel: no such channel; the settings have {known}", file=sys.stderr)
        return Exit.COULD_NOT
    letter = _gave_up() if args.gave_up else sample_letter(socket.gethostname(), time.time())
    went = [_try(channel, settings, letter, plainly=args.gave_up) for channel in channels]
    return Exit.FINE if all(went) else Exit.FINDINGS


def _try(channel: Channel, settings: Settings, letter: Letter, plainly: bool) -> bool:
    job = Job(f"test{os.getpid()}", 1, Kind.POST, line_of(channel, settings.tell), letter)
    answer, cure = ask_once(job, plainly)
    if answer.sent:
        picture = {"": "no picture", "sent": "with picture"}.get(answer.picture, f"without picture: {answer.picture}")
        print(f"{channel.name}: sent, {picture}")
    else:
        print(f"{channel.name}: {answer.code.value}: {answer.detail}\n    {cure}")
    return answer.sent


def _gave_up() -> Letter:
    host = socket.gethostname()
    lines = ("the service failed again and again and systemd has given up: nothing is watched now",
             "see why: journalctl -u sentinel -n 50", "start it: systemctl restart sentinel")  # fmt: skip
    return Letter(Occasion.NOTE, time.time(), host, head=f"{host}: Sentinel itself is down", lines=lines, open=0)


def _settings(named: str | None) -> Settings | None:
    places = [Path(named)] if named else [Path("sentinel.toml"), Path("/etc/sentinel/sentinel.toml")]
    path = next((p for p in places if p.exists()), None)
    if path is None:
        print(f"sentinel: there is no {' or '.join(map(str, places))}; make one: sentinel init", file=sys.stderr)
        return None
    settings, faults = load_settings(path)
    for fault in faults:
        print(fault, file=sys.stderr)
    return settings
