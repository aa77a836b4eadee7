"""`sentinel alerts`: what fires now, or fired lately."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sentinel.cli.asking import add_socket, ask_or_explain
from sentinel.cli.exits import Exit
from sentinel.cli.status import alert_lines
from sentinel.cli.terminal import one_line
from sentinel.cli.width import columns, folded
from sentinel.core.wire import dump

HELP = "Alerts that fire now; with --all also those that cleared or ended."
EPILOG = """examples:
  sentinel alerts
  sentinel alerts --all --json     every known alert, one JSON object a line"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("--all", action="store_true", help="those that cleared or ended too")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask and print."""
    answer = ask_or_explain(args, {"ask": "alerts", "all": args.all})
    if answer is None:
        return Exit.COULD_NOT
    width = columns(sys.stdout)
    for alert in answer["alerts"]:
        print(dump(alert) if args.json else text(alert, width))
    if not answer["alerts"] and not args.json:
        print("nothing fires")
    return Exit.FINE


def text(alert: dict[str, Any], width: int | None) -> str:
    """One alert for people: its name, how it stands, and what it says."""
    stands = f", {alert['phase']}" + (f" behind {alert['hidden_by']}" if alert.get("hidden_by") else "")
    parts = (part for line in alert_lines(alert, width, stands) for part in folded(one_line(line), width, 9))
    return "\n".join(part.removeprefix("  ") for part in parts)
