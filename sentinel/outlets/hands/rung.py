"""One rung of the ladder in a process of its own: a task as JSON on stdin, what came of it as JSON on stdout.

It lives on when the daemon dies, so that what was begun is brought to its end; a claim keeps a second one from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sentinel.core.stopping_plan import ONCE, Deed
from sentinel.core.stopping_world import Consent, Level
from sentinel.outlets.hands.carried import Other, carried
from sentinel.outlets.hands.consent import clean, consent_of, kept_by_file
from sentinel.outlets.hands.evidence import gather
from sentinel.outlets.hands.graphics import note_after, note_gpus
from sentinel.outlets.hands.guard import protect
from sentinel.outlets.hands.leaving import look_who_stays
from sentinel.outlets.hands.process import Process, written_files
from sentinel.outlets.hands.remembered import (
    age_of,
    asked_before,
    elsewhere,
    known_alone,
    newcomers,
    remember,
    younger,
)
from sentinel.outlets.hands.requests import note_request, withdraw
from sentinel.outlets.hands.sending import Refused, audit, check_crew, claim, signal_ranks
from sentinel.outlets.hands.slurm import ask_by, park
from sentinel.outlets.hands.starters import stopped_before
from sentinel.outlets.hands.survey import Crew, crew_of_folder, crew_of_pids, stuck
from sentinel.outlets.hands.ways import find_way
from sentinel.outlets.proof.finding import Candidate, candidates, last_good, written_so_far
from sentinel.outlets.proof.proving import ENDINGS, Report, State, prove

Answer = dict[str, Any]
STILL = 2.0  # a save of several files is whole once none of them has moved for so long, or nobody is left to write
AHEAD = 60.0  # a file that was written so far in the future was written by another clock
BEFORE, BAD = "before.json", "bad.json"  # checkpoints as they were before the request; new ones that were no good


def main() -> None:
    """Do the one deed; whatever happens, one line of JSON."""
    print(json.dumps(perform(json.load(sys.stdin))), flush=True)


def perform(task: dict[str, Any]) -> Answer:
    """Do it once: a deed that signals is claimed first."""
    folder = Path(task["state"], task["plan"])
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if task["deed"] in {deed.value for deed in ONCE}:
            check_leave(task, _crew(task), first=not asked_before(folder))
            tainted = _tainted_now(task)
            if tainted is not None:
                why = f"{tainted.path} is tainted by now: a save would save the breakage"
                return {"ended": "failed", "detail": why, **_proven(None, [tainted])}
            if not claim(folder, task["deed"]):
                return {"ended": "unsure", "detail": "it was begun before"}
        return {"ended": "done", "detail": "", **DEEDS[task["deed"]](task, folder)}
    except (Refused, OSError, ValueError) as trouble:
        with contextlib.suppress(OSError):
            audit(folder / "audit.jsonl", "failed", deed=task["deed"], why=str(trouble))
        return {"ended": "failed", "detail": str(trouble)}


def _crew(task: dict[str, Any]) -> Crew:
    pids = task.get("pids") or []
    return crew_of_pids(pids) if pids else crew_of_folder(task["folder"])


def check_leave(task: dict[str, Any], crew: Crew, *, first: bool) -> None:
    """The last look before a deed that cannot be taken back: nobody keeps it, its owner still allows it, it is one run,
    and the first signal goes to those alone that the plan was made for.
    """
    kept = kept_by_file(Path(task["folder"]), task.get("before", ()))
    if kept:
        raise Refused(f"kept by {kept}")
    consent = _consent(task, crew)
    if consent.level < Level(task["needs"]):
        raise Refused(f"its owner allows {consent.level.word} now ({consent.why})")
    carries = list(_carried(task, crew))
    if carries:
        raise Refused("; ".join(carries))
    strangers = younger(crew.ranks, task) if first else []
    if strangers:
        raise Refused(f"pid {strangers[0].pid} was started after this plan was made: it is not what was judged")


def _consent(task: dict[str, Any], crew: Crew) -> Consent:
    granted = task.get("granted")
    environments = [process.environment for process in crew.ranks]
    return consent_of(Path(task["folder"]), environments, (granted[0], Level(granted[1])) if granted else None)


def _carried(task: dict[str, Any], crew: Crew) -> Iterator[str]:
    others = [
        Other(folder, frozenset((pid, start) for pid, start in known), earlier)
        for folder, known, earlier in task.get("others", ())
    ]
    return carried(crew, task["folder"], others)


def _tainted_now(task: dict[str, Any]) -> Report | None:
    """The newest checkpoint, if the run would be asked to save and that one has become tainted since the last proof."""
    newest = candidates(Path(task["folder"]))[:1] if task["deed"] == Deed.ASK else []
    reports = (prove(Path(candidate.path)) for candidate in newest)
    return next((report for report in reports if report.state is State.TAINTED), None)


def _survey(task: dict[str, Any], state_folder: Path) -> Answer:
    if not os.path.lexists(task["folder"]):
        return {"vanished": True}
    crew = _crew(task)
    way = find_way(crew, task["folder"], task.get("ask", ""))
    folder, consent = Path(task["folder"]), _consent(task, crew)
    kept = kept_by_file(folder, task.get("before", ()))
    return {
        "carries": list(_carried(task, crew)), "kept": kept, "saving": any(map(saving, crew.ranks)),
        "consent": [int(consent.level), consent.owner, consent.why], "clean": list(clean(folder, task.get("files", ()))),
        "members": [[p.pid, p.start] for p in crew.ranks],
        "pids": [p.pid for p in crew.ranks], "uids": sorted({p.uid for p in crew.all}), "runs": crew.runs,
        "trouble": list(crew.trouble), "elsewhere": elsewhere(crew, state_folder), "way": way.name if way.known else "",
        "ages": [[rank.pid, age_of(rank, task)] for rank in crew.ranks],
        "named": bool(task.get("ask")), "before": stopped_before(crew, Path(task["state"]), task["plan"]),
        "ends": way.ends, "remote": way.remote, "by_hand": way.words, "stuck": any(map(stuck, crew.ranks)),
    }  # fmt: skip


def _proven(good: Report | None, worse: list[Report], copy: Path | None = None) -> Answer:
    tainted = next((report.path for report in worse if report.state is State.TAINTED), "")
    unclear = next((report for report in worse if report.state is State.UNCLEAR), None) if good is None else None
    age = None if good is None or good.written is None else time.time() - good.written
    if age is not None and age < -AHEAD:
        age = None  # by one clock or another: how much work lies behind it cannot be told
    return {
        "proven": {"good": good.path if good else "", "age": age, "tainted": tainted, "copy": str(copy or ""),
                   "step": good.step if good else None, "unclear": _judged(unclear)}
    }  # fmt: skip


def _judged(unclear: Report | None) -> str:
    return f"{unclear.path} ({'; '.join(unclear.why)})" if unclear else ""


def _prove(task: dict[str, Any], _: Path) -> Answer:
    return _proven(*last_good(Path(task["folder"])))


def _protect(task: dict[str, Any], folder: Path) -> Answer:
    good, worse = last_good(Path(task["folder"]))
    if good is None:
        return _proven(good, worse)
    try:
        copy = protect(Path(good.path), Path(task["folder"]))
    except Refused as refusal:
        return {"ended": "failed", "detail": str(refusal), **_proven(good, worse)}
    audit(folder / "audit.jsonl", "copied", what=good.path, copy=str(copy))
    return _proven(good, worse, copy)


def _gather(task: dict[str, Any], folder: Path) -> Answer:
    crew = _crew(task)
    note_gpus(crew, folder)
    lacks = gather(crew, Path(task["folder"]), folder / "evidence", task.get("files", ()))
    return {"detail": "; ".join(lacks)}


def _ask(task: dict[str, Any], folder: Path) -> Answer:
    crew = _crew(task)
    check_crew(crew, task["uid"])
    if any(map(stuck, crew.ranks)):
        raise Refused("it is stopped: it cannot hear a request")
    before = {candidate.path: list(candidate.mark) for candidate in candidates(Path(task["folder"]))}
    (folder / BEFORE).write_text(json.dumps(before))
    remember(crew, folder)
    way = find_way(crew, task["folder"], task.get("ask", ""))
    note_request(way, folder)
    return {"detail": ask_by(crew, way, folder / "audit.jsonl", stop=bool(task["stop"]))}


def _new(task: dict[str, Any], folder: Path) -> list[Candidate]:
    """What is new against the snapshot of before the request, and has not been found bad in this very form."""
    known = [json.loads((folder / name).read_text()) for name in (BEFORE, BAD) if (folder / name).exists()]
    here = candidates(Path(task["folder"]))
    return [c for c in here if all(old.get(c.path) != list(c.mark) for old in known)]


def _check(task: dict[str, Any], folder: Path) -> Answer:
    new = _new(task, folder)
    reports = [prove(Path(candidate.path)) for candidate in new]
    good = next((report for report in reports if report.state is State.SANE), None)
    if good is None:
        _note_bad(new, folder)
        whys = "; ".join(f"{report.path}: {report.state.value}" for report in reports) or "nothing new"
        return {"ended": "failed", "detail": whys, **_proven(None, reports)}
    return _proven(good, [])


def _note_bad(new: list[Candidate], folder: Path) -> None:
    """Looked at and no good: not looked at again until it changes."""
    known = json.loads((folder / BAD).read_text()) if (folder / BAD).exists() else {}
    (folder / BAD).write_text(json.dumps(known | {candidate.path: list(candidate.mark) for candidate in new}))


def saving(process: Process) -> bool:
    """Whether it has a checkpoint, whole or temporary, open for writing."""
    return any(path.endswith(ENDINGS) or ".tmp" in path for path in written_files(process.pid))


def _watch(task: dict[str, Any], folder: Path) -> Answer:
    """What is seen of a save and of the processes' going."""
    going = look_who_stays(_crew(task), Path(task["folder"]), folder)
    if not going["here"]:
        note_after(folder)
    new = _new(task, folder) if (folder / BEFORE).exists() else []
    found = bool(new) and (not going["here"] or time.time() - max(c.written for c in new) >= STILL)
    return {**going, "progress": written_so_far(Path(task["folder"])), "found": found}


