"""`sentinel checkpoint RUN`: asks a run to save now, proves what it saved, and lets it go on."""

from __future__ import annotations

import argparse

from sentinel.cli import stop

HELP = "Ask your run to save now, and prove what it saved. A way that also ends the run is refused here."
EPILOG = """examples:
  sentinel checkpoint runs/a
  sentinel checkpoint runs/a --ask file:SAVE_NOW     it saves when that file appears in its folder"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = EPILOG
    stop.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Plan, ask, prove."""
    return stop.act(args, checkpoint_only=True)
