"""`sentinel stop RUN`: a person's own stop. Shows the plan, asks, and climbs the ladder with that person's rights."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from sentinel.cli.asking import NoDaemon, add_socket, ask
from sentinel.cli.exits import Exit
from sentinel.outlets.hands.ladder import Climb, Patience, check_own, climb_whole, survey
from sentinel.outlets.hands.reins import Reins
from sentinel.outlets.hands.sending import Refused

HELP = """Show what would be done, ask you, then: copy the last good checkpoint, ask the run to save, prove what it saved,
end its ranks and make sure that they stay gone. It needs neither consent nor a daemon: it acts with your own rights, on
your own run."""
EPILOG = """examples:
  sentinel stop runs/a --dry-run     every condition and the plan; nothing is touched
  sentinel stop runs/a"""
WAITS = 1.0  # seconds for which another's hold on the run may last before it is one
LOOKS = 4.0  # seconds that the daemon gets to look at the processes


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = EPILOG
    arguments(parser)
    parser.add_argument("--kill", action="store_true", help="SIGKILL if SIGTERM does not end it")
    parser.add_argument("--lose", action="store_true", help="end it even if no good checkpoint exists")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `stop` and `checkpoint` share."""
    parser.add_argument(
        "run", metavar="RUN", help="the run's folder, its training's pid, or its name in `sentinel status`"
    )
    parser.add_argument("--dry-run", action="store_true", help="print every condition and the plan, touch nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--ask", default="", metavar="WAY", help="signal:USR1, file:PATH, slurm:TERM or command:...")
    parser.add_argument("--wait", type=float, default=120.0, metavar="S", help="how long a save may stand still")
    add_socket(parser)
    parser.add_argument("--quiet-after", type=float, default=60.0, metavar="S", help="how long it must stay gone")


def run(args: argparse.Namespace) -> int:
    """Plan, ask, act."""
    return act(args, checkpoint_only=False)


def act(args: argparse.Namespace, *, checkpoint_only: bool) -> int:
    """The one way through for `stop` and `checkpoint`."""
    folder, pids, why = _place(args)
    if folder is None:
        print(f"sentinel: {why}", file=sys.stderr)
        return Exit.COULD_NOT
    climb = survey(folder, Path(os.devnull), pids=pids, override=args.ask)
    climb.may_lose, (climb.against, acting) = getattr(args, "lose", False), _known_to_the_daemon(args)
    uid = folder.stat().st_uid if os.geteuid() == 0 else os.getuid()
    refusal = _print_plan(climb, uid, checkpoint_only)
    if acting:
        refusal = f"the daemon is at it: {acting}; `sentinel keep` ends its plan"
        print(f"{'refused':22} {refusal}")
    reins = Reins()
    rival = "" if refusal else reins.rival(str(folder), uid)
    if rival:
        print(f"{'somebody else':22} {rival}")
    if args.dry_run:
        _print_table(args)
    if args.dry_run or refusal:
        return Exit.COULD_NOT if refusal else Exit.FINE
    if not args.yes and not _agreed(checkpoint_only):
        return Exit.COULD_NOT
    if rival := reins.take(str(folder), uid, WAITS):
        print(f"sentinel: refused, for {rival}; wait until it is done, or end it", file=sys.stderr)
        return Exit.COULD_NOT
    state = _record_folder()
    climb.record = state / "audit.jsonl"
    patience = Patience(save=args.wait, quiet=args.quiet_after)
    done = climb_whole(
        climb, uid, patience, kill=getattr(args, "kill", False),
        checkpoint_only=checkpoint_only, evidence=state / "evidence", tell=print,
    )  # fmt: skip
    for text in done.said:
        print(text)
    print(f"record: {state}")
    return Exit.FINE if done.outcome in ("stopped", "saved") else Exit.FINDINGS


