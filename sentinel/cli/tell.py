"""`sentinel tell`: try the channels with a real sample alert."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.core.telling_letter import Kind, Letter
from sentinel.daemon.doctor.channels import with_credentials
from sentinel.daemon.doctor.examination import usual_settings
from sentinel.daemon.routes import line_of
from sentinel.daemon.sending import ask_once
from sentinel.daemon.settings import Channel, Settings, load_settings
from sentinel.outlets.jobs import Job
from sentinel.outlets.sample import sample_letter

HELP = "Try the channels: a real sample alert with its picture, and what each channel answered."
EPILOG = """examples:
  sentinel tell --test                 all channels
  sentinel tell --test slack-nlp       one of them
  sudo sentinel tell --test            those of the machine's service, with its credentials"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("--test", nargs="?", const="", metavar="CHANNEL", help="send a sample alert")
    parser.add_argument("--settings", metavar="FILE", help="sentinel.toml; default: yours, else the machine's")


def run(args: argparse.Namespace) -> int:
    """Send, and print one line per channel."""
    settings = _settings(args.settings)
    if settings is None:
        return Exit.COULD_NOT
    if args.test is None:
        print("sentinel: say --test, or --test CHANNEL", file=sys.stderr)
        return Exit.COULD_NOT
    channels = [c for c in settings.channel if args.test in ("", c.name)]
    if not channels:
        known = ", ".join(c.name for c in settings.channel) or "none; see docs/channels.md"
        print(f"sentinel: no such channel; the settings have {known}", file=sys.stderr)
        return Exit.COULD_NOT
    letter = sample_letter(socket.gethostname(), time.time())
    went = [_try(channel, settings, letter) for channel in channels]
    return Exit.FINE if all(went) else Exit.FINDINGS


def _try(channel: Channel, settings: Settings, letter: Letter) -> bool:
    job = Job(f"test{os.getpid()}", 1, Kind.POST, line_of(channel, settings.tell), letter)
    answer, cure = ask_once(job)
    if answer.sent:
        picture = {"": "no picture", "sent": "with picture"}.get(answer.picture, f"without picture: {answer.picture}")
        print(f"{channel.name}: sent, {picture}")
    else:
        print(f"{channel.name}: {answer.code.value}: {answer.detail}\n    {cure}")
    return answer.sent


def _settings(named: str | None) -> Settings | None:
    path = Path(named) if named else usual_settings()
    if not path.exists():
        print(f"sentinel: there is no {path}; make one: sentinel init --settings {path}", file=sys.stderr)
        return None
    os.environ |= with_credentials(path, os.environ)
    settings, faults = load_settings(path)
    for fault in faults:
        print(fault, file=sys.stderr)
    return settings
