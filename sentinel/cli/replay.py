"""`sentinel replay`: finished runs through the same engine; prints alerts as they would have come."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.cli.explain import branches
from sentinel.core.amounts import seconds_text
from sentinel.core.bound import waits_for
from sentinel.core.records import Change, Severity
from sentinel.core.wire import change_json, dump, evidence_json
from sentinel.daemon.books import Books, open_books
from sentinel.daemon.own_rules import OwnRules
from sentinel.daemon.replay import Replayed, replay

HELP = "Judge finished runs as if they happened now, and say what each alert would have saved."
EPILOG = """examples:
  sentinel replay runs/baseline_100ep            a run's folder
  sentinel replay old.log --json                 one JSON object per change of an alert
  sentinel replay runs/* --fail-on high          exit code 1 if any run raises a high alert
  sentinel replay runs/a --explain multitask/*   why a rule fired, or why it is unknown on this run"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a run's folder, or one log file")
    parser.add_argument(
        "--rules", action="append", default=[], metavar="DIR", help="your own rules, beside the shipped ones"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--fail-on", choices=[s.word for s in Severity], help="exit 1 if an alert of this severity fires"
    )
    parser.add_argument("--arrivals", metavar="FILE", help="when the bytes arrived, to replay silence too")
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="N", help="multiply the arrival times")
    parser.add_argument(
        "--explain", metavar="RULE", help="print a rule's parts at the end of the run; * stands for many"
    )


def run(args: argparse.Namespace) -> int:
    """Replay each path in turn."""
    books = open_books([Path(folder) for folder in args.rules])
    for fault in books.faults:
        print(f"sentinel: {fault}", file=sys.stderr)
    worst, unread = -1, False
    for path in args.paths:
        try:
            replayed = _replay(Path(path), books, args)
        except OSError as trouble:
            print(f"sentinel: {path} cannot be read: {trouble.strerror or trouble}", file=sys.stderr)
            unread = True
            continue
        worst = max([worst, *(change.severity for change in replayed.firing if not change.hidden_by)])
        if not args.json:
            print(report(replayed))
        if args.explain:
            print(explanations(replayed, args.explain))
    if unread:
        return Exit.COULD_NOT
    reached = args.fail_on is not None and worst >= Severity[args.fail_on.upper()]
    return Exit.FINDINGS if reached else Exit.FINE


def _replay(path: Path, books: Books, args: argparse.Namespace) -> Replayed:
    arrivals = Path(args.arrivals) if args.arrivals else None
    heard = _print_json if args.json else None
    own = OwnRules(books.names)
    replayed = replay(path, books.book, books.names, arrivals, args.time_scale, heard, own)
    for _, _, fault in own.faults():
        print(f"sentinel: {fault}", file=sys.stderr)
    return replayed


def _print_json(change: Change) -> None:
    print(dump(change_json(change)), flush=True)


def report(replayed: Replayed) -> str:
    """One run for people."""
    firing = [change for change in replayed.firing if not change.hidden_by]
    hidden = len(replayed.firing) - len(firing)
    head = f"{replayed.info.name}: {replayed.standing}, {counted(len(firing), 'alert')}"
    if hidden:
        head += f" ({counted(hidden, 'symptom')} hidden behind them)"
    if not replayed.rows:
        head += "; nothing in it could be read as training output (sentinel tail --explain FILE shows why)"
    return "\n".join([head, *(_told(change, replayed) for change in firing)])


def _told(change: Change, replayed: Replayed) -> str:
    place = f"{change.file}:{change.line}" if change.file else ""
    where = "  ".join(part for part in (_moment(change), place) if part)
    lines = [f"  {change.severity.word:<8} {change.family}: {change.signature}/{change.rule}   {where}"]
    lines += [f"           {line}" for line in change.say.splitlines()]
    saved = _saved(change, replayed)
    return "\n".join([*lines, f"           {saved}"] if saved else lines)


def _moment(change: Change) -> str:
    parts = []
    if change.step is not None:
        parts.append(f"step {change.step:,}")
    if change.epoch is not None:
        parts.append(f"epoch {change.epoch:g}")
    return ", ".join(parts)


def _saved(change: Change, replayed: Replayed) -> str:
    steps, epochs, seconds = replayed.saved(change)
    parts = []
    if steps and replayed.last_step:
        parts.append(f"{steps:,} of {replayed.last_step:,} steps ({steps / replayed.last_step:.0%})")
    elif epochs and replayed.last_epoch:
        parts.append(f"{epochs:g} of {replayed.last_epoch:g} epochs ({epochs / replayed.last_epoch:.0%})")
    if seconds and seconds >= 1:
        parts.append(seconds_text(seconds))
    return f"stopping then would have saved {', '.join(parts)}" if parts else ""


def explanations(replayed: Replayed, wanted: str) -> str:
    """The rules of that name with all their parts, on what the run held at its end."""
    from fnmatch import fnmatch

    lines = []
    assert replayed.watched is not None
    for rule in replayed.watched.rules:
        if rule.when is None or not (fnmatch(rule.key, wanted) or fnmatch(rule.name, wanted)):
            continue
        verdict = rule.when.explain(replayed.watched.run)
        bound = replayed.watched.bounds.get((rule.key, ""))
        why = waits_for(rule) if bound is not None and not bound.ready else verdict.why
        answer = {True: "yes", False: "no", None: f"unknown: {why}"}[verdict.answer]
        lines.append(f"  {rule.key}: {answer}")
        tree = [{"depth": depth, **evidence_json(item)} for depth, item in rule.when.outline(replayed.watched.run)]
        lines += [f"      {line}" for line in branches(tree)]
    return "\n".join(lines) or f"  no rule is called '{wanted}' (sentinel check lists them)"


def counted(number: int, word: str) -> str:
    """`1 alert`, `2 alerts`, `no alerts`."""
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