def _withdraw(_: dict[str, Any], folder: Path) -> Answer:
    return {"detail": withdraw(folder)}


def _signal(number: int) -> Callable[[dict[str, Any], Path], Answer]:
    def send(task: dict[str, Any], folder: Path) -> Answer:
        crew = _crew(task)
        check_crew(crew, task["uid"])
        if elsewhere(crew, folder):
            raise Refused("ranks live on other nodes: a signal here would hang them")
        if asked_before(folder) and newcomers(crew, folder):
            raise Refused("it was gone and came back: something restarts it")
        remember(crew, folder)
        crew = known_alone(crew, folder)
        if not crew.ranks:
            raise Refused("none of those who were there at first is left")
        if any("SLURM_JOB_ID" in process.environment for process in crew.ranks):
            if number == signal.SIGKILL:
                raise Refused("it belongs to a Slurm job, which Slurm has been asked to end")
            return {"detail": park(crew, folder / "audit.jsonl")}
        return {"detail": signal_ranks(crew, number, folder / "audit.jsonl")}

    return send


DEEDS: dict[str, Callable[[dict[str, Any], Path], Answer]] = {
    "survey": _survey,
    "watch": _watch,
    "prove": _prove,
    "protect": _protect,
    "gather": _gather,
    "ask": _ask,
    "check": _check,
    "withdraw": _withdraw,
    "end": _signal(signal.SIGTERM),
    "kill": _signal(signal.SIGKILL),
}

if __name__ == "__main__":
    main()
