"""The ladder for one run: protect, ask, wait by progress, prove, end, make sure.

A person's own command climbs it whole; the daemon takes single rungs of it, as its plan says.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.core.records import Json
from sentinel.outlets.hands.carried import other_logs
from sentinel.outlets.hands.evidence import gather
from sentinel.outlets.hands.graphics import note_after, note_gpus
from sentinel.outlets.hands.guard import protect
from sentinel.outlets.hands.process import PROC, Process, all_processes, read_process, written_bytes
from sentinel.outlets.hands.resuming import resume_line
from sentinel.outlets.hands.sending import Refused, audit, check_crew, remove_request, signal_ranks
from sentinel.outlets.hands.slurm import ask_by, job_of, park
from sentinel.outlets.hands.survey import Crew, crew_of_folder, crew_of_pids, stuck
from sentinel.outlets.hands.ways import Way, find_way
from sentinel.outlets.proof.finding import candidates, last_good, written_so_far
from sentinel.outlets.proof.proving import Report, State, prove


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each rung waits."""

    save: float = 120.0  # after the request, and after the last byte written
    save_most: float = 1800.0
    leave: float = 30.0
    quiet: float = 60.0
    still: float = 0.5
    look: float = 0.1


@dataclass(slots=True)
class Climb:
    """How far one climb has come."""

    folder: Path
    crew: Crew
    way: Way
    record: Path
    before: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    good: Report | None = None
    worse: list[Report] = field(default_factory=list)
    copy: Path | None = None
    saved: Report | None = None
    said: list[str] = field(default_factory=list)
    against: str = ""  # why it must not be asked, known from elsewhere: its numbers are broken, or it hangs
    may_lose: bool = False  # a person ends it even if no good checkpoint exists
    resume: str = ""  # the command that goes on, as long as somebody is there to tell it
    outcome: str = ""  # "stopped", "saved", "refused", "failed"

    def say(self, text: str, **about: Json) -> None:
        """For the record and the person."""
        self.said.append(text)
        audit(self.record, text, **about)


def survey(folder: Path, record: Path, *, pids: tuple[int, ...] = (), override: str = "") -> Climb:
    """The run in that folder as it stands: its crew, how it can be asked, its checkpoints. Touches nothing."""
    crew = crew_of_pids(pids) if pids else crew_of_folder(str(folder))
    climb = Climb(folder, crew, find_way(crew, str(folder), override), record)
    climb.good, climb.worse = last_good(folder)
    climb.resume = resume_line(crew)
    return climb


def secure(climb: Climb) -> None:
    """Copy the last good checkpoint out of reach, where there is one."""
    if climb.good is not None:
        climb.copy = protect(Path(climb.good.path), climb.folder)
        climb.say(f"copied {climb.good.path}", copy=str(climb.copy))


def check_own(climb: Climb, uid: int | None) -> None:
    """Refuse who must not be signalled at all: also a process that writes for another run, as far as one can see."""
    check_crew(climb.crew, uid)
    for rank in climb.crew.ranks:
        elsewhere = other_logs(rank, climb.folder)
        if elsewhere:
            raise Refused(
                f"pid {rank.pid} also writes {elsewhere[0]}: a process that carries more than one run is left alone"
            )


def request(climb: Climb, uid: int | None, *, stop: bool) -> None:
    """Ask; refuses a run that hangs, whose numbers or newest checkpoint are broken, or that must not be signalled."""
    check_own(climb, uid)
    if climb.against:
        raise Refused(climb.against)
    if any(stuck(process) for process in climb.crew.ranks):
        raise Refused("it is stopped or hangs: it cannot hear a request")
    if any(report.state is State.TAINTED for report in climb.worse):
        raise Refused("its newest checkpoint is tainted: a save would save the breakage")
    unclear = next((report for report in climb.worse if report.state is State.UNCLEAR), None)
    if climb.good is None and unclear is not None and not climb.may_lose:
        raise Refused(
            f"{unclear.path} could not be judged ({'; '.join(unclear.why)}), and a save might replace it: copy it, --lose"
        )
    if climb.way.known and climb.way.ends and not stop:
        raise Refused(f"{climb.way.name} also ends the run: use `sentinel stop`")
    climb.before = {candidate.path: candidate.mark for candidate in candidates(climb.folder)}
    climb.say(f"asked: {ask_by(climb.crew, climb.way, climb.record, stop=stop)}")


def await_save(climb: Climb, patience: Patience) -> bool:
    """Wait for a checkpoint that is new and proven; as long as bytes are written, wait on."""
    began = grew = time.monotonic()
    last = -1
    while True:
        now = time.monotonic()
        progress = written_so_far(climb.folder)
        if progress != last:
            last, grew = progress, now if last != -1 else grew
        gone = not living(climb.crew)
        climb.saved = _proven_new(climb, 0.0 if gone else patience.still) or climb.saved
        if climb.saved is not None:
            climb.say(f"saved and proven: {climb.saved.path}", step=climb.saved.step)
            return True
        if gone or now - grew > patience.save or now - began > patience.save_most:
            remove_request(climb.way)
            climb.say("no good checkpoint came", gone=gone)
            return False
        time.sleep(patience.look)


