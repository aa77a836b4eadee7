"""What an installation consists of, as a list of steps made from the options alone: for the system or for one user.

Nothing is done here. The same list serves `install`, `--dry-run` and, below a prefix, the Debian package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sentinel.daemon.install_steps import Command, File, Folder, Gone, Step
from sentinel.daemon.settings import Settings, load_settings
from sentinel.sources.tree import root_of

RIGHTS = {"plain": (), "see-all": ("see-all.conf",), "stop": ("see-all.conf", "stop.conf")}
SHIPPED_COMMAND = "/opt/sentinel/bin/sentinel"
PACKAGED = "/lib/systemd/system/sentinel.service"
_SYSTEM_FILES = ("sysusers.d/sentinel.conf", "tmpfiles.d/sentinel.conf")
_UNITS = ("sentinel.service", "sentinel-failed.service")
_CREDENTIAL = re.compile(r"credential:([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation goes and how its command is called."""

    command: str
    prefix: Path = Path("/")
    rights: str = ""  # "": as they are
    start: bool = True
    home: Path = Path("/")  # of a user's installation
    user: str = ""
    runtime: str = ""

    def at(self, path: str) -> Path:
        """A path of the system, below the prefix."""
        return self.prefix / path.lstrip("/")

    @property
    def staged(self) -> bool:
        """Below a prefix nothing is started and no user is made: it is an image or a package."""
        return self.prefix != Path("/")


def shipped(name: str) -> str:
    """A file of `systemd/`, from the package or from a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "shipped" / "systemd", package.parent / "systemd"):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise FileNotFoundError(f"systemd/{name} was not shipped with this installation of Sentinel")


def system_plan(place: Place) -> list[Step]:
    """The service of the whole machine."""
    units, etc = place.at("/etc/systemd/system"), place.at("/etc/sentinel")
    packaged = place.at(PACKAGED).is_file()  # a Debian package brought units and user; what is ours are the drop-ins
    steps: list[Step] = [] if packaged else [File(place.at(f"/etc/{name}"), shipped(name)) for name in _SYSTEM_FILES]
    if not place.staged:
        steps.append(
            Command(("systemd-sysusers", "sentinel.conf"), "make the user sentinel", unless=("id", "sentinel"))
        )
    steps += [
        Folder(etc, 0o755),
        Folder(etc / "rules", 0o755),
        Folder(etc / "credentials", 0o700),
        File(etc / "sentinel.toml", SETTINGS, 0o640, once=True, group="sentinel"),
        *(File(units / name, _unit(name, place.command)) for name in _UNITS if not packaged),
        *_drop_ins(place, units),
    ]
    if not place.staged:
        steps.append(Command(("systemctl", "daemon-reload"), "let systemd read its units", NO_SYSTEMD))
        if place.start:
            steps.append(
                Command(("systemctl", "enable", "--now", "sentinel.service"), "start now and at boot", NO_START)
            )
    return steps


def _unit(name: str, command: str) -> str:
    return shipped(name).replace(SHIPPED_COMMAND, command)


def _drop_ins(place: Place, units: Path) -> Iterable[Step]:
    folder = units / "sentinel.service.d"
    if place.rights:
        wanted = RIGHTS[place.rights]
        yield from (File(folder / name, shipped(f"sentinel.service.d/{name}")) for name in wanted)
        yield from (Gone(folder / name) for name in RIGHTS["stop"] if name not in wanted)
    settings, store = place.at("/etc/sentinel/sentinel.toml"), place.at("/etc/sentinel/credentials")
    text = credentials_drop_in(settings, store)
    for unit in _UNITS:
        path = units / f"{unit}.d" / "credentials.conf"
        yield File(path, text) if text else Gone(path)
    signals = place.rights == "stop" or (not place.rights and (folder / "stop.conf").exists())
    found = load_settings(settings)[0] if settings.is_file() else Settings()
    if found is not None:  # what is broken for the moment takes nothing away
        roots = stoppable_roots(found) if signals else []
        yield File(folder / OPENED, runs_drop_in(roots)) if roots else Gone(folder / OPENED)


def stoppable_roots(settings: Settings | None) -> list[str]:
    """The folders of the runs that an armed Sentinel may stop; none while it is not armed."""
    if settings is None or settings.stop.mode != "armed":
        return []
    return sorted({root_of(watch.runs) for watch in settings.watch if watch.runs and watch.stop != "never"})


def runs_drop_in(roots: Iterable[str]) -> str:
    """Everything else stays read-only; a folder that is not there does not keep the service from starting."""
    lines = [f"ReadWritePaths=-{root}" for root in roots]
    return f"{RUNS_HEAD}{chr(10).join(lines)}\n"


def credentials_drop_in(settings: Path, store: Path) -> str:
    """Lines for each credential that the settings name and whose file is there. Should it go, its channel is in trouble;
    without a stand-in systemd would start neither the service nor the one that tells of its end.
    """
    if not settings.is_file():
        return ""
    names = sorted(set(_CREDENTIAL.findall(settings.read_text(encoding="utf-8", errors="replace"))))
    there = [name for name in names if (store / name).is_file()]
    lines = [f"LoadCredential={name}:/etc/sentinel/credentials/{name}" for name in there]
    lines += [f"SetCredential={name}:{STAND_IN}" for name in there]
    return CREDENTIALS_HEAD + "\n".join(lines) + "\n" if lines else ""


def system_removal(place: Place) -> list[Step]:
    """Everything of the service but the settings, own rules and credentials in /etc/sentinel."""
    units = place.at("/etc/systemd/system")
    steps: list[Step] = []
    if not place.staged:
        steps.append(Command(("systemctl", "disable", "--now", *_UNITS), "stop it", NO_SYSTEMD))
    steps += [Gone(units / name) for name in _UNITS]
    steps += [Gone(units / "sentinel.service.d" / name) for name in (*RIGHTS["stop"], OPENED)]
    steps += [Gone(units / f"{name}.d" / "credentials.conf") for name in _UNITS]
    steps += [Gone(units / f"{name}.d", empty=True) for name in _UNITS]
    steps += [
        Gone(units / "multi-user.target.wants" / "sentinel.service"),
        Gone(place.at("/etc/sysusers.d/sentinel.conf")),
        Gone(place.at("/etc/tmpfiles.d/sentinel.conf")),
        Gone(place.at("/var/lib/sentinel")),
        Gone(place.at("/run/sentinel")),
    ]
    return steps if place.staged else [*steps, *_FORGET]


def user_plan(place: Place) -> list[Step]:
    """The service of one user, without root."""
    units, config = place.home / ".config/systemd/user", place.home / ".config/sentinel"
    steps: list[Step] = [
        Folder(config, 0o700),
        Folder(config / "rules", 0o700),
        Folder(place.home / ".local/state/sentinel", 0o700),
        File(config / "sentinel.toml", user_settings(place), 0o600, once=True),
        *(File(units / name, user_unit(name, place)) for name in _UNITS),
    ]
    if place.start:
        systemctl = ("systemctl", "--user")
        steps += [
            Command((*systemctl, "daemon-reload"), "let your systemd read its units", NO_USER_MANAGER),
            Command((*systemctl, "enable", "--now", "sentinel.service"), "start now and at login", NO_USER_MANAGER),
            Command(
                ("loginctl", "enable-linger", place.user),
                "go on after you log out",
                f"so the watch ends when you log out, until root runs: loginctl enable-linger {place.user}",
                ("test", "-e", f"/var/lib/systemd/linger/{place.user}"),
            ),
        ]
    return steps


def user_unit(name: str, place: Place) -> str:
    """A unit of one user's, for the command and home of that place."""
    return _unit(f"user/{name}", place.command).replace("%E/sentinel", str(place.home / ".config/sentinel"))


