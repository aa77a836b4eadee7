"""`sentinel mute`: quiet for a while."""

from __future__ import annotations

import argparse

from sentinel.cli.asking import add_socket
from sentinel.cli.saying import say

HELP = "Be quiet about an alert, a run, a rule or a family for a while; a mute always ends."
EPILOG = """examples:
  sentinel mute 7f3a 2h                  one alert
  sentinel mute my-run 1d --why 'known'  one run
  sentinel mute machine 30m              a family, for admins
what still fires when the mute ends is told at once"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("target", metavar="ID|RUN|RULE|FAMILY", help="what to be quiet about")
    parser.add_argument("duration", metavar="FOR", help="30m, 2h, 3d; at most 90d")
    parser.add_argument("--why", default="", metavar="TEXT", help="for the others who read `status`")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Say it to the daemon."""
    return say(args, {"ask": "mute", "target": args.target, "for": args.duration, "why": args.why})
