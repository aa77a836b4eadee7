"""`sentinel ack`: somebody has seen an alert."""

from __future__ import annotations

import argparse

from sentinel.cli.asking import add_socket
from sentinel.cli.saying import say

HELP = "Say that you have seen an alert: no reminders, no escalation."
EPILOG = """examples:
  sentinel ack 7f3a
  sentinel ack 7f3a --why 'restarting with a lower lr'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("id", metavar="ID", help="the alert's four letters")
    parser.add_argument("--why", default="", metavar="TEXT", help="for the others who read `status`")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Say it to the daemon."""
    return say(args, {"ask": "ack", "id": args.id, "why": args.why})
