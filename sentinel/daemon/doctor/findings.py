"""What a check finds, and for whom it looks: the account that the service runs as, which is rarely who asks."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sentinel.core.records import Fault
from sentinel.daemon.settings import Settings

_GROUPS = re.compile(r"^SupplementaryGroups=(.*)$", re.MULTILINE)
SERVICE_USER = "sentinel"
SYSTEM_UNIT = Path("/etc/systemd/system/sentinel.service")
PACKAGED_UNIT = Path("/lib/systemd/system/sentinel.service")


class State(StrEnum):
    """How a precondition stands."""

    OK = "ok"
    NOTE = "note"  # works, with something to know
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One precondition: how it stands, and the exact command or change that mends it."""

    check: str
    state: State
    what: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose rights count."""

    name: str
    uid: int
    groups: tuple[int, ...]
    sees_all: bool = False  # root, or CAP_DAC_READ_SEARCH by drop-in


@dataclass(frozen=True, slots=True)
class Patient:
    """The set-up under examination."""

    path: Path  # of the settings
    settings: Settings | None
    faults: Sequence[Fault]
    account: Account
    unit: Path | None = None  # the installed unit of the machine, if there is one
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def known(self) -> Settings:
        """The settings, or the defaults where they cannot be read."""
        return self.settings or Settings()

    @property
    def state(self) -> Path:
        """The folder that survives a restart."""
        return Path(self.known.sentinel.state).expanduser().absolute()


Check = Callable[[Patient], list[Finding]]


def installed_unit() -> Path | None:
    """The unit of the machine's service, if there is one."""
    return next((path for path in (SYSTEM_UNIT, PACKAGED_UNIT) if path.is_file()), None)


def account_of(unit: Path | None) -> Account:
    """The service's account where root asks about an installed service, else who asks."""
    if unit is not None and os.geteuid() == 0 and (account := _named(SERVICE_USER)):
        name, uid, groups = account
        return Account(name, uid, (*groups, *unit_groups(unit)), sees_all=any(_drop_ins("see-all.conf")))
    me = pwd.getpwuid(os.geteuid())
    return Account(me.pw_name, me.pw_uid, tuple({me.pw_gid, *os.getgroups()}), sees_all=me.pw_uid == 0)


def unit_groups(unit: Path) -> list[int]:
    """The groups that the service is given by its unit and drop-ins (`systemctl edit sentinel`), not by its account."""
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in (unit, *_drop_ins("*.conf")))
    names = [name for line in _GROUPS.findall(text) for name in line.split()]
    return [entry.gr_gid for entry in grp.getgrall() if entry.gr_name in names or str(entry.gr_gid) in names]


def _drop_ins(pattern: str) -> list[Path]:
    folders = ("/etc/systemd/system", "/run/systemd/system", "/lib/systemd/system")
    return [path for folder in folders for path in Path(folder, "sentinel.service.d").glob(pattern) if path.is_file()]


def _named(name: str) -> tuple[str, int, tuple[int, ...]] | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = {entry.pw_gid, *(group.gr_gid for group in grp.getgrall() if name in group.gr_mem)}
    return entry.pw_name, entry.pw_uid, tuple(groups)


def as_account(account: Account, question: Callable[[], list[str]]) -> list[str]:
    """What `question` answers with that account's rights, asked in a child that has dropped everything else."""
    if os.geteuid() != 0 or account.uid == 0:
        return question()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(account, question, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    answer = json.loads(text or "[]")
    return [str(line) for line in answer]


def _answer(account: Account, question: Callable[[], list[str]], writing: int) -> None:
    """The child's whole life. It never returns into the caller's program."""
    try:
        os.setgroups(list(account.groups))
        os.setgid(account.groups[0])
        os.setuid(account.uid)
        os.write(writing, json.dumps(question()).encode())
    finally:
        os._exit(0)
