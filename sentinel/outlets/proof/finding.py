"""Finds a run's checkpoints by names, sizes and times alone, and the newest good one among them by proof."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sentinel.outlets.proof.proving import ENDINGS, SHARDS, Report, State, prove

DEEPEST, MOST = 5, 20_000
TRIED = 6
KEPT = ".sentinel-kept"  # where Sentinel's own copies lie
FOLDERS = (
    "trainer_state.json", ".metadata", "model.safetensors.index.json", "checkpoint-is-incomplete.txt", "optimizer.bin",
    "random_states_0.pkl",
)  # fmt: skip


class Candidate(NamedTuple):
    """Something that looks like a checkpoint, and what tells it from its successor of the same name."""

    path: str
    written: float
    mark: tuple[int, int, int]  # time of the last write in ns, size, inode


def candidates(folder: Path) -> list[Candidate]:
    """What looks like a checkpoint under a folder, newest first."""
    found = [_candidate(path) for path in _walk(folder)]
    return sorted((c for c in found if c), key=lambda c: -c.mark[0])


def _walk(folder: Path) -> Iterator[Path]:
    seen = 0
    for base, folders, files in os.walk(folder):
        here = Path(base)
        depth = len(here.relative_to(folder).parts)
        folders[:] = [] if depth >= DEEPEST else [name for name in folders if name != KEPT]
        seen += len(files)
        if seen > MOST:
            return
        if here != folder and is_one_checkpoint(files):
            folders[:] = []
            yield here
            continue
        yield from (here / name for name in files if name.endswith(ENDINGS))


def is_one_checkpoint(names: Iterable[str]) -> bool:
    """Whether the files of a folder are the parts of one checkpoint (Hugging Face, accelerate, DCP, DeepSpeed)."""
    return any(name in FOLDERS or name.endswith((".distcp", SHARDS)) for name in names)


def written_so_far(folder: Path) -> int:
    """A number that moves while checkpoints, whole or temporary, are written: what a log gets is no progress of a save."""
    moved = 0
    for base, _, files in os.walk(folder):
        for name in files:
            if ".tmp" in name or any(ending in name for ending in ENDINGS):
                try:
                    status = os.lstat(os.path.join(base, name))
                except OSError:
                    continue
                moved += status.st_size + status.st_mtime_ns // 1000
    return moved


def _candidate(path: Path) -> Candidate | None:
    try:
        if not path.is_dir():
            status = path.lstat()
            return Candidate(str(path), status.st_mtime, (status.st_mtime_ns, status.st_size, status.st_ino))
        inside = [(path / name).lstat() for name in os.listdir(path)]
        newest = max(inside, key=lambda status: status.st_mtime_ns)
    except (OSError, ValueError):
        return None
    return Candidate(str(path), newest.st_mtime, (newest.st_mtime_ns, sum(s.st_size for s in inside), newest.st_ino))


def last_good(folder: Path, prover: Callable[[Path], Report] = prove) -> tuple[Report | None, list[Report]]:
    """The newest checkpoint that is complete and sane, and the newer ones that are not."""
    worse: list[Report] = []
    for candidate in candidates(folder)[:TRIED]:
        report = prover(Path(candidate.path))
        if report.state is State.SANE:
            return report, worse
        worse.append(report)
    return None, worse
