"""Follows the processes of the runs: who works for which run, how they are, and how a run went when they are gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from sentinel.core.endings import Ending, Traces, how_it_went
from sentinel.core.records import Batch, Fact, How, Item, Mark, Origin, Over, Row, Scalar
from sentinel.sources.processes.attach import Because, KnownRun, Link, Links, Member, Stray, attach
from sentinel.sources.processes.exits import Exit, Exits
from sentinel.sources.processes.groups import Groups
from sentinel.sources.processes.missed import UNSEEN, Left, Missed
from sentinel.sources.processes.process import Pid, Process
from sentinel.sources.processes.reading import Vital, pids, process, vital
from sentinel.sources.processes.vitals import Vitals

FULL = 300.0  # seconds between two looks at all processes
RETRIES = (0.0, 30.0, 120.0)  # when a run without processes is looked for again
GRACE = 10.0  # seconds between the last process and the verdict: the log's last lines and the kernel's come meanwhile
NOT_WATCHED = "its processes are gone; nothing that it writes is watched, so nobody can tell how it went"
STRAY_AFTER = 60.0  # seconds that a process holds a GPU before it counts as a run that nobody named


@dataclass(frozen=True, slots=True)
class Course:
    """What the daemon knows of a run and a verdict needs."""

    marks: tuple[Mark, ...] = ()
    progress: float | None = None


@dataclass(slots=True)
class Followed:
    """A run that has or had processes."""

    link: Link
    gone_at: float | None = None
    exits: dict[Pid, Exit] = field(default_factory=dict)
    restarts: int = 0
    kills: float = 0.0  # for want of memory in its job or container, that we saw
    told: dict[str, Scalar] = field(default_factory=dict)


@dataclass(slots=True)
class ProcessSource:
    """A source of `proc.*` readings, `process.*` facts and of the end of runs."""

    host: str
    poll: float = 15.0
    root: str = "/proc"
    runs: Mapping[str, KnownRun] = field(default_factory=dict)
    courses: Mapping[str, Course] = field(default_factory=dict)
    gpus: Mapping[str, Sequence[int]] = field(default_factory=dict)  # GPU -> pids, as NVML lists them
    kernel_said: Mapping[int, tuple[str, bool]] = field(default_factory=dict)  # pid -> (line, out of memory)
    links: Links = field(default_factory=lambda: Links({}))
    followed: dict[str, Followed] = field(default_factory=dict)
    living: dict[Pid, Vital] = field(default_factory=dict)
    unnamed: dict[str, Stray] = field(default_factory=dict)  # runs that no watch names, by key
    vitals: Vitals = field(default_factory=Vitals)
    exits: Exits = field(default_factory=Exits)
    by_us: Callable[[str], str] = lambda key: ""  # noqa: ARG005 - what Sentinel itself did to stop a run
    hears_kernel: Callable[[], bool] = lambda: True
    groups: Groups = field(default_factory=Groups)
    missed: Missed = field(default_factory=Missed)
    _known: dict[Pid, Process] = field(default_factory=dict)
    _moments: dict[Pid, Vital] = field(default_factory=dict)  # of those, at the last look at all
    _due: float = 0.0
    _full_due: float = 0.0
    _tries: dict[str, tuple[int, float]] = field(default_factory=dict)
    _loose_since: dict[Pid, float] = field(default_factory=dict)
    _lives: dict[str, int] = field(default_factory=dict)  # how often a run that is over was started so far
    _pids_met: frozenset[int] = frozenset()
    _asked_for: Mapping[str, KnownRun] | None = None  # whose processes were looked for
    _ask_at: float = 0.0  # when that is done again

    @property
    def name(self) -> str:
        """For status and messages."""
        return "processes"

    def read(self, now: float) -> Iterator[Batch]:
        """Readings of the runs' processes, and the end of runs whose processes are gone."""
        if self._must_scan(now):
            self._scan(now)
        if now < self._due:
            return
        self._due = now + self.poll
        members = [member for followed in self.followed.values() for member in followed.link.members]
        self.living = self.vitals.look(members)
        for key, followed in list(self.followed.items()):
            yield from self._follow(key, followed, now)
        for key, left in self.missed.gone(self.runs, self.followed, self.alive, now):
            yield self._went_unseen(key, left, now)

    def trouble(self) -> Sequence[str]:
        """Missing rights, processes that write nowhere, pids of another namespace; each with its cure."""
        return [*self._missing_rights(), *map(describe, self.unnamed.values()), *self._foreign()]

    def alive(self, pid: Pid) -> bool:
        """Whether that very process still runs."""
        seen = vital(pid.number, self.root)
        return seen is not None and seen.id == pid and seen.state not in "ZX"

    def close(self) -> None:
        """Let the descriptors go."""
        self.exits.close()

    def _must_scan(self, now: float) -> bool:
        listed = frozenset(pid for found in self.gpus.values() for pid in found)
        due = now >= self._full_due or bool(listed - self._pids_met)
        if self.runs is self._asked_for and now < self._ask_at:
            return due
        self._asked_for, self._ask_at = self.runs, inf
        for key in self.runs.keys() - self.links.runs.keys():
            tries, at = self._tries.get(key, (0, now))
            if tries < len(RETRIES) and now >= at:
                following = now + RETRIES[tries + 1] if tries + 1 < len(RETRIES) else now
                self._tries[key] = (tries + 1, following)
                due = True
            left, at = self._tries.get(key, (0, now))
            if left < len(RETRIES):
                self._ask_at = min(self._ask_at, at)
        return due

    def _scan(self, now: float) -> None:
        """Look at all processes. What was once found to be a run's own stays so while it lives."""
        self._full_due = now + FULL
        self._asked_for = None
        self._pids_met = frozenset(pid for found in self.gpus.values() for pid in found)
        seen, moments = {}, {}
        for number in pids(self.root):
            found = vital(number, self.root)
            if found is not None and not found.kernel and found.state not in "ZX" and number != os.getpid():
                moments[found.id] = found
                seen[found.id] = self._as_before(found) or process(found, self.root)
        self._known, self._moments = seen, moments
        unnamed = [KnownRun(key, pids=stray.pids) for key, stray in self.unnamed.items()]
        self.links = attach(seen.values(), [*self.runs.values(), *unnamed], self.gpus)
        self._drop_named(seen)
        for key in {*self.links.runs, *self.followed}:
            self._meet(key)
        self._note_strays(now)

    def _as_before(self, found: Vital) -> Process | None:
        """A process that used no time since the last look, to a hundredth of a second, has what it had."""
        before = self._moments.get(found.id)
        still = before is not None and (before.cpu, before.name, before.parent) == (found.cpu, found.name, found.parent)
        return self._known.get(found.id) if still else None

    def _meet(self, key: str) -> None:
        link, followed = self.links.runs.get(key), self.followed.get(key)
        if followed is None:
            if link is not None:
                self.followed[key] = Followed(link, restarts=self._lives.get(key, 0))
        else:
            followed.link = _merged(followed.link, link, self._known)
            anew = any(member.process.id in self._known for member in _workers(followed.link))
            if followed.gone_at is not None and anew:
                followed.gone_at, followed.restarts = None, followed.restarts + 1
                followed.exits.clear()
        if key in self.followed:
            for member in _workers(self.followed[key].link):
                self.exits.watch(member.process.id)

    def _drop_named(self, seen: Mapping[Pid, Process]) -> None:
        """A run that a watch names by now is no longer one that nobody named."""
        named = {m.process.id for key, link in self.links.runs.items() if key in self.runs for m in link.members}
        for key, stray in list(self.unnamed.items()):
            if stray.first.id in seen and stray.pids & named:
                del self.unnamed[key]
                self.followed.pop(key, None)

    def _note_strays(self, now: float) -> None:
        """Processes that hold a GPU for long and belong to no run are a run from here on."""
        loose = {member.process.id for stray in self.links.strays for member in stray.members}
        self._loose_since = {pid: self._loose_since.get(pid, now) for pid in loose}
        for stray in self.links.strays:
            if now - self._loose_since[stray.members[0].process.id] >= STRAY_AFTER:
                self.unnamed[stray.key] = stray
                self.followed[stray.key] = Followed(Link(stray.key, stray.members))
                self._full_due = now  # its workers are met at the next look
            else:
                self._full_due = min(self._full_due, now + STRAY_AFTER)

    def _follow(self, key: str, followed: Followed, now: float) -> Iterator[Batch]:
        for member in followed.link.members:
            if member.process.id not in self.living:
                ended = self.exits.ended(member.process.id)
                if ended is not None:
                    followed.exits[member.process.id] = ended
        own = [m for m in _workers(followed.link) if m.process.id in self.living]
        if own:
            yield self._readings(key, followed, now)
        elif followed.gone_at is None:
            followed.gone_at = now
            self._full_due = min(self._full_due, now + GRACE / 2)  # it may have been started anew
            self._due = now + 1
        elif now - followed.gone_at >= GRACE:
            yield self._over(key, followed, now)
        else:
            self._due = now + 1

    def _readings(self, key: str, followed: Followed, now: float) -> Batch:
        values = self.vitals.readings(key, followed.link.members, self.living, now)
        values["proc.restarts"] = float(followed.restarts)
        killed = self.groups.new_kills(_chiefs(followed.link)[0].process)
        if killed is not None:
            followed.kills += killed
            values["proc.group_kills"] = killed
        row = Row(tuple(values), tuple(values.values()), None, None, now, "", 0)
        told: dict[str, Scalar] = {
            "process.pids": _pids_text(followed.link),
            "process.gpus": ",".join(followed.link.gpus),
        }
        if all(member.process.notebook for member in _chiefs(followed.link)):
            told["process.notebook"] = True
        return Batch(key, (*_facts(followed, told), row))

    def _over(self, key: str, followed: Followed, now: float) -> Batch:
        del self.followed[key]
        self._lives[key] = followed.restarts + 1  # should it come back
        self.vitals.forget(member.process.id for member in followed.link.members)
        traces = self._traces(key, followed)
        ending = how_it_went(traces)
        if self.unnamed.pop(key, None) is not None and ending.how is How.UNCLEAR:
            ending = Ending(How.ENDED, NOT_WATCHED)
        facts: dict[str, Scalar] = {"process.how": ending.how.value, "process.end": ending.detail}
        if traces.exit_code is not None:
            facts["process.exit_code"] = traces.exit_code
        if traces.signal is not None:
            facts["process.signal"] = traces.signal
        items: tuple[Item | Over, ...] = (*_facts(followed, facts), Over(ending.how, now, ending.detail))
        return Batch(key, items)

    def _went_unseen(self, key: str, left: Left, now: float) -> Batch:
        course = self.courses.get(key, Course())
        line, out_of_memory = _said_of(left.pids, self.missed.kernel_said)
        by_us, lost = self.by_us(key), left.lost()
        traces = Traces(course.marks, None, None, line, out_of_memory, by_us, course.progress, lost=lost)
        ending = how_it_went(traces)
        detail = UNSEEN if ending.how is How.UNCLEAR else ending.detail
        facts = {"process.how": ending.how.value, "process.end": detail}
        news = (Fact(name, value, "", 0, Origin.PROCESS) for name, value in facts.items())
        return Batch(key, (*news, Over(ending.how, now, detail)))

    def _traces(self, key: str, followed: Followed) -> Traces:
        course = self.courses.get(key, Course())
        line, out_of_memory = _said_of((member.process.id for member in followed.link.members), self.kernel_said)
        worst = _worst(followed)
        if not line and followed.kills and (worst is None or worst.code != 0):
            line, out_of_memory = f"its job or container counts {followed.kills:.0f} kills for want of memory", True
        code, signal = (worst.code, worst.signal) if worst is not None else (None, None)
        by_us, heard = self.by_us(key), self.hears_kernel()
        return Traces(course.marks, code, signal, line, out_of_memory, by_us, course.progress, heard)

    def _missing_rights(self) -> Iterator[str]:
        strays = (*self.unnamed.values(), *self.links.strays)
        hidden = [member.process for stray in strays for member in stray.members if member.process.denied]
        if hidden:
            numbers = ", ".join(str(found.id.number) for found in hidden[:8])
            yield (
                f"cannot see what process {numbers} has open: no rights; run Sentinel as root, or give it "
                "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
            )

    def _foreign(self) -> Iterator[str]:
        if self.links.foreign:
            gpus = ", ".join(sorted(self.links.foreign))
            yield f"GPU {gpus}: its processes live in another pid namespace; start this container with --pid=host"


