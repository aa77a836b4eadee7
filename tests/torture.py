"""A daemon that is killed -9 again and again while runs are written; used by the torture tests, not a test itself.

`driver` starts a real daemon in a child process with a fault point: it kills itself the n-th time it passes there.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from sentinel.daemon.assembly import Plan, assemble
from sentinel.daemon.settings import load_settings
from sentinel.daemon.signals import run_until_told


class Killer:
    """Kills this process with SIGKILL at the n-th passing of a point; never where the point is empty."""

    def __init__(self, point: str, passing: int) -> None:
        self.point, self.left = point, passing

    def __call__(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def driver(settings_file: str, point: str, passing: str) -> int:
    """One life of the daemon."""
    settings, faults = load_settings(Path(settings_file))
    assert settings is not None, faults
    daemon, trouble = assemble(Plan(settings, Path(settings_file), at=Killer(point, int(passing))))
    assert daemon is not None, trouble
    run_until_told(daemon)
    return 0


if __name__ == "__main__":
    raise SystemExit(driver(*sys.argv[1:]))
