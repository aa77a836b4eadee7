"""`sentinel checkpoint RUN`: asks a run to save now, proves what it saved, and lets it go on."""

from __future__ import annotations

import argparse

from sentinel.cli import stop

HELP = "ask a run for a checkpoint and prove it"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Asks your run to save now and proves what it saved. A way that also ends the run is refused here."
    )
    parser.epilog = "example:\n  sentinel checkpoint runs/a\n  sentinel checkpoint runs/a --ask file:SAVE_NOW"
    stop.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Plan, ask, prove."""
    return stop.act(args, checkpoint_only=True)