def _said_of(pids: Iterable[Pid], said: Mapping[int, tuple[str, bool]]) -> tuple[str, bool]:
    """The kernel's line about the death of one of these, and whether memory was short."""
    return next((said[pid.number] for pid in pids if pid.number in said), ("", False))


def describe(stray: Stray) -> str:
    """A run that no watch names, with what can be done. Paths are its user's alone (contracts 8)."""
    first = stray.first
    gpus = ", ".join(sorted({gpu for member in stray.members for gpu in member.gpus}))
    who = f"GPU {gpus}: process {first.id.number} of user {first.uid}"
    if first.notebook:
        return f"{who} is a notebook kernel; hang, idle and died rules are off for it"
    if "files" in first.denied:
        return f"{who}: cannot tell what it writes; see the missing rights"
    if any(not file.deleted for member in stray.members for file in member.process.writes):
        return f"{who} is named by no [[watch]]; add the folder that it writes to (`ls -l /proc/{first.id.number}/fd`)"
    where = f"writes to {first.terminal} only" if first.terminal else "writes to no file"
    return f"{who}: cannot tell: {where}; `tmux pipe-pane -o 'cat >> FILE'` gives a terminal a file"


def _merged(before: Link, now: Link | None, known: Mapping[Pid, Process]) -> Link:
    """The new members, and those of before that still live though no file of the run is open just now."""
    found = {member.process.id: member for member in (now.members if now else ())}
    for member in before.members:
        if member.process.id not in found and member.process.id in known:
            found[member.process.id] = member
    if not found:
        return before  # all are gone: who they were is needed for the verdict
    return Link(before.run, tuple(sorted(found.values(), key=lambda member: member.process.id)))


