"""`sentinel doctor`: what is wrong with this set-up, and the exact command that mends it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.daemon.doctor.examination import examine, patient_at
from sentinel.daemon.doctor.findings import Finding, State

HELP = "Check every precondition of this set-up: what is fine, what is missing, and the exact command that mends it."
EPILOG = """\
examples:
  sudo sentinel doctor          the machine's service, with the rights of the user sentinel
  sentinel doctor               your own
  sentinel doctor --json        one object a line: v, check, state (ok, note, missing), what, cure

exit code: 0 nothing is missing, 1 something is, 2 it could not look."""
MARKS = {State.OK: "ok  ", State.NOTE: "note", State.MISSING: "MISS"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Its words."""
    parser.epilog = EPILOG
    parser.add_argument("--settings", type=Path, help="sentinel.toml; default: yours, else the machine's")
    parser.add_argument("--json", action="store_true", help="one object a line")


def run(args: argparse.Namespace) -> int:
    """Examine and print."""
    findings = list(examine(patient_at(args.settings or usual_settings())))
    for line in lines_of(findings, args.json):
        print(line)
    return Exit.FINDINGS if any(finding.state is State.MISSING for finding in findings) else Exit.FINE


def usual_settings() -> Path:
    """The settings that are meant when none are named."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "sentinel" / "sentinel.toml"
    places = [Path("sentinel.toml"), own, Path("/etc/sentinel/sentinel.toml")]
    return next((path for path in places if path.is_file()), places[0])


def lines_of(findings: Iterable[Finding], as_json: bool) -> Iterable[str]:
    """The findings as they are printed."""
    if as_json:
        for f in findings:
            yield json.dumps({"v": 1, "check": f.check, "state": f.state.value, "what": f.what, "cure": f.cure or None})
        return
    missing = 0
    for finding in findings:
        missing += finding.state is State.MISSING
        yield f"{MARKS[finding.state]}  {finding.check}: {finding.what}"
        if finding.cure:
            yield f"      mend: {finding.cure}"
    yield f"{missing} missing" if missing else "nothing is missing"