def _record_folder() -> Path:
    """Where what this person does is written down: among that user's own state, else in a temporary place."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    try:
        (home / "sentinel" / "stops").mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=home / "sentinel" / "stops"))
    except (OSError, RuntimeError):
        return Path(tempfile.mkdtemp(prefix="sentinel-stop-"))


def _place(args: argparse.Namespace) -> tuple[Path | None, tuple[int, ...], str]:
    """The run's folder and, where a process was named, its pid; else why there is none."""
    run = args.run
    if Path(run).is_dir():
        return Path(run).resolve(), (), ""
    if run.isdigit() and Path("/proc", run).exists():
        try:
            return Path(os.readlink(f"/proc/{run}/cwd")), (int(run),), ""
        except OSError:
            return None, (), f"pid {run} is a process of another user"
    try:
        answer = ask(args, {"ask": "plan", "run": run})
    except NoDaemon:
        return None, (), f"{run} is neither a run's folder nor a process, and no daemon knows it by name"
    folder = str(answer.get("folder", ""))
    return (Path(folder), (), "") if folder else (None, (), str(answer.get("why") or f"{run} has no folder here"))


def _print_plan(climb: Climb, uid: int, checkpoint_only: bool) -> str:
    """Every condition with its value; the one that forbids it, if one does."""
    ranks = ", ".join(f"{p.pid} ({p.state}, uid {p.uid})" for p in climb.crew.ranks) or "none"
    loaders = ", ".join(str(p.pid) for p in climb.crew.others) or "none"
    lines = [
        ("ranks", f"{ranks}; {climb.crew.world} in the whole job"),
        ("never signalled", f"agents {', '.join(str(p.pid) for p in climb.crew.agents) or 'none'}, others {loaders}"),
        ("way to ask", climb.way.name + ("" if climb.way.known else f": refused; by hand: {climb.way.words}")),
        ("last good checkpoint", climb.good.path if climb.good else "none"),
        *((f"newer, {report.state.value}", report.path) for report in climb.worse),
        ("then", "nothing: it goes on" if checkpoint_only else "TERM to the ranks that are left"),
    ]
    lines += [("not to be asked", climb.against)] if climb.against else []
    try:
        check_own(climb, uid)
        refusal = ""
    except Refused as trouble:
        refusal = str(trouble)
        lines.append(("refused", refusal))
    for name, value in lines:
        print(f"{name:22} {value}")
    return refusal


def _print_table(args: argparse.Namespace) -> None:
    """What the daemon itself would need, condition by condition: the same table that it logs."""
    try:
        answer = ask(args, {"ask": "plan", "run": _named(args.run)})
        until = time.monotonic() + LOOKS
        while answer.get("ok") and not answer["looked"] and time.monotonic() < until:
            time.sleep(0.25)  # the daemon looks at the processes when it is asked
            answer = ask(args, {"ask": "plan", "run": _named(args.run)})
    except NoDaemon as trouble:
        print(f"\nthe daemon's own conditions cannot be shown: {trouble}")
        return
    if not answer.get("ok"):
        print(f"\nthe daemon's own conditions cannot be shown: {answer.get('why')}")
        return
    print(f"\nthe daemon: {answer['plan']}")
    for line in answer["conditions"]:
        print(line)


def _known_to_the_daemon(args: argparse.Namespace) -> tuple[str, str]:
    """Why the run must not be asked to save, as far as a daemon that reads its log knows, and the plan by which that daemon
    has signalled it already; without a daemon, nothing.
    """
    try:
        answer = ask(args, {"ask": "plan", "run": _named(args.run)})
    except NoDaemon:
        return "", ""
    return str(answer.get("not_asked", "")), str(answer.get("acting", ""))


def _named(run: str) -> str:
    """A folder by its full path, so that the daemon means the same one."""
    return str(Path(run).resolve()) if Path(run).is_dir() else run


def _agreed(checkpoint_only: bool) -> bool:
    print(f"{'Ask it for a checkpoint' if checkpoint_only else 'Stop this run'}? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
