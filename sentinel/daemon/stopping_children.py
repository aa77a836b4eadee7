"""The stop plan's children: each deed and each look runs in a process of its own, so that nothing holds the loop back.

A child outlives us: what was begun is brought to its end, and its claim keeps a second one from doing it again. One that
stands still is named to people; no restart is made for it, since what holds it (a disk, a driver) would hold the next one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sentinel.core.stopping_plan import Deed
from sentinel.core.stopping_world import Consent, Ended, Level, Outcome, Proven, Saving, Survey
from sentinel.daemon.progress import Progress, Then

ROOT = str(Path(__file__).resolve().parents[2])
CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sentinel.outlets.hands.rung import main; main()"
DEADLINE = 900.0
SURVEY, WATCH = "survey", "watch"
LOOKS = frozenset({SURVEY, WATCH})  # they change nothing: one that does not end is ended
PROMISED = {
    SURVEY: 60.0,
    WATCH: 60.0,
    Deed.PROVE: 600.0,
    Deed.CHECK: 600.0,
    Deed.PROTECT: 600.0,
}  # large files are read
PROMISED_ELSE = 180.0
WORDS = {
    SURVEY: "the look at the processes of", WATCH: "the look at the save of", Deed.PROVE: "the proof of the checkpoint of",
    Deed.CHECK: "the proof of the new checkpoint of", Deed.PROTECT: "the copy of the checkpoint of",
    Deed.GATHER: "gathering evidence of", Deed.ASK: "asking", Deed.END: "ending", Deed.KILL: "killing",
    Deed.WITHDRAW: "taking back the request to",
}  # fmt: skip
LONGEST_ANSWER = 1 << 20
KEPT = "kept by "


@dataclass(slots=True)
class Work:
    """One child under way."""

    process: subprocess.Popen[bytes]
    run: str
    plan: str
    deed: str
    began: float
    said: BinaryIO

    @property
    def name(self) -> str:
        """As people are told of it."""
        return f"{WORDS.get(self.deed, self.deed)} {self.run} (pid {self.process.pid})"


@dataclass(slots=True)
class Seen:
    """What the hands have seen of one run since this daemon started."""

    survey: Survey | None = None
    consent: Consent = field(default_factory=Consent)
    nobody: float | None = None  # since when no look has found anybody
    kept: str = ""
    before: tuple[str, ...] = ()  # plans that signalled what the same one had started
    clean: frozenset[str] = frozenset()  # files that only the run's owner could have written
    members: frozenset[tuple[int, int]] = frozenset()
    saving: Saving = field(default_factory=Saving)
    progress: int = -1
    begun: dict[str, float] = field(default_factory=dict)  # a look -> when it was last started

    def surveyed(self, answer: dict[str, Any], now: float, began: float) -> None:
        """Take in what a look at the processes found, begun then. Who found nobody learned nothing of consent."""
        if answer.get("vanished"):
            self.survey = Survey(now, vanished=True)
        if "pids" not in answer:
            return
        self.survey = Survey(
            now, tuple(answer["pids"]), frozenset(answer["uids"]), answer["runs"], tuple(answer["trouble"]),
            answer["elsewhere"], answer["way"], answer["ends"], answer["remote"], answer["by_hand"], answer["stuck"],
            answer["saving"], tuple(answer["carries"]), answer["named"], tuple((pid, began - age) for pid, age in answer["ages"]),
        )  # fmt: skip
        self.nobody = None if answer["pids"] else now if self.nobody is None else self.nobody
        self.kept, self.clean, self.before = answer["kept"], frozenset(answer["clean"]), tuple(answer["before"])
        self.members = frozenset((pid, start) for pid, start in answer["members"])
        level, owner, why = answer["consent"]
        if answer["pids"] or self.consent == Consent():
            self.consent = Consent(Level(level), owner, why)

    def watched(self, answer: dict[str, Any], now: float) -> None:
        """Take in what a look at the save and the going found."""
        if "here" not in answer:
            return
        grew = now if answer["progress"] != self.progress and self.progress >= 0 else self.saving.grew
        self.progress = answer["progress"]
        gone = None if answer["here"] else self.saving.gone or now
        back = answer["back"]
        self.saving = Saving(
            grew, answer["found"], None if back else gone, back, now, answer["launcher"], answer["left"]
        )


class Children:
    """All children under way."""

    def __init__(self, progress: Progress | None = None, code: str = CODE) -> None:
        """None yet. `progress` hears what each promises."""
        self._progress, self._code = progress or Progress(), code
        self._work: list[Work] = []
        self._abandoned: list[Work] = []

    def start(self, run: str, plan: str, task: dict[str, Any], now: float) -> None:
        """Start one; it reads its task and is left alone. Task and answer lie in memory, so that no full pipe holds anyone."""
        with _memory("sentinel-task") as given:
            given.write(json.dumps({**task, "sent": time.clock_gettime(time.CLOCK_BOOTTIME)}).encode())
            given.seek(0)
            said = _memory("sentinel-answer")
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", self._code, ROOT], stdin=given, stdout=said,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        work = Work(process, run, plan, task["deed"], now, said)
        self._work.append(work)
        cure = f"look at the disk of its checkpoints and at the kernel log; `kill {process.pid}` ends it, a plan goes on without"
        self._progress.began(work.name, now, PROMISED.get(work.deed, PROMISED_ELSE), Then.TELL, cure)

    def doing(self, deed: str) -> int:
        """How many do this now, for whatever run."""
        return sum(work.deed == deed and work.process.poll() is None for work in self._work)

    def busy(self, run: str) -> set[str]:
        """What is being done for a run."""
        return {work.deed for work in self._work if work.run == run}

    def ended(self, run: str, now: float) -> list[tuple[Work, dict[str, Any]]]:
        """The children of a run that have ended or run out of time, with what they said."""
        self._reap()
        over = []
        for work in [work for work in self._work if work.run == run]:
            late = now - work.began > DEADLINE
            if late or work.process.poll() is not None:
                self._work.remove(work)
                over.append((work, self._answer_of(work, late)))
        return over

    def _answer_of(self, work: Work, late: bool) -> dict[str, Any]:
        if late:  # a deed is not killed: it may be in the midst of a signal
            self._abandoned.append(work)
            if work.deed in LOOKS:
                work.process.kill()
            return {"ended": "unsure", "detail": "it did not end in time"}
        self._progress.rests(work.name)
        with work.said as said:
            said.seek(0)
            text = said.read(LONGEST_ANSWER)
        try:
            answer = json.loads(text)
        except ValueError:
            return {"ended": "unsure", "detail": "its hand died"}
        return answer if isinstance(answer, dict) else {"ended": "unsure", "detail": "it answered nonsense"}

    def _reap(self) -> None:
        """Those that nobody waits for any more and that ended after all."""
        for work in [work for work in self._abandoned if work.process.poll() is not None]:
            self._abandoned.remove(work)
            work.said.close()
            self._progress.rests(work.name)


def _memory(name: str) -> BinaryIO:
    return os.fdopen(os.memfd_create(name), "w+b")


def outcome_of(deed: str, answer: dict[str, Any], now: float) -> Outcome:
    """What came of a deed, as the plan reads it."""
    told = answer.get("proven")
    proven = None
    if told is not None:
        saved = None if told["age"] is None else now - told["age"]
        proven = Proven(told["good"], saved, told["tainted"], told["copy"], told["step"], told["unclear"])
    return Outcome(deed, Ended(answer["ended"]), answer.get("detail", ""), proven)
