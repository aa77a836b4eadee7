"""The figures of a run's processes from moment to moment: memory, processor time, states, descriptors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sentinel.sources.processes.attach import Because, Member
from sentinel.sources.processes.process import Pid
from sentinel.sources.processes.reading import Vital, vital

PAGE = os.sysconf("SC_PAGE_SIZE") / (1 << 20)  # MiB
SLOW_SET = 300.0  # seconds between two looks at what is dear: shared memory, descriptors


@dataclass(slots=True)
class Course:
    """What one process did so far."""

    cpu: float | None = None
    at: float | None = None
    state: str = ""
    state_since: float = 0.0


@dataclass(slots=True)
class Vitals:
    """Follows the processes of all runs."""

    root: str = "/proc"
    courses: dict[Pid, Course] = field(default_factory=dict)
    slow_at: dict[str, float] = field(default_factory=dict)
    gone_cpu: dict[str, float] = field(default_factory=dict)  # run -> seconds that its dead processes used

    def look(self, members: Iterable[Member]) -> dict[Pid, Vital]:
        """The moment's figures of those that still live; a number in use by another process is another process."""
        found = {}
        for member in members:
            seen = vital(member.process.id.number, self.root)
            if seen is not None and seen.id == member.process.id and seen.state != "X":
                found[seen.id] = seen
        return found

    def readings(
        self, run: str, members: Iterable[Member], living: Mapping[Pid, Vital], now: float
    ) -> dict[str, float]:
        """The run's readings; the dear ones only now and then."""
        own = [member for member in members if member.process.id in living and member.because is not Because.CARRIER]
        if not own:
            return {}
        seen = [living[member.process.id] for member in own]
        out = {
            "proc.count": float(len(own)),
            "proc.rss_mb": max(each.rss for each in seen) * PAGE,
            "proc.rss_sum_mb": sum(each.rss for each in seen) * PAGE,
            "proc.cpu_s": sum(each.cpu for each in seen),
            "proc.zombies": float(sum(each.state == "Z" for each in seen)),
            "proc.stopped": float(sum(each.state in "Tt" for each in seen)),
        }
        out |= self._courses(own, living, now)
        if now >= self.slow_at.get(run, 0.0):
            self.slow_at[run] = now + SLOW_SET
            out |= self._dear(own)
        return out

    def forget(self, pids: Iterable[Pid]) -> None:
        """These are gone."""
        for pid in pids:
            self.courses.pop(pid, None)

    def _courses(self, own: Iterable[Member], living: Mapping[Pid, Vital], now: float) -> dict[str, float]:
        out: dict[str, float] = {}
        cores, known, blocked = 0.0, False, 0.0
        for member in own:
            seen = living[member.process.id]
            course = self.courses.setdefault(seen.id, Course())
            if seen.state != course.state:
                course.state, course.state_since = seen.state, now
            if seen.state == "D":
                blocked = max(blocked, now - course.state_since)
            if course.cpu is not None and course.at is not None and now > course.at:
                used = (seen.cpu - course.cpu) / (now - course.at)
                cores, known = cores + used, True
                if member.process.rank is not None and member.because is not Because.FAMILY:
                    out[f"rank.{member.process.rank}.cpu"] = used
            course.cpu, course.at = seen.cpu, now
        out["proc.blocked_s"] = blocked
        return out | ({"proc.cores": cores} if known else {})

    def _dear(self, own: Iterable[Member]) -> dict[str, float]:
        shares, total, complete = [], 0.0, True
        for member in own:
            pid = member.process.id.number
            share = descriptors(pid, self.root)
            if share is not None:
                shares.append(share)
            held = proportional_mb(pid, self.root)
            complete = complete and held is not None
            total += held or 0.0
        out = {"proc.fd_share": max(shares)} if shares else {}
        return out | ({"proc.pss_mb": total} if complete and total else {})


def proportional_mb(pid: int, root: str = "/proc") -> float | None:
    """Memory with shared pages divided among their users; None where rights are missing."""
    try:
        with open(f"{root}/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        return None
    return None


def descriptors(pid: int, root: str = "/proc") -> float | None:
    """The share of its descriptors that a process has in use."""
    try:
        used = len(os.listdir(f"{root}/{pid}/fd"))
        with open(f"{root}/{pid}/limits", "rb") as file:
            limit = next((line.split()[3] for line in file if line.startswith(b"Max open files")), b"unlimited")
    except (OSError, IndexError):
        return None
    return used / int(limit) if limit.isdigit() and int(limit) else None
