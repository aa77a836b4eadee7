"""How a command says a person's word to the daemon, and what it prints."""

from __future__ import annotations

import argparse
from typing import Any

from sentinel.cli.asking import ask_or_explain
from sentinel.cli.exits import Exit


def say(args: argparse.Namespace, request: dict[str, Any]) -> int:
    """Say it; the daemon's sentence on stdout, or why not on stderr."""
    answer = ask_or_explain(args, request)
    if answer is None:
        return Exit.COULD_NOT
    until = f" (until {minute(answer['until'])})" if answer.get("until") else ""
    print(f"{answer['said']}{until}")
    return Exit.FINE


def minute(at: str) -> str:
    """A moment as people read it: 2026-11-21 06:53 UTC."""
    return f"{at[:10]} {at[11:16]} UTC" if at[10:11] == "T" and at.endswith("Z") else at
