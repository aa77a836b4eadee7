"""Kills for want of memory in the cgroup of a job or container, as its `memory.events` counts them.

Only a cgroup that is a job's or container's own says something about one run: a login session holds many.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sentinel.sources.host.figures import group_kills
from sentinel.sources.processes.process import Process
from sentinel.sources.processes.reading import cgroup_lines

MOUNT = "/sys/fs/cgroup"


@dataclass(slots=True)
class Groups:
    """What was counted so far, by cgroup."""

    root: str = "/proc"
    mount: str = MOUNT
    counted: dict[str, float] = field(default_factory=dict)

    def new_kills(self, process: Process) -> float | None:
        """Kills in its job or container since the last look; None where nobody counts them."""
        if not process.container.kind:
            return None
        for line in cgroup_lines(process.id.number, self.root):
            number, controllers, path = line.split(":", 2)
            if number == "0":
                file = f"{self.mount}{path}/memory.events"
            elif controllers == "memory":
                file = f"{self.mount}/memory{path}/memory.oom_control"
            else:
                continue
            found = group_kills(file)
            if found is not None:
                before = self.counted.get(file)
                self.counted[file] = found
                return found - before if before is not None and found > before else 0.0
        return None
