"""The check of what an armed Sentinel needs: the right to signal, and runs' folders that its unit may write to."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from sentinel.daemon.doctor.findings import Finding, Patient, State
from sentinel.daemon.settings import Watch

DROP_INS = ("/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system")
OPEN = "ReadWritePaths="
RESTART = "sudo systemctl daemon-reload && sudo systemctl restart sentinel"


def armed(patient: Patient, places: tuple[str, ...] = DROP_INS) -> list[Finding]:
    """Where it may act, it can: else every plan is refused for want of a copy of the last good checkpoint."""
    watches = [watch for watch in patient.known.watches() if watch.stop != "never"]
    if patient.known.stop.mode != "armed" or patient.unit is None or not watches:
        return []
    drop_ins = [path for place in places for path in sorted(Path(place, "sentinel.service.d").glob("*.conf"))]
    if not any(path.name == "stop.conf" for path in drop_ins):
        what = "[stop] mode is armed, and the service may signal nobody"
        return [Finding("stopping", State.MISSING, what, "sudo sentinel install --rights stop")]
    opened = [word for path in drop_ins for word in _opened(path)]
    return [_folder(watch, opened) for watch in watches]


def _opened(drop_in: Path) -> list[str]:
    """The folders that a drop-in lets the service write to; one that cannot be read opens none."""
    try:
        lines = drop_in.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    words = [word for line in lines if line.startswith(OPEN) for word in line.removeprefix(OPEN).split()]
    return [word.lstrip("-+").rstrip("/") for word in words]


def _folder(watch: Watch, opened: list[str]) -> Finding:
    folder = above(watch.runs)
    if any(f"{folder}/".startswith(f"{place}/") for place in opened):
        return Finding("stopping", State.OK, f"watch {watch.name}: copies can be laid down below {folder}")
    what = f"watch {watch.name} may be stopped, and its copies of checkpoints cannot be written below {folder}"
    target = f"/etc/systemd/system/sentinel.service.d/runs-{watch.name}.conf"
    text = f"printf '[Service]\\n{OPEN}{folder}\\n' | sudo tee {target} && {RESTART}"
    return Finding("stopping", State.MISSING, what, text)


def above(pattern: str) -> str:
    """The folder that all matches of a pattern lie in."""
    path = Path(os.path.expanduser(pattern)).parent
    while glob.has_magic(str(path)):
        path = path.parent
    return str(path)
