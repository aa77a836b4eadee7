"""`sentinel keep`: this run must not be stopped."""

from __future__ import annotations

import argparse

from sentinel.cli.asking import add_socket
from sentinel.cli.saying import say

HELP = "Say that Sentinel must not stop a run, whatever the rules say."
EPILOG = """examples:
  sentinel keep my-run --why 'ablation, meant to diverge'
  sentinel keep my-run --off"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("run", metavar="RUN", help="the run's name")
    parser.add_argument("--off", action="store_true", help="take it back")
    parser.add_argument("--why", default="", metavar="TEXT", help="for the others who read `status`")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Say it to the daemon."""
    return say(args, {"ask": "keep", "target": args.run, "off": args.off, "why": args.why})