def user_removal(place: Place) -> list[Step]:
    """Everything of a user's service but the settings and own rules."""
    units = place.home / ".config/systemd/user"
    steps: list[Step] = []
    if place.start:
        steps.append(Command(("systemctl", "--user", "disable", "--now", *_UNITS), "stop it", NO_USER_MANAGER))
    steps += [Gone(units / name) for name in _UNITS]
    steps += [Gone(units / "default.target.wants" / "sentinel.service"), Gone(place.home / ".local/state/sentinel")]
    if place.start:
        steps.append(Command(("systemctl", "--user", "daemon-reload"), "let your systemd forget it", NO_USER_MANAGER))
    return steps


CREDENTIALS_HEAD = """\
# Made by `sentinel install` from the channels in sentinel.toml; run it again after adding one.

[Service]
"""
STAND_IN = "# its file was not there at the start"  # a comment holds no address
OPENED = "runs-to-stop.conf"  # ours; what people write beside it stays
RUNS_HEAD = """\
# Made by `sentinel install` from the watches in sentinel.toml that may be stopped; run it again after adding one.
# The last good checkpoint is copied into the run's folder before anything is asked, and some runs are asked by a file there.

[Service]
"""
NO_SYSTEMD = "this machine was not booted by systemd; run it in the foreground: sentinel run"
SEE_SETTINGS = "see: ls -l /etc/sentinel"
SEE_USER = "see what it still runs: ps -u sentinel; then: userdel sentinel"
NO_START = "see why: journalctl -u sentinel -n 20, then: sentinel doctor"
NO_USER_MANAGER = "no systemd runs for you here; use tmux or cron instead: sentinel run"

_FORGET = (
    Command(("systemctl", "daemon-reload"), "let systemd forget it", NO_SYSTEMD),
    Command(("chgrp", "-R", "root", "/etc/sentinel"), "give the settings back to root", SEE_SETTINGS),
    Command(
        ("userdel", "sentinel"),
        "remove the user sentinel",
        SEE_USER,
        ("sh", "-c", "! id sentinel"),
    ),
)

SETTINGS = """\
# Sentinel's settings. Every key has a default. `sentinel check` shows mistakes; `systemctl reload sentinel` takes
# what you changed.

[sentinel]
rules = ["/etc/sentinel/rules"]      # your own rules, beside the shipped ones
state = "/var/lib/sentinel"
socket = "/run/sentinel/control"

# What to watch: `sudo sentinel init --settings /etc/sentinel/sentinel.toml` proposes it from what runs here.
# [[watch]]
# name = "runs"
# runs = "/data/runs/*"              # each match is one run's folder

# Whom to tell: put the address into /etc/sentinel/credentials/slack, then run `sentinel install` again.
# [[channel]]
# name = "slack"
# url = "credential:slack"
"""


def user_settings(place: Place) -> str:
    """The first settings of a user's own service."""
    runtime = f'socket = "{place.runtime}/sentinel/control"\n' if place.runtime else ""
    return f"""\
# Your Sentinel's settings. `sentinel check` shows mistakes, `systemctl --user reload sentinel` takes changes.

[sentinel]
rules = ["{place.home}/.config/sentinel/rules"]
state = "{place.home}/.local/state/sentinel"
{runtime}
# What to watch: `sentinel init --settings {place.home}/.config/sentinel/sentinel.toml` proposes it from what runs here.
# [[watch]]
# name = "runs"
# runs = "{place.home}/runs/*"        # each match is one run's folder

# Whom to tell. A file that only you can read keeps the address out of this one.
# [[channel]]
# name = "slack"
# url = "file:{place.home}/.config/sentinel/slack"
"""
