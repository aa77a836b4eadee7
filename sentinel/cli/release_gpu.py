"""`sentinel release-gpu`: the daemon lets the driver go for a while, so that a GPU can be reset."""

from __future__ import annotations

import argparse
import sys

from sentinel.cli.asking import add_socket
from sentinel.cli.exits import Exit
from sentinel.cli.saying import say
from sentinel.core.amounts import parse_seconds

HELP = "Let go of the GPU driver for a while, so that a GPU can be reset or its MIG layout changed."
LONGEST = 24 * 3600.0
EPILOG = """examples:
  sudo sentinel release-gpu --for 10m && sudo nvidia-smi --gpu-reset -i 3

Any program that holds the driver open blocks a reset. While it is let go there are no GPU readings, which no rule
takes for good news. It is for root and the admins that the settings name."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("--for", dest="how_long", default="10m", metavar="TIME", help="for how long (default: 10m)")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon for it."""
    seconds = parse_seconds(args.how_long)
    if seconds is None or not 0 < seconds <= LONGEST:
        print(f"sentinel: '{args.how_long}' is no time up to a day; write 10m or 1h", file=sys.stderr)
        return Exit.COULD_NOT
    return say(args, {"ask": "release-gpu", "seconds": seconds})
