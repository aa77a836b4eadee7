"""What to watch, as plain values: the daemon fills them from its settings, the tests write them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """One `[[watch]]`."""

    name: str
    runs: str = ""  # a pattern; each match is a folder that holds one run or several
    files: tuple[str, ...] = ()  # patterns of single logs, each a run of its own
    read: tuple[str, ...] = ()  # name patterns of logs; none: every format that is known
    config: tuple[str, ...] = ()  # name patterns of configs; none: the usual ones
    labels: Mapping[str, str] = field(default_factory=dict)
    fresh: float = 3600.0  # a run that was silent for longer at first sight was over before we came
    home: bool = False  # on a network file system: this host tells about runs that show no home
    title: str = ""  # how runs are named; `{folder}` is their path below the match
    poll: float = 1.0  # how often a file that moved lately is looked at

    def names_run(self, key: str) -> bool:
        """Whether a run of this key could be found by this plan; nothing is looked at on the disk."""
        head = f"{self.name}:"
        return key.startswith(head) and any(
            _below(pattern, key.removeprefix(head)) for pattern in (self.runs, *self.files) if pattern
        )


def _below(pattern: str, folder: str) -> bool:
    """Whether a folder is a match of the pattern or lies below one."""
    wanted, parts = pattern.strip("/").split("/"), folder.partition("#")[0].strip("/").split("/")
    for want, part in zip(wanted, parts, strict=False):
        if want == "**":
            return True
        if not fnmatchcase(part, want):
            return False
    return len(parts) >= len(wanted)
