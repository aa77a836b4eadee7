"""Makes the stop plan's part of the daemon out of the settings, once."""

from __future__ import annotations

import os
from pathlib import Path

from sentinel.daemon.delivering import Office
from sentinel.daemon.journal import Journal, Priority
from sentinel.daemon.loop import Daemon
from sentinel.daemon.machines import Machinery
from sentinel.daemon.progress import Progress
from sentinel.daemon.reloading import Plan
from sentinel.daemon.stopping_hearing import PlanHearing
from sentinel.daemon.stopping_people import Audience
from sentinel.daemon.stopping_rounds import Rounds
from sentinel.daemon.stopping_view import View
from sentinel.daemon.stopping_workers import Workers, attached

BOOT = Path("/proc/sys/kernel/random/boot_id")


def rounds_of(
    daemon: Daemon, office: Office, plan: Plan, journal: Journal, machinery: Machinery, progress: Progress
) -> Rounds:
    """All that is done about stopping."""
    settings, waits, boot = plan.settings, plan.waits, boot_id()
    view = View(daemon.engine, daemon.clock, boot, daemon.clock.steady(), Audience(office, settings, daemon.store))
    rounds = Rounds(
        store=daemon.store,
        office=office,
        view=view,
        file=plan.path,
        waits=waits,
        journal=lambda text: journal.say(Priority.INFO, "stopping", text),
        trouble=daemon.tell_about_us,
        workers=Workers(daemon.store, daemon.engine, daemon.clock, boot, attached(machinery)),
        every=min(1.0, waits.quiet_after / 3),
        progress=progress,
    )
    rounds.adopt(settings)
    return rounds


def join_stopping(daemon: Daemon, rounds: Rounds) -> PlanHearing:
    """Let it take part: a round after each turn, a line in `status`, answers to people."""
    daemon.after_turn.append(rounds)
    daemon.shown.append(rounds.shown)
    daemon.resting.held = rounds.concerned
    return PlanHearing(daemon, rounds)


def boot_id() -> str:
    """What changes when the machine restarts; where that cannot be read, every start counts as one."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return os.urandom(8).hex()
