"""Records the shipped rules of a release in `rules/releases.json`: `python docs/rules/record_release.py 0.2.0`.

Run it when a version is released; `sentinel check --since 0.2.0` then says what changed after it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sentinel.cli.rule_folders import folders_and_names
from sentinel.rulebook.loading import load_rulebook
from sentinel.rulebook.releases import record

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "rules" / "releases.json"


def main(version: str) -> None:
    """Write the release down beside those before it."""
    folders, names, _ = folders_and_names([])
    known = json.loads(PAGE.read_text())
    known[version] = record(load_rulebook(folders, names).rules)
    PAGE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
