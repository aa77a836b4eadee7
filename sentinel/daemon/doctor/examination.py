"""The list of all checks, and the one place that runs them: a check that breaks is itself a finding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sentinel.daemon.doctor import channels, files, machine, running, stopping
from sentinel.daemon.doctor.findings import Check, Finding, Patient, State, account_of, installed_unit
from sentinel.daemon.settings import load_settings

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
