"""`sentinel unmute`: end a mute."""

from __future__ import annotations

import argparse

from sentinel.cli.asking import add_socket
from sentinel.cli.saying import say

HELP = "End a mute; what still fires is told at once."
EPILOG = """examples:
  sentinel unmute 7f3a"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("target", metavar="ID|RUN|RULE|FAMILY", help="what was muted")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Say it to the daemon."""
    return say(args, {"ask": "unmute", "target": args.target})