def _proven_new(climb: Climb, still: float) -> Report | None:
    for candidate in candidates(climb.folder):
        if climb.before.get(candidate.path) == candidate.mark or time.time() - candidate.written < still:
            continue
        report = prove(Path(candidate.path))
        if report.state is State.SANE:
            return report
        if report.state is State.TAINTED:
            climb.before[candidate.path] = candidate.mark
            climb.worse.insert(0, report)
            climb.say(f"saved, but tainted: {candidate.path}")
    return None


def living(crew: Crew) -> list[Process]:
    """Who of the crew is still there, the same process as before."""
    return [p for p in crew.all if (now := read_process(p.pid)) is not None and now.start == p.start]


def end(climb: Climb, uid: int | None, patience: Patience, *, kill: bool) -> bool:
    """TERM to the ranks that are left, then, only with leave, KILL. Whether all of them have gone."""
    for number in (signal.SIGTERM, *((signal.SIGKILL,) if kill else ())):
        left = tuple(p for p in climb.crew.ranks if p in living(climb.crew))
        if not left:
            return True
        now = Crew(left, climb.crew.agents, (), climb.crew.trouble, climb.crew.world, climb.crew.runs)
        check_crew(now, uid)
        if climb.crew.elsewhere:
            raise Refused("ranks live on other nodes: a signal here would hang them")
        try:
            climb.say(park(now, climb.record) if job_of(now) else signal_ranks(now, number, climb.record))
        except ProcessLookupError:
            continue
        if _gone_within(climb, patience.leave):
            return True
    stuck_in = [f"{p.pid} ({_where(p.pid)})" for p in climb.crew.ranks if p in living(climb.crew)]
    if stuck_in:
        climb.say(f"still there: {', '.join(stuck_in)}")
    return not stuck_in


def _where(pid: int) -> str:
    try:
        return (PROC / str(pid) / "wchan").read_text() or "running"
    except OSError:
        return "?"


def _gone_within(climb: Climb, seconds: float) -> bool:
    """Whether the ranks go; bytes that are still written extend the wait."""
    last, grew = -1, time.monotonic()
    while time.monotonic() - grew < seconds:
        left = [p for p in living(climb.crew) if p in climb.crew.ranks]
        if not left:
            return True
        written = sum(written_bytes(p.pid) for p in left)
        if written != last:
            grew = time.monotonic() if last == -1 else grew
            last = written
        time.sleep(0.05)
    return False


def stays_gone(climb: Climb, seconds: float, look: float = 0.5) -> bool:
    """Whether no process of the run is there for so long: a restart by its launcher or a scheduler is seen."""
    until = time.monotonic() + seconds
    command = climb.crew.ranks[0].command if climb.crew.ranks else ()
    old = {p.pid for p in climb.crew.all}
    while time.monotonic() < until:
        again = [p.pid for p in all_processes().values() if p.command == command and p.pid not in old and p.command]
        if again and crew_of_folder(str(climb.folder)).ranks:
            climb.say("it came back: something restarts it", pids=list(again))
            return False
        time.sleep(look)
    return not [p for p in living(climb.crew) if p in climb.crew.ranks]


def climb_whole(
    climb: Climb, uid: int | None, patience: Patience, *, kill: bool = False, checkpoint_only: bool = False,
    evidence: Path | None = None, tell: Callable[[str], None] = lambda _: None,
) -> Climb:  # fmt: skip
    """All rungs, as a person's own command takes them; `outcome` says where it ended."""
    try:
        check_own(climb, uid)
        if evidence is not None:
            note_gpus(climb.crew, climb.record.parent)
            climb.said.extend(gather(climb.crew, climb.folder, evidence))
        secure(climb)
        saved = _asked(climb, uid, patience, checkpoint_only, climb.may_lose or climb.good is not None, tell)
    except Refused as refusal:
        climb.say(f"refused: {refusal}")
        climb.outcome = "refused"
        return climb
    if checkpoint_only:
        climb.outcome = "saved" if saved else "failed"
        return climb
    return _ended(climb, uid, patience, kill, saved)


def _asked(
    climb: Climb, uid: int | None, patience: Patience, only: bool, may_end: bool, tell: Callable[[str], None]
) -> bool:
    try:
        request(climb, uid, stop=not only)
    except Refused as refusal:
        if only or not may_end:
            raise
        climb.say(f"not asked: {refusal}")
        return False
    tell(climb.said[-1])
    if await_save(climb, patience):
        return True
    if not may_end and living(climb.crew):
        raise Refused("it was asked and saved nothing; nothing good is left to fall back on")
    return False


def _ended(climb: Climb, uid: int | None, patience: Patience, kill: bool, saved: bool) -> Climb:
    try:
        left = _gone_within(climb, patience.leave if saved else 0.1)
        gone = left or end(climb, uid, patience, kill=kill)
    except Refused as refusal:
        climb.say(f"refused: {refusal}")
        climb.outcome = "refused"
        return climb
    climb.outcome = "stopped" if gone and stays_gone(climb, patience.quiet) else "failed"
    gpus = note_after(climb.record.parent)
    climb.say(f"{climb.outcome}; {f'GPU memory: {gpus}; ' if gpus else ''}to go on: {climb.resume}")
    return climb
