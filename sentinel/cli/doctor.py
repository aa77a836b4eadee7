"""`sentinel doctor`: what is wrong with this set-up, and the exact command that mends it."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from sentinel import __version__
from sentinel.cli.exits import Exit
from sentinel.daemon.doctor.examination import examine, examine_apart, patient_at, usual_settings
from sentinel.daemon.doctor.findings import Finding, State
from sentinel.daemon.journal import Priority, open_journal
from sentinel.daemon.last_good import recall
from sentinel.daemon.settings import Settings

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
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="sentinel.toml; default: yours, else the machine's"
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument(
        "--tell", metavar="TEXT", default="", help="say TEXT and what is missing in the journal (OnFailure)"
    )


def run(args: argparse.Namespace) -> int:
    """Examine and print."""
    path = args.settings or usual_settings()
    patient = patient_at(path)
    if args.tell:
        tell(args.tell, examine_apart(path), patient.settings or recall(os.environ, Path.home()) or patient.known)
        return Exit.FINE
    findings = list(examine(patient))
    if not args.json:
        print(f"Sentinel {__version__}, with the rights of {patient.account.name}\n")
    for line in lines_of(findings, args.json):
        print(line)
    return Exit.FINDINGS if any(finding.state is State.MISSING for finding in findings) else Exit.FINE


def tell(text: str, findings: Iterable[Finding], settings: Settings) -> None:
    """The last word of a service that has given up: into the journal and on every channel, with what is missing."""
    from sentinel.daemon.last_word import letter_of, send

    missing = [finding for finding in findings if finding.state is State.MISSING and finding.check != "unit"]
    lines = [f"{finding.check}: {finding.what}; mend: {finding.cure or 'see there'}" for finding in missing]
    journal = open_journal(os.environ, time.monotonic)
    journal.say(Priority.CRITICAL, "given-up", f"{text}; why: journalctl -u sentinel -n 30", missing=len(missing))
    for line in [*lines, *send(settings, letter_of(text, lines, time.time()))]:
        journal.say(Priority.ERROR, "given-up", line)


def lines_of(findings: Iterable[Finding], as_json: bool) -> Iterable[str]:
    """The findings as they are printed."""
    if as_json:
        for f in findings:
            yield json.dumps({"v": 1, "check": f.check, "state": f.state.value, "what": f.what, "cure": f.cure or None})
        return
    yield from _table(list(findings))


def _table(findings: list[Finding]) -> Iterable[str]:
    """One line a finding, the cure below it; what stands in the line above is not said again."""
    width = max((len(finding.check) for finding in findings), default=0)
    for n, finding in enumerate(findings):
        before = findings[n - 1] if n else None
        after = findings[n + 1] if n + 1 < len(findings) else None
        name = finding.check if before is None or before.check != finding.check else ""
        yield f"{MARKS[finding.state]}  {name:<{width}}  {finding.what}"
        said_next = after is not None and (after.check, after.cure) == (finding.check, finding.cure)
        if finding.cure and not said_next:
            yield f"      {'':<{width}}  -> {finding.cure}"
    missing = sum(finding.state is State.MISSING for finding in findings)
    things = "1 thing is" if missing == 1 else f"{missing} things are"
    yield ""
    yield f"{things} missing; the arrow below each says how to mend it" if missing else "nothing is missing"
