"""What an armed service lacks on this machine: without it every plan is refused, long after its owner relied on it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from sentinel.daemon.doctor.findings import Account, Finding, Patient, State, as_account
from sentinel.daemon.doctor.machine import asked
from sentinel.daemon.install_plan import stoppable_roots
from sentinel.outlets.proof.finding import KEPT

WRITES = "the copy of the last good checkpoint goes there before anything is asked"


def armed(patient: Patient) -> list[Finding]:
    """With `[stop] mode = "armed"` the service can write where the runs are that it may stop."""
    roots = stoppable_roots(patient.known)
    if not roots:
        return []
    closed = _closed(patient, roots)
    if closed:
        what = f"armed, but its unit keeps {', '.join(closed)} read-only: {WRITES}"
        return [
            Finding(
                "stopping",
                State.MISSING,
                what,
                "sudo sentinel install --rights stop && sudo systemctl restart sentinel",
            )
        ]
    denied = [run for root in roots for run in _runs(root) if not _may_copy(run, patient.account)]
    if denied:
        return [_denied(denied, patient.account)]
    return [Finding("stopping", State.OK, f"armed, and it may write in {', '.join(roots)}")]


def _denied(runs: Sequence[str], account: Account) -> Finding:
    first, more = f"{runs[0]}/{KEPT}", f" nor in {len(runs) - 1} more runs" if len(runs) > 1 else ""
    what = f"armed, but {account.name} may not write in {first}{more}: {WRITES}"
    # The run's folder itself stays its owner's alone: a file in one that others can write is no evidence.
    own = f"mkdir -p {first} && setfacl -m u:{account.name}:rwx {first}, as the run's owner"
    cure = f"{own}; or, for one's own runs: sentinel install --user"
    return Finding("stopping", State.MISSING, what, cure)


def _closed(patient: Patient, roots: Iterable[str]) -> list[str]:
    """The roots that the unit's own mounts leave read-only."""
    if patient.unit is None:
        return []
    code, said = asked(["systemctl", "show", "--value", "-p", "ReadWritePaths", patient.unit.name])
    open_to = [path.lstrip("-+") for path in said.split()]
    return [] if code else [root for root in roots if not any(_below(root, path) for path in open_to)]


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _runs(root: str) -> list[str]:
    try:
        return sorted(entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _may_copy(run: str, account: Account) -> bool:
    kept = os.path.join(run, KEPT)
    return may_write(kept if os.path.isdir(kept) else run, account)


def may_write(folder: str, account: Account) -> bool:
    """Whether that account may lay a file there."""
    return bool(
        as_account(account, lambda: [folder] if os.access(folder, os.W_OK | os.X_OK, effective_ids=True) else [])
    )
