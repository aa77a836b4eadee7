"""`sentinel init`: propose a sentinel.toml from what runs on this machine."""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import sys
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.daemon.install_plan import SETTINGS, Place, user_settings
from sentinel.daemon.proposals import Proposal, Sight, propose, unseen_text, watch_text

HELP = "Propose what to watch from the files that GPU and Python processes have open, one question each."
EPILOG = """\
examples:
  sentinel init                          ask about each, write ./sentinel.toml
  sentinel init --yes                    take everything
  sudo sentinel init --settings /etc/sentinel/sentinel.toml

A file that is there is added to, never rewritten. What could not be seen stands there as a comment with its cure."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Its words."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--settings", type=Path, default=Path("sentinel.toml"), metavar="FILE", help="the file to write"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing, take every proposal")


def run(args: argparse.Namespace) -> int:
    """Look, ask, write."""
    before = args.settings.read_text(encoding="utf-8") if args.settings.exists() else ""
    sight = look(args.settings)
    fresh = [proposal for proposal in sight.proposals if not stands(proposal, before)]
    if not args.yes and fresh and not sys.stdin.isatty():
        print("sentinel init: nobody is there to ask; use --yes", file=sys.stderr)
        return Exit.COULD_NOT
    chosen = [proposal for proposal in fresh if args.yes or wanted(proposal)]
    text = (before or first_text(args.settings)) + added_text(chosen, sight, before)
    if text == before:
        print(f"{args.settings}: nothing to add")
        return Exit.FINE
    write(args.settings, text)
    report(args.settings, chosen, sight)
    return Exit.FINE


def look(settings: Path) -> Sight:
    """What runs here."""
    from sentinel.sources.processes.reading import pids, process, vital

    seen = [process(facts) for pid in pids() if pid != os.getpid() and (facts := vital(pid)) and not facts.kernel]
    homes = {entry.pw_dir.rstrip("/") or "/" for entry in pwd.getpwall()}
    return propose(seen, on_gpu(), homes, f"sudo sentinel init --settings {settings.absolute()}")


def on_gpu() -> set[int]:
    """The processes that NVML names; empty where there is none to ask."""
    found: set[int] = set()
    try:
        import pynvml as nvml

        nvml.nvmlInit()
    except Exception:
        return found
    for index in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(nvml.NVMLError):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            found |= {entry.pid for entry in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    nvml.nvmlShutdown()
    return found


def stands(proposal: Proposal, text: str) -> bool:
    """True when the file watches this already."""
    return any(f'"{pattern}"' in text for pattern in (proposal.runs, *proposal.files) if pattern)


def wanted(proposal: Proposal) -> bool:
    """One question."""
    what = proposal.runs or ", ".join(proposal.files)
    answer = input(f"watch {what}, written by {proposal.why}? [Y/n] ")
    return answer.strip().lower() in {"", "y", "yes"}


def first_text(path: Path) -> str:
    """A new file: the machine's in /etc, a user's in the home, else one that keeps its state beside itself."""
    if path.absolute().is_relative_to("/etc"):
        return SETTINGS
    home = Path.home()
    if path.absolute().is_relative_to(home / ".config"):
        return user_settings(Place("sentinel", home=home, runtime=os.environ.get("XDG_RUNTIME_DIR", "")))
    return f'# Sentinel\'s settings. Every key has a default.\n\n[sentinel]\nstate = "{path.absolute().parent}/state"\n'


def added_text(chosen: list[Proposal], sight: Sight, before: str) -> str:
    """What `init` adds."""
    parts = [watch_text(proposal) for proposal in chosen]
    if unseen := unseen_text(line for line in sight.unseen if line not in before):
        parts.append(unseen)
    return "".join(f"\n{part}" for part in parts)


def write(path: Path, text: str) -> None:
    """The whole file at once, with the mode and owner that it had: the service must still be able to read it."""
    path = path.resolve()  # of a link the file that it means
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat() if path.exists() else None
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if before is not None:
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.fchmod(file.fileno(), before.st_mode & 0o777 if before else 0o640)
    fresh.replace(path)


def report(path: Path, chosen: list[Proposal], sight: Sight) -> None:
    """What was written, and what comes next."""
    for proposal in chosen:
        print(f"watch {proposal.name}: {proposal.runs or ', '.join(proposal.files)}")
    for line in sight.unseen:
        print(f"not seen: {line}")
    if not chosen:
        print("no training writes a log here now; add a [[watch]] by hand, or run this again while one does")
    print(f"wrote {path}; next: sentinel check {path}, sentinel run --settings {path}")
