"""`sentinel explain ID`: why an alert fires, every part of its rule with its value and where it was read."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.cli.asking import NoDaemon, add_socket, ask
from sentinel.cli.exits import Exit

HELP = "Why an alert fires: every part of its rule with its value."
_EPILOG = """examples:
  sentinel explain K7QX
  sentinel replay runs/a --explain 'collapse/*'     the same for a finished run
"""
WIDEST = 72
_ANSWERS = {True: "yes", False: "no", None: "unknown"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments and help."""
    parser.epilog = _EPILOG
    parser.add_argument("id", metavar="ID", help="an alert's id, as messages and `sentinel alerts` show it")
    parser.add_argument("--json", action="store_true", help="one object")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and print its answer."""
    try:
        answer = ask(args, {"ask": "explain", "id": args.id})
    except NoDaemon as nobody:
        print(f"sentinel explain: {nobody}", file=sys.stderr)
        return Exit.COULD_NOT
    if not answer.get("ok", True):
        print(f"sentinel explain: {answer.get('why', 'the daemon refused')}", file=sys.stderr)
        return Exit.COULD_NOT
    print(json.dumps(answer) if args.json else "\n".join(told(answer)))
    return Exit.FINE


def told(answer: Mapping[str, Any]) -> list[str]:
    """The answer for people: the verdict, the expression, and a line for every part of it."""
    alert = answer["alert"]
    lines = [f"{alert['signature']}/{alert['rule']} on {alert['run']} {alert.get('instance') or ''}".rstrip()]
    lines += [f"  {alert['say']}"] if alert.get("say") else []
    if answer.get("expression"):
        lines += [f"  rule: {answer['origin']}"] if answer.get("origin") else []
        lines.append(f"  now: {_ANSWERS[answer.get('answer')]}" + (f", {answer['why']}" if answer.get("why") else ""))
        if answer.get("tree"):
            return lines + [f"    {line}" for line in branches(answer["tree"])]
        lines.append(f"  {' '.join(answer['expression'].split())}")
    elif answer.get("why"):
        lines.append(f"  {answer['why']}; what follows is what was seen when it fired")
    width = max((len(item["what"]) for item in answer["evidence"]), default=0)
    return lines + [f"    {item['what']:<{width}}  {_value(item)}" for item in answer["evidence"]]


def branches(tree: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tree of an expression, a line for every part: what it says, and the window, count and place behind it."""
    labels = ["  " * part["depth"] + " ".join(part["what"].split()) for part in tree]
    width = min(max((len(label) for label in labels), default=0), WIDEST)
    return [f"{label:<{width}}  {_value(part)}" for label, part in zip(labels, tree, strict=True)]


def _value(item: Mapping[str, Any]) -> str:
    value = item["value"]
    if value is None or isinstance(value, bool):
        shown = _ANSWERS[value]
    else:
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    place = [f"step {item['step']:,}"] if item.get("step") is not None else []
    place += [f"epoch {item['epoch']:g}"] if item.get("epoch") is not None and not place else []
    place += [f"{item['file']}:{item['line']}"] if item.get("file") else []
    note = f"  ({item['note']})" if item.get("note") else ""
    return shown + (f"  at {', '.join(place)}" if place else "") + note
