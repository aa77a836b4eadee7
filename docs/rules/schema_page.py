"""Writes the schema of rule files beside the shipped ones and points each of them at it: `python docs/rules/schema_page.py`.

Editors with a YAML language server then complete and explain the fields of a rule file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sentinel.rulebook.keys import schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "rules" / "rules.schema.json"
POINTER = "# yaml-language-server: $schema=../rules.schema.json"


def page() -> str:
    """The schema's text."""
    return json.dumps(schema(), indent=1) + "\n"


def pointed(text: str) -> str:
    """A rule file whose first line points at the schema."""
    return text if text.startswith(POINTER + "\n") else f"{POINTER}\n{text}"


if __name__ == "__main__":
    PAGE.write_text(page())
    for path in sorted((ROOT / "rules").glob("*/*.yml")):
        path.write_text(pointed(path.read_text()))
