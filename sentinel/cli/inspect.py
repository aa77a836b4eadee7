"""`sentinel inspect CHECKPOINT`: is it complete and sane? Nothing of it is run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.outlets.proof.finding import candidates, last_good
from sentinel.outlets.proof.proving import Report, State, prove, unchanged

HELP = """Read a checkpoint (torch, Lightning, safetensors, a Hugging Face or DCP folder) in a limited child, without
unpickling anything, and say whether it is complete and whether its numbers are finite."""
EPILOG = """examples:
  sentinel inspect out/ckpt.pt
  sentinel inspect runs/a          the newest, and the last good one"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="a file, a checkpoint's folder, or a run's folder"
    )
    parser.add_argument("--against", type=Path, metavar="OLDER", help="name the tensors that have not changed since")
    parser.add_argument("--json", action="store_true", help="one object a line")


def run(args: argparse.Namespace) -> int:
    """Prove it, print it."""
    if not args.checkpoint.exists():
        print(f"sentinel inspect: {args.checkpoint} does not exist", file=sys.stderr)
        return Exit.COULD_NOT
    report = prove(args.checkpoint, marks=bool(args.against))
    if args.against:
        older = prove(args.against, marks=True)
        same = unchanged(report, older)
        print(f"unchanged since {args.against}: {', '.join(same) or 'no tensor'}", file=sys.stderr)
    reports = [report]
    if (
        args.checkpoint.is_dir()
        and report.state is State.INCOMPLETE
        and not report.tensors
        and candidates(args.checkpoint)
    ):
        good, worse = last_good(args.checkpoint)
        reports = [*worse, *([good] if good else [])]
    for one in reports:
        print(json.dumps(one.as_json()) if args.json else text_of(one))
    return Exit.FINE if reports[0].state is State.SANE else Exit.FINDINGS


def text_of(report: Report) -> str:
    """A report for people."""
    at = f"step {report.step}" if report.step is not None else "step unknown"
    lines = [f"{report.path}: {report.state.value}", *(f"  {why}" for why in report.why)]
    if report.tensors:
        optimizer = "with optimizer" if report.optimizer else "without optimizer: weights only"
        lines.append(f"  {report.form}, {at}, {report.tensors} tensors, {report.parameters:,} parameters, {optimizer}")
    for name, rows, of in report.untrained:
        lines.append(f"  {name}: {rows:,} of {of:,} rows never had a gradient")
    if report.foreign:
        lines.append(f"  a full load imports {', '.join(report.foreign[:6])}")
    if report.kept:
        lines.append(f"  the child could not give up: {', '.join(report.kept)}")
    return "\n".join(lines)
