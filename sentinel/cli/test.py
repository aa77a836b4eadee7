"""`sentinel test`: the trials that stand in the rule files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.cli.rule_folders import fault_lines, folders_and_names
from sentinel.rulebook.loading import Loader
from sentinel.rulebook.trials import Outcome, run_trials

HELP = "Run the trials that stand in the rule files."
_EPILOG = """examples:
  sentinel test my-rules/
  sentinel test --only probability-collapse
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments and help."""
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="*", metavar="PATH", help="rule folders or files; default: the shipped rules")
    parser.add_argument("--only", metavar="SIGNATURE", help="the trials of one signature")
    parser.add_argument("-v", "--verbose", action="store_true", help="also the trials that passed")


def run(args: argparse.Namespace) -> int:
    """Run the trials; exit 1 if one failed or a rule could not be loaded."""
    missing = [path for path in args.paths if not Path(path).exists()]
    if missing:
        print(f"sentinel test: there is no {missing[0]}", file=sys.stderr)
        return Exit.COULD_NOT
    folders, names, faults = folders_and_names(args.paths)
    if args.paths:
        named = {Path(path).resolve() for path in args.paths}
        folders = [folder for folder in folders if folder.path.resolve() in named] or folders
    loaded = Loader(folders, names).load()
    wrong = [fault for fault in (*faults, *loaded.book.faults) if not fault.note]
    for fault in wrong:
        print("\n".join(fault_lines(fault)))
    signatures = tuple(s for s in loaded.signatures if args.only in (None, s.name))
    outcomes = list(run_trials(signatures, loaded.book, names))
    failed = [outcome for outcome in outcomes if outcome.failures]
    for outcome in outcomes if args.verbose else failed:
        print("\n".join(_lines(outcome)))
    print(
        f"{len(outcomes) - len(failed)} of {len(outcomes)} trials passed" + (f", {len(wrong)} faults" if wrong else "")
    )
    return Exit.FINDINGS if failed or wrong else Exit.FINE


def _lines(outcome: Outcome) -> list[str]:
    head = f"{outcome.file}:{outcome.line}: {outcome.signature}: {outcome.name}"
    if not outcome.failures:
        return [f"passed {head}"]
    lines = [f"FAILED {head}"]
    for failure in outcome.failures:
        lines.append(f"    {failure.rule + ' ' if failure.rule else ''}{failure.what}")
        lines += [f"    {line}" for line in failure.curve.splitlines()]
    return lines
