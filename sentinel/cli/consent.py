"""`sentinel consent RUN LEVEL`: the owner of a run allows Sentinel to save or stop it, or takes that back."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.core.stopping_world import level_of
from sentinel.outlets.hands.consent import read_consent, write_consent

HELP = "Allow Sentinel to ask a run of yours for a checkpoint, or to stop it: writes .sentinel-allow into its folder."
EPILOG = """examples:
  sentinel consent runs/a                               what is allowed now
  sentinel consent runs/a stop --until 2027-01-31       ask, prove and stop it, until that day
  sentinel consent runs/a never"""
LEVELS = ("never", "checkpoint", "stop", "kill")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = EPILOG
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("level", nargs="?", metavar="LEVEL", choices=LEVELS, help=f"the most: {', '.join(LEVELS)}")
    parser.add_argument("--until", default="", metavar="DATE", help="the last day on which it holds")


def run(args: argparse.Namespace) -> int:
    """Write or show it."""
    if not args.run.is_dir():
        print(f"sentinel consent: {args.run} is no folder", file=sys.stderr)
        return Exit.COULD_NOT
    if args.level is None:
        consent = read_consent(args.run)
        print(f"{args.run}: {consent.level.word} ({consent.why})")
        return Exit.FINE
    owner = args.run.stat().st_uid
    if owner != os.getuid():
        print(f"sentinel consent: {args.run} belongs to uid {owner}; only its owner may consent", file=sys.stderr)
        return Exit.COULD_NOT
    try:
        if args.until:
            date.fromisoformat(args.until)
        level = level_of(args.level)
        print(f"{write_consent(args.run, level, args.until)}: {args.level}" if level is not None else "")
    except (ValueError, OSError) as trouble:
        print(f"sentinel consent: {trouble}", file=sys.stderr)
        return Exit.COULD_NOT
    return Exit.FINE
