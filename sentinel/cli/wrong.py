"""`sentinel wrong`: a false alarm, counted, quieted on that run, with the override that mends it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sentinel.cli.asking import add_socket, ask_or_explain
from sentinel.cli.exits import Exit
from sentinel.cli.saying import say

HELP = "Mark an alert as a false alarm: its rule is quiet on that run, and the override for good is printed."
EPILOG = """examples:
  sentinel wrong 7f3a                          count it, and print the override
  sentinel wrong 7f3a --write rules/mine.yml   write the override there (a file that does not exist yet)
  sentinel wrong --clear collapse/no-gap       a rule that was told as info for too many of these speaks again
a rule marked wrong on 3 runs in 30 days is told as info until someone edits or clears it"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("id", nargs="?", metavar="ID", help="the alert's four letters")
    parser.add_argument("--why", default="", metavar="TEXT", help="for the others who read `status`")
    parser.add_argument("--write", metavar="FILE", help="write the override to a new file of your own rules folder")
    parser.add_argument("--clear", metavar="RULE", help="let a rule (signature/rule) speak with its own severity again")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Say it to the daemon; the file is written by the caller, with the caller's rights."""
    if args.clear:
        return say(args, {"ask": "clear-rule", "rule": args.clear})
    if not args.id:
        print("sentinel: which alert? sentinel alerts lists them", file=sys.stderr)
        return Exit.COULD_NOT
    answer = ask_or_explain(args, {"ask": "wrong", "id": args.id, "why": args.why})
    if answer is None:
        return Exit.COULD_NOT
    print(answer["said"])
    if not args.write:
        print(f"\nfor good, in a file of your own rules folder:\n\n{answer['override']}")
        return Exit.FINE
    try:
        with Path(args.write).open("x", encoding="utf-8") as file:
            file.write(answer["override"])
    except OSError as trouble:
        print(f"sentinel: {args.write}: {trouble.strerror}; the override is:\n\n{answer['override']}", file=sys.stderr)
        return Exit.COULD_NOT
    print(f"written to {args.write}; check it: sentinel check {args.write}")
    return Exit.FINE
