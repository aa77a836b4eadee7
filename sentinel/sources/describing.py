"""What a run is when it is first met (contracts 5): its name, its home, its batch, and the run that it goes on with.

The answers come from the names of its files and from their first bytes, which are handed in.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentinel.core.records import Fact, Item, Mark, MarkKind, RunInfo
from sentinel.formats.wandb_run import WandbRun, wandb_run
from sentinel.sources.mounts import is_home
from sentinel.sources.partition import batch_of, overrides_name, short_name
from sentinel.sources.plan import WatchPlan
from sentinel.sources.tree import root_of

_RESUME_KEYS = frozenset(
    ["resume", "resume_from", "resume_path", "resume_ckpt", "resume_from_checkpoint", "ckpt_path", "resume_checkpoint"]
)
_PATH = re.compile(r"[~./\w-]*/[\w./=+@-]+")
_ARRAY = re.compile(r"(?:^|[-_.])(?P<job>\d{3,})_\d{1,6}\.(?:out|err|log|txt)")
_METADATA = "wandb-metadata.json"


@dataclass(frozen=True, slots=True)
class Met:
    """A run's folder, or a log that is a run of its own, as it was met."""

    plan: WatchPlan
    key: str
    folder: str
    paths: Sequence[str]
    beside: Iterable[str]  # the names of the files beside its folder
    beginning: Callable[[str], bytes]
    uid: int | None
    host: str
    mountinfo: str
    taken: Container[str] = ()  # the names of other runs


def describe(met: Met, known: Mapping[str, RunInfo], continues: str | None = None) -> RunInfo:
    """The run. `known` are all other runs by key; `continues` is what an earlier life found out."""
    wandb = _wandb(met)
    beside = [f"{os.path.dirname(met.folder)}/{name}" for name in met.beside]
    sweep = f"wandb:{wandb.sweep}" if wandb.sweep else ""
    hosts = {wandb.host} - {""} | _hosts(met)
    home = is_home(met.folder, met.paths, met.host, chosen=met.plan.home, mountinfo=met.mountinfo, named=hosts)
    return RunInfo(
        met.key,
        _name(met, wandb, met.taken),
        met.folder,
        met.plan.name,
        dict(met.plan.labels),
        met.uid,
        home=home,
        continues=continues or _same_id(met, known),
        batch=sweep or batch_of(met.folder, beside) or _array(met.folder, met.paths),
    )


def _name(met: Met, wandb: WandbRun, taken: Container[str]) -> str:
    root = root_of(met.plan.runs) if met.plan.runs else ""
    inside = root and met.folder.startswith(root + "/")
    below = met.folder[len(root) + 1 :] if inside else os.path.basename(met.folder)
    if met.plan.title:
        return met.plan.title.replace("{folder}", below)
    if wandb.name:
        return wandb.name if wandb.name not in taken else f"{wandb.name} ({wandb.id or below})"
    short = short_name(met.folder, taken)
    hydra = f"{met.folder}/.hydra/overrides.yaml"
    return overrides_name(short, met.beginning(hydra).decode(errors="replace")) if hydra in met.paths else short


def _wandb(met: Met) -> WandbRun:
    """The newest of the W&B runs in the folder."""
    files = [path for path in met.paths if path.endswith(".wandb")]
    return wandb_run(met.beginning(max(files))) if files else WandbRun()


def _hosts(met: Met) -> set[str]:
    """The hosts that W&B's metadata names."""
    found = set()
    for path in met.paths:
        if path.endswith(f"/{_METADATA}"):
            match = re.search(rb'"host"\s*:\s*("(?:[^"\\]|\\.)*")', met.beginning(path))
            found |= {str(json.loads(match[1]))} if match else set()
    return found


def _array(folder: str, paths: Sequence[str]) -> str:
    """The tasks of a Slurm array were started together: `slurm-4711_3.out` is one of `slurm:4711`."""
    names = [os.path.basename(path) for path in (folder, *paths)]
    jobs = {match["job"] for name in names if (match := _ARRAY.search(name))}
    return f"slurm:{jobs.pop()}" if len(jobs) == 1 else ""


def _same_id(met: Met, known: Mapping[str, RunInfo]) -> str | None:
    """A W&B run that was resumed in another folder keeps its id there: `run-DATE_TIME-ID`."""
    mine = _wandb_id(met.folder)
    same = [key for key, info in known.items() if mine and key != met.key and _wandb_id(info.folder) == mine]
    before = [key for key in same if known[key].folder < met.folder]
    return max(before, key=lambda key: known[key].folder) if before else None


def _wandb_id(folder: str) -> str:
    match = re.fullmatch(r"(?:offline-)?run-\d{8}_\d{6}-(\w+)", os.path.basename(folder))
    return match[1] if match else ""


# --- the run that it goes on with, out of what its logs and configs say -------------------------------------------


def resumed_from(items: Iterable[Item]) -> str | None:
    """The path of the checkpoint that a run says it was resumed from."""
    for item in items:
        if isinstance(item, Mark) and item.kind is MarkKind.RESUMED:
            match = _PATH.search(item.detail)
            if match:
                return match[0].rstrip(".")
        elif isinstance(item, Fact) and isinstance(item.value, str) and "/" in item.value:
            if item.name.rsplit(".", 1)[-1] in _RESUME_KEYS:
                return item.value
    return None


def run_of(path: str, mine: RunInfo, known: Mapping[str, RunInfo]) -> str | None:
    """The other run in whose folder a path lies; a relative one is looked for from the run's folder upwards."""
    places = [os.path.normpath(os.path.expanduser(path))]
    at = mine.folder
    while not os.path.isabs(places[0]) and at not in ("", "/"):
        places.append(os.path.normpath(f"{at}/{path}"))
        at = os.path.dirname(at)
    inside = [
        (len(info.folder), key)
        for key, info in known.items()
        if key != mine.key and info.folder and any(place.startswith(info.folder + "/") for place in places)
    ]
    if mine.folder and any(place.startswith(mine.folder + "/") and os.path.exists(place) for place in places):
        return None  # its own checkpoint: that is a resume
    return max(inside)[1] if inside else None
