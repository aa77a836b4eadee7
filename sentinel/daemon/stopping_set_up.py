"""Makes the stop plan's part of the daemon out of the settings, once."""

from __future__ import annotations

import secrets
from pathlib import Path

from sentinel.core.stopping_world import Limits, Mode, parse_limits
from sentinel.daemon.delivering import Office
from sentinel.daemon.journal import Journal, Priority
from sentinel.daemon.loop import Daemon
from sentinel.daemon.settings import Settings
from sentinel.daemon.stopping_hearing import PlanHearing
from sentinel.daemon.stopping_people import Audience
from sentinel.daemon.stopping_rounds import Rounds, granted_by
from sentinel.daemon.stopping_view import View

BOOT = Path("/proc/sys/kernel/random/boot_id")


def rounds_of(
    daemon: Daemon, office: Office, settings: Settings, file: Path | None, journal: Journal, waits: Limits
) -> Rounds:
    """All that is done about stopping; `waits` are those that no setting names."""
    stop = settings.stop
    audience = Audience(office, settings, daemon.store)
    watches = {watch.name: watch for watch in settings.watches()}
    view = View(
        engine=daemon.engine,
        clock=daemon.clock,
        boot=boot_id(),
        mode=Mode(stop.mode),
        limits=parse_limits(stop.grace, stop.worth, stop.lose, stop.most, stop.crowd, stop.settle, waits),
        watches=watches,
        audience=audience,
        started=daemon.clock.steady(),
    )
    return Rounds(
        store=daemon.store,
        office=office,
        view=view,
        audience=audience,
        granted=granted_by(watches.values(), _owner(file)),
        journal=lambda text: journal.say(Priority.INFO, "stopping", text),
        trouble=daemon.tell_about_us,
        every=min(1.0, waits.quiet_after / 3),
    )


def join_stopping(daemon: Daemon, rounds: Rounds) -> PlanHearing:
    """Let it take part: a round after each turn, a line in `status`, answers to people."""
    daemon.after_turn.append(rounds)
    daemon.shown.append(rounds.shown)
    return PlanHearing(daemon, rounds)


def boot_id() -> str:
    """What changes when the machine restarts; where that cannot be read, every start counts as one."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(8)


def _owner(file: Path | None) -> int | None:
    try:
        return file.stat().st_uid if file is not None else None
    except OSError:
        return None