def _workers(link: Link) -> list[Member]:
    return [member for member in link.members if member.because is not Because.CARRIER]


def _worst(followed: Followed) -> Exit | None:
    """The exit that tells most: of a rank's own fault before that of the launcher which stopped the others."""

    def weight(item: tuple[Pid, Exit]) -> tuple[int, int]:
        pid, ended = item
        fault = 3 if ended.signal not in {None, 9, 15} else 2 if ended.code else 1 if ended.signal else 0
        return fault, -pid.start

    ended = max(followed.exits.items(), key=weight, default=None)
    return ended[1] if ended else None


def _chiefs(link: Link) -> list[Member]:
    """Those that were found to be the run's own, without what merely was started with them."""
    return [member for member in _workers(link) if member.because is not Because.FAMILY] or _workers(link)


def _facts(followed: Followed, facts: Mapping[str, Scalar]) -> Iterator[Fact]:
    """Those that are news."""
    for name, value in facts.items():
        if followed.told.get(name) != value:
            followed.told[name] = value
            yield Fact(name, value, "", 0, Origin.PROCESS)


def _pids_text(link: Link) -> str:
    chief = [m.process.id.number for m in link.members if m.gpus or m.process.rank is not None]
    return ",".join(map(str, chief or [m.process.id.number for m in link.members][:1]))
