"""`sentinel audit`: what is wrong with a set-up before a GPU is spent: facts only, through the same rules and engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Change, EffectKind, Fact, Found, How, Over, Phase, RunInfo, Severity
from sentinel.core.wire import change_json, dump
from sentinel.daemon.books import Books, open_books
from sentinel.sources.audit_folder import folder_facts

HELP = "Look for mistakes in configs, tokenizers and source files before a GPU is spent."
EPILOG = """examples:
  sentinel audit .                     the project here: configs, tokenizer, training code
  sentinel audit runs/next --json      one JSON object a finding, as `replay` prints them

exit code 1 if a finding is a warning or worse. Nothing is run and nothing is written."""
MARKS = {Severity.INFO: "info", Severity.WARNING: "WARNING", Severity.HIGH: "HIGH", Severity.CRITICAL: "CRITICAL"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("folder", metavar="DIR", help="a project's or a run's folder")
    parser.add_argument(
        "--rules", action="append", default=[], metavar="DIR", help="your own rules, beside the shipped"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Audit one folder."""
    folder = Path(args.folder)
    if not folder.is_dir():
        print(f"sentinel: {folder} is no folder; audit takes the folder of a project or run", file=sys.stderr)
        return Exit.COULD_NOT
    books = open_books([Path(path) for path in args.rules])
    for fault in books.faults:
        print(f"sentinel: {fault}", file=sys.stderr)
    facts = list(folder_facts(folder))
    found = findings(folder, facts, books)
    for change in found:
        print(dump(change_json(change)) if args.json else text(change, books))
    if not args.json:
        print(summary(facts, found))
    return Exit.FINDINGS if any(change.severity >= Severity.WARNING for change in found) else Exit.FINE


def findings(folder: Path, facts: Sequence[Fact], books: Books) -> list[Change]:
    """What the rules over facts say, the worst first."""
    engine = Engine(books.book, books.names)
    info = RunInfo(f"audit:{folder}", folder.resolve().name, str(folder.resolve()), "audit")
    effects = engine.feed([Batch(info.key, (Found(info, None), *facts, Over(How.ENDED, None)))])
    told = [effect.change for effect in effects if effect.kind is EffectKind.TELL]
    fired = [placed(change) for change in told if change.phase is Phase.FIRING]
    return sorted(fired, key=lambda change: (-change.severity, change.file, change.line))


def placed(change: Change) -> Change:
    """A finding with the place of the fact behind it, where the change has none of its own."""
    if change.file:
        return change
    at = next((evidence for evidence in change.evidence if evidence.file), None)
    return change if at is None else replace(change, file=at.file, line=at.line)


def text(change: Change, books: Books) -> str:
    """One finding for people: what, where, and what to do."""
    place = f"{change.file}:{change.line}" if change.line else change.file
    rule = books.book.rule(f"{change.signature}/{change.rule}")
    advice = rule.attempts[0].text if rule is not None and rule.attempts else ""
    head = f"{MARKS[change.severity]:8} {change.say}"
    rest = [f"         {place}" if place else "", f"         try: {advice}" if advice else ""]
    return "\n".join([f"{head}  [{change.signature}/{change.rule}]", *filter(None, rest)])


def summary(facts: Sequence[Fact], found: Sequence[Change]) -> str:
    """The last line: how much was looked at."""
    files = len({fact.file for fact in facts})
    what = f"{len(found)} finding{'' if len(found) == 1 else 's'}" if found else "nothing to say against it"
    return f"{what}; {len(facts)} facts in {files} file{'' if files == 1 else 's'}"
