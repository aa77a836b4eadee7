"""`sentinel right`: a rehearsed stop was right (or wrong); a stop that failed was looked at."""

from __future__ import annotations

import argparse

from sentinel.cli.asking import add_socket
from sentinel.cli.saying import say

HELP = "Say whether a rehearsed stop was right; three right ones of a rule in a watch let it act when armed."
EPILOG = """examples:
  sentinel right 4f12ab            the plan that sentinel status shows under that id
  sentinel right my-run            the newest plan of that run that nobody has called yet
  sentinel right 4f12ab --wrong    it would have been a mistake
a changed rule starts again; a plan that failed holds all others for a day, until somebody has called it"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("target", metavar="PLAN|RUN", help="a plan's id, or a run's name")
    parser.add_argument("--wrong", action="store_true", help="the opposite: it would have been a mistake")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Say it to the daemon."""
    return say(args, {"ask": "right", "target": args.target, "wrong": args.wrong})
