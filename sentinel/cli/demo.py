"""`sentinel demo`: the real daemon watches a temporary folder into which five documented failures are played."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path

from sentinel.cli.asking import NoDaemon, ask
from sentinel.cli.demo_runs import Script, scripts
from sentinel.cli.exits import Exit

HELP = "Play five documented failures into a temporary folder while the real daemon watches it; under a minute."
EPILOG = """The runs are drawn from five post-mortems. What you see below the progress line is what a channel would get.

examples:
  sentinel demo --seconds 20                      shorter
  sentinel demo --seconds 60 --folder /tmp/demo   look with sentinel status --socket /tmp/demo/state/control"""
SETTINGS = """[sentinel]
state = "{folder}/state"

[[watch]]
name = "demo"
runs = "{folder}/runs/*"

[gpu]
enabled = false

[host]
enabled = false

[tell]
group = "2s"

[stop]
mode = "off"
"""
LONGEST_START = 20.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--seconds", type=float, default=30.0, metavar="S", help="how long the runs are stretched (default: 30)"
    )
    parser.add_argument("--folder", metavar="DIR", help="play into this folder and leave it there to look at")


def run(args: argparse.Namespace) -> int:
    """Play, watch, sum up."""
    if args.folder:
        return play(Path(args.folder).absolute(), args.seconds)
    with tempfile.TemporaryDirectory(prefix="sentinel-demo-") as folder:
        return play(Path(folder), args.seconds)


def play(folder: Path, seconds: float) -> int:
    """One performance."""
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    settings = folder / "sentinel.toml"
    settings.write_text(SETTINGS.format(folder=folder))
    where = argparse.Namespace(socket=str(folder / "state" / "control"))
    daemon = subprocess.Popen([sys.executable, "-m", "sentinel", "run", "--settings", str(settings)])
    try:
        if not _awake(where, daemon):
            print("sentinel: the daemon did not start; see its message above", file=sys.stderr)
            return Exit.COULD_NOT
        print(f"Five runs begin in {folder}/runs; the daemon watches (pid {daemon.pid}).\n", flush=True)
        _perform(folder / "runs", seconds)
        found = _found(where, patience=8.0)
    finally:
        daemon.terminate()
        daemon.wait(timeout=10)
    print(summary(found))
    return Exit.FINE if len(found) == len(scripts()) else Exit.FINDINGS


def _awake(where: argparse.Namespace, daemon: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + LONGEST_START
    while time.monotonic() < until and daemon.poll() is None:
        try:
            ask(where, {"ask": "status"})
            return True
        except NoDaemon:
            time.sleep(0.1)
    return False


def _perform(runs: Path, seconds: float) -> None:
    begun = time.monotonic()
    for moment, folder, file, text in pieces():
        wait = begun + moment * seconds - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        path = runs / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as out:
            out.write(text)
        _progress(moment, seconds)
    if sys.stderr.isatty():
        print(" " * 60, end="\r", file=sys.stderr, flush=True)


def pieces() -> Iterator[tuple[float, str, str, str]]:
    """All pieces of all scripts in the order in which they are played."""
    return merge(*(_timed(script) for script in scripts()), key=lambda piece: piece[0])


def _timed(script: Script) -> Iterator[tuple[float, str, str, str]]:
    for moment, file, text in script.pieces:
        yield moment, script.folder, file, text


def _progress(moment: float, seconds: float) -> None:
    if sys.stderr.isatty():
        done = round(moment * 30)
        bar = f"  [{'#' * done}{'.' * (30 - done)}] {moment * seconds:4.0f} of {seconds:.0f} s "
        print(bar, end="\r", file=sys.stderr, flush=True)  # the daemon's next message goes over it


def _found(where: argparse.Namespace, patience: float) -> dict[str, str]:
    """Run -> the first alert told about it, once all are there or patience ends."""
    until = time.monotonic() + patience
    found: dict[str, str] = {}
    while time.monotonic() < until and len(found) < len(scripts()):
        alerts = reversed(ask(where, {"ask": "alerts", "all": True})["alerts"])  # the first that fired first
        for alert in alerts:
            if not alert["hidden_by"] and alert["severity"] in ("high", "critical"):
                found.setdefault(alert["run"], f"{alert['signature']}/{alert['rule']}")
        time.sleep(0.25)
    time.sleep(1.0)  # let the last message be printed before the daemon goes
    return found


def summary(found: dict[str, str]) -> str:
    """Which of the five were caught."""
    lines = ["", f"{len(found)} of {len(scripts())} failures found:"]
    for script in scripts():
        caught = found.get(script.folder)
        lines.append(f"  {'ok' if caught else '--'}  {script.folder:<16} {script.story}")
        lines.append(f"      {'named by ' + caught if caught else 'not found by the rules in force'}")
    return "\n".join([*lines, "", "Next: sentinel init proposes settings for this machine; sentinel run watches."])
