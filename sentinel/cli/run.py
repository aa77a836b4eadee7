"""`sentinel run`: the daemon in the foreground; systemd starts this too."""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
from pathlib import Path

from sentinel.cli.exits import Exit

HELP = "Watch the runs of sentinel.toml until Ctrl-C. An empty or missing file watches ./runs and tells this terminal."
EPILOG = """examples:
  sentinel run                                   ./sentinel.toml, or the defaults where there is none
  sentinel run --settings /etc/sentinel/sentinel.toml
  sentinel run --watch '/data/runs/*'            watch these folders, whatever the settings say"""
DEFAULT = "sentinel.toml"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("--settings", metavar="FILE", help=f"the settings (default: ./{DEFAULT}, if it is there)")
    parser.add_argument(
        "--watch", action="append", default=[], metavar="PATTERN", help="a pattern of run folders to watch"
    )
    parser.add_argument("--state", metavar="DIR", help="the folder that survives a restart")
    parser.add_argument("--trace", metavar="FILE", help="write every reading to a file, as JSON")


def run(args: argparse.Namespace) -> int:
    """Build the daemon and let it run."""
    from sentinel.daemon.assembly import assemble
    from sentinel.daemon.reloading import Plan, with_watches
    from sentinel.daemon.settings import Settings, load_settings
    from sentinel.daemon.signals import run_until_told

    path = Path(args.settings or DEFAULT)
    missing = args.settings is None and not path.exists()
    settings, faults = (Settings(), []) if missing else load_settings(path)
    for fault in faults:
        print(fault_text(fault), file=sys.stderr)
    if settings is None:
        print(f"sentinel: {path} has {len(faults)} fault(s); mend them, then: sentinel check {path}", file=sys.stderr)
        return Exit.COULD_NOT
    plan = Plan(
        with_watches(settings, args.watch),
        path if path.exists() else None,
        Path(args.state) if args.state else None,
        args.trace,
        watch=args.watch,
    )
    environ = dict(os.environ)  # the service manager's words are taken out of ours
    daemon, trouble = assemble(plan)
    if daemon is None:
        print(f"sentinel: {trouble}", file=sys.stderr)
        return Exit.COULD_NOT
    faulthandler.enable()  # should systemd's watchdog end a frozen loop, it leaves a traceback
    run_until_told(daemon)
    if daemon.begins_anew:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606 - ourselves, with the same words
    return Exit.FINE


def fault_text(fault: object) -> str:
    """A fault with its source line and a caret."""
    from sentinel.core.records import Fault

    assert isinstance(fault, Fault)
    if not fault.source:
        return str(fault)
    return f"{fault}\n    {fault.source}\n    {' ' * (fault.column - 1)}^"
