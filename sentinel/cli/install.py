"""`sentinel install`: put the service in place, and show what was done."""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import stat
import sys
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.daemon.install_plan import PACKAGED, RIGHTS, Place, system_plan, system_removal, user_plan, user_removal
from sentinel.daemon.install_steps import Outcome, carry_out

HELP = "Put the service in place: units, settings, user and folders. Safe to run again; it shows what it does."
EPILOG = """\
examples:
  sudo sentinel install                    the service of this machine; tells only, reads what its groups may read
  sudo sentinel install --rights see-all   it may read every user's runs and the kernel's log
  sudo sentinel install --rights stop      it may also signal runs whose owners consent
  sentinel install --user                  your own service, without root
  sudo sentinel install --uninstall        leaves nothing but /etc/sentinel

A first look: add --dry-run. Settings and own rules that exist are never touched."""

FOR_THE_MACHINE = (  # pipx's own `--global` came after the one of Debian 12 and Ubuntu 24.04
    "install Sentinel for the machine: "
    "sudo env PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install CLONE-OR-WHEEL"
)
RESTART = "; if it ran before: systemctl restart sentinel"
RESTART_OWN = "; if it ran before: systemctl --user restart sentinel"


def configure(parser: argparse.ArgumentParser) -> None:
    """Its words."""
    parser.epilog = EPILOG
    parser.add_argument("--user", action="store_true", help="for you alone, without root")
    parser.add_argument("--uninstall", action="store_true", help="remove everything but settings and own rules")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and do nothing")
    parser.add_argument("--rights", choices=RIGHTS, default="", help="what the service may do; default: as it is")
    parser.add_argument("--no-start", action="store_true", help="put files in place, start nothing")
    parser.add_argument(
        "--prefix", type=Path, default=Path("/"), metavar="DIR", help="lay it out below this folder: for images"
    )
    parser.add_argument("--command", default="", metavar="PATH", help="the path of `sentinel` that the units start")


def run(args: argparse.Namespace) -> int:
    """Make the plan, carry it out, print it."""
    place = place_of(args)
    if refusal := refused(args, place):
        print(f"sentinel install: {refusal}", file=sys.stderr)
        return Exit.COULD_NOT
    if args.user:
        steps = user_removal(place) if args.uninstall else user_plan(place)
    else:
        steps = system_removal(place) if args.uninstall else system_plan(place)
    outcomes = carry_out(steps, args.dry_run)
    for outcome in outcomes:
        print(line_of(outcome, args.dry_run))
    return closing(outcomes, args)


def place_of(args: argparse.Namespace) -> Place:
    """Where it goes, from the words and from who asks."""
    me = pwd.getpwuid(os.geteuid())
    return Place(
        command=args.command or own_command(),
        prefix=args.prefix.absolute(),
        rights=args.rights,
        start=not args.no_start,
        home=Path(os.environ.get("HOME") or me.pw_dir),
        user=me.pw_name,
        runtime=os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}"),
    )


def own_command() -> str:
    """How systemd can start this very Sentinel."""
    beside = Path(sys.executable).with_name("sentinel")
    if beside.is_file():
        return str(beside)
    return shutil.which("sentinel") or f"{sys.executable} -m sentinel"


def refused(args: argparse.Namespace, place: Place) -> str:
    """Why it cannot be done like this, or nothing."""
    if args.user and (args.rights or place.staged):
        return "--user goes with neither --rights nor --prefix: your own service has your rights"
    if args.user and os.geteuid() == 0:
        return "--user is for people without root; as root leave it out"
    if args.uninstall and not args.user and place.at(PACKAGED).is_file():
        return "a Debian package brought this service: sudo apt remove sentinel (apt purge: settings and state too)"
    if args.user or place.staged or args.dry_run or args.uninstall:
        return ""
    if os.geteuid() != 0:
        return "needs root: sudo sentinel install (or, for you alone: sentinel install --user)"
    return unsafe_command(Path(place.command.split()[0]))


def unsafe_command(path: Path) -> str:
    """Why the machine's service must not start this file: another user could change or could not read it."""
    for part in (path.resolve(), *path.resolve().parents):
        try:
            facts = part.stat()
        except OSError as error:
            return f"{part}: {error.strerror}"
        writable = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not facts.st_mode & stat.S_ISVTX
        if facts.st_uid != 0 or writable:
            return f"{part} can be changed by others than root; {FOR_THE_MACHINE}"
        if not facts.st_mode & stat.S_IXOTH:
            return f"the user sentinel cannot reach {part}; {FOR_THE_MACHINE}"
    return ""


def line_of(outcome: Outcome, dry: bool) -> str:
    """One step as people see it."""
    if outcome.trouble:
        return f"  failed   {outcome.step.what}\n           {outcome.trouble}"
    word = "would" if dry else "done"
    return f"  {word if outcome.changed else 'as is':<8} {outcome.step.what}"


def units_changed(outcomes: list[Outcome]) -> bool:
    """True when a service that runs already would have to be started anew to take the change."""
    return any(outcome.changed and "systemd/" in outcome.step.what for outcome in outcomes)


def closing(outcomes: list[Outcome], args: argparse.Namespace) -> int:
    """The last line and the exit code."""
    if any(outcome.fatal for outcome in outcomes):
        print("stopped here; what was done stays, and running it again goes on", file=sys.stderr)
        return Exit.COULD_NOT
    troubles = sum(1 for outcome in outcomes if outcome.trouble)
    changed = sum(outcome.changed for outcome in outcomes)
    print(f"{changed} to do" if args.dry_run else f"{changed} done, {len(outcomes) - changed - troubles} as it was")
    if not args.uninstall and not args.dry_run:
        restart = RESTART_OWN if args.user else RESTART
        print("next: sentinel doctor" + (restart if units_changed(outcomes) else ""))
    return Exit.FINDINGS if troubles else Exit.FINE
