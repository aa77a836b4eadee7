"""The list of all checks, and the one place that runs them: a check that breaks is itself a finding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from sentinel.daemon.doctor import channels, files, machine, running, stopping
from sentinel.daemon.doctor.findings import Check, Finding, Patient, State, account_of, installed_unit
from sentinel.daemon.sending import child_environment
from sentinel.daemon.settings import load_settings

EXAMINATION = 30.0  # seconds that the last word waits for it

CHECKS: tuple[Check, ...] = (
    files.settings,
    running.rules,
    files.watches,
    files.inotify,
    files.state,
    channels.channels,
    machine.gpu,
    machine.kernel_log,
    machine.clock,
    machine.units,
    stopping.armed,
    running.daemon,
    machine.extras,
)


def usual_settings() -> Path:
    """The settings that are meant when none are named."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "sentinel" / "sentinel.toml"
    places = [Path("sentinel.toml"), own, Path("/etc/sentinel/sentinel.toml")]
    return next((path for path in places if path.is_file()), places[0])


def patient_at(path: Path) -> Patient:
    """The set-up whose settings lie there, seen with the rights of the account that runs it."""
    found, faults = load_settings(path) if path.exists() else (None, [])
    unit = installed_unit() if _is_the_machines(path) else None
    return Patient(path, found, faults, account_of(unit), unit, dict(os.environ))


def _is_the_machines(path: Path) -> bool:
    return path.absolute().is_relative_to("/etc/sentinel")


def examine(patient: Patient, checks: tuple[Check, ...] = CHECKS) -> Iterator[Finding]:
    """Every finding, in the order of the list."""
    for check in checks:
        try:
            yield from check(patient)
        except Exception as bug:  # the other checks must still be heard
            what = f"the check itself failed: {type(bug).__name__}: {bug}"
            yield Finding(check.__name__.replace("_", " "), State.MISSING, what, "please report it")


def examine_apart(path: Path, seconds: float = EXAMINATION) -> list[Finding]:
    """The findings of a child of its own, as far as it came in that time: a disk that does not answer holds up nobody else."""
    command = [sys.executable, "-u", "-m", "sentinel", "doctor", "--json", "--settings", str(path)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=child_environment())
    lines: list[bytes] = []

    def read() -> None:
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                lines.append(line)  # noqa: PERF402 - each counts at once: the next may never come
        child.wait()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(seconds)
    found = [finding_of(line) for line in lines]
    if reader.is_alive():
        child.kill()  # and not waited for here: what a dead disk holds does not die
        last = f", after '{found[-1].check}'" if found else ""
        what = f"the examination did not end within {seconds:.0f} s{last}: a disk may not answer"
        found.append(Finding("doctor", State.MISSING, what, "ps -eo pid,stat,wchan:30,args | grep ' D'"))
    return found


def finding_of(line: bytes) -> Finding:
    """A finding as `--json` prints it."""
    thing = json.loads(line)
    return Finding(thing["check"], State(thing["state"]), thing["what"], thing["cure"] or "")
