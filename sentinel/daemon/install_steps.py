"""The steps of an installation: each knows whether it is done already, and does itself once, safely.

What is to be done stands in `install_plan`; here is only how. A step never follows a link to where it writes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Step(Protocol):
    """One thing that stands or does not stand on this machine."""

    @property
    def what(self) -> str:
        """In a few words, for people."""

    def done(self) -> bool:
        """True when there is nothing to do."""

    def do(self) -> str:
        """Do it; the trouble in one sentence, or nothing."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with its mode."""

    path: Path
    mode: int

    @property
    def what(self) -> str:
        """The path and mode."""
        return f"folder {self.path} ({self.mode:o})"

    def done(self) -> bool:
        """It is there with this mode."""
        return self.path.is_dir() and stat.S_IMODE(self.path.stat().st_mode) == self.mode

    def do(self) -> str:
        """Make it, with its parents."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(self.mode)
        return ""


@dataclass(frozen=True, slots=True)
class File:
    """A file with its content; `once`: what stands there is the user's and stays."""

    path: Path
    text: str
    mode: int = 0o644
    once: bool = False
    group: str = ""

    @property
    def what(self) -> str:
        """The path, and whether it is the user's from then on."""
        return f"file {self.path}" + (" (yours to edit)" if self.once else "")

    def done(self) -> bool:
        """It is there with this content, or there at all when it is the user's."""
        if self.path.is_symlink() or not self.path.is_file():
            return False
        return self.once or self.path.read_text(encoding="utf-8", errors="replace") == self.text

    def do(self) -> str:
        """Write it beside its place and move it there, so that nobody meets half a file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(self.text)
            os.fchmod(file.fileno(), self.mode)
        if self.group:
            with contextlib.suppress(LookupError, PermissionError):
                shutil.chown(fresh, group=self.group)
        fresh.replace(self.path)
        return ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A file, link or whole folder that must not be there; `empty`: a folder that may stay while others use it."""

    path: Path
    empty: bool = False

    @property
    def what(self) -> str:
        """The path."""
        return f"remove {self.path}"

    def done(self) -> bool:
        """Nothing is there, or something of others."""
        return not os.path.lexists(self.path) or (self.empty and any(self.path.iterdir()))

    def do(self) -> str:
        """Remove it; of a link only the link."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)
        return ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the system. `cure` is what to say when it fails; without one its failure ends the installation."""

    words: tuple[str, ...]
    why: str
    cure: str = ""
    unless: tuple[str, ...] = ()  # a question: when it succeeds, nothing is to be done

    @property
    def what(self) -> str:
        """The command line and its reason."""
        return f"{self.why}: {' '.join(self.words)}"

    def done(self) -> bool:
        """The question was answered with yes."""
        return bool(self.unless) and not _run(self.unless)[0]

    def do(self) -> str:
        """Run it."""
        code, said = _run(self.words)
        if not code:
            return ""
        return f"{' '.join(self.words)} ended with {code}" + (f": {said}" if said else "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step."""

    step: Step
    changed: bool
    trouble: str = ""
    fatal: bool = False


def carry_out(steps: Sequence[Step], dry: bool = False) -> list[Outcome]:
    """Do what is not done yet, in order, until one fails that the rest needs. Dry: only say what would be done."""
    outcomes: list[Outcome] = []
    for step in steps:
        outcome = _carry_out(step, dry)
        outcomes.append(outcome)
        if outcome.fatal:
            break
    return outcomes


def _carry_out(step: Step, dry: bool) -> Outcome:
    try:
        if step.done():
            return Outcome(step, changed=False)
        trouble = "" if dry else step.do()
    except OSError as error:
        return Outcome(step, False, f"{error.filename or step.what}: {error.strerror}", fatal=True)
    cure = getattr(step, "cure", "")
    return Outcome(step, not trouble, f"{trouble}; {cure}" if trouble and cure else trouble, bool(trouble and not cure))


def _run(words: Sequence[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
    except FileNotFoundError:
        return 127, f"{words[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, "no answer within two minutes"
    return done.returncode, (done.stderr or done.stdout).strip().splitlines()[-1] if done.stderr or done.stdout else ""
