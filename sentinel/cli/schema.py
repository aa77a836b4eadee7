"""`sentinel schema`: the JSON schema of rule files, so that editors complete and explain their keys."""

from __future__ import annotations

import argparse
import json

from sentinel.cli.exits import Exit
from sentinel.rulebook.keys import schema

HELP = "The JSON schema of rule files, for editors."
_EPILOG = """examples:
  sentinel schema > rules.schema.json
  # yaml-language-server: $schema=./rules.schema.json     the first line of a rule file, for its editor
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments and help."""
    parser.epilog = _EPILOG


def run(_args: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(schema(), indent=2))
    return Exit.FINE
