"""The command `sentinel`: finds the command that was named and runs it."""

from __future__ import annotations

import sys

from sentinel import __version__
from sentinel.cli.exits import Exit


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words == ["--version"]:
        print(f"sentinel {__version__}")
        return Exit.FINE
    print("sentinel: no command of that name; try: sentinel --version", file=sys.stderr)
    return Exit.COULD_NOT
