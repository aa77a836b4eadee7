"""Which of the files below a match make one run, and what people call it (contracts 5). Pure: names in, runs out.

A run's folder is the deepest one that holds a log or a run mark, but for folders that only ever hold a part of a run
(`lightning_logs/version_0`, `wandb/run-...`, `checkpoint-500`): those belong to what lies above them, unless several
of a kind lie side by side, for then each is a run of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping

_PART = re.compile(
    r"\.hydra|wandb|lightning_logs|csv_logs|tb|tb_logs|tensorboard|tensorboard_logs|tfevents|runs|logs?|output|outputs|events"
    r"|metrics|stats|results|files|config|configs|tokenizer|train|val|valid|validation|eval|test|plots|checkpoints?|ckpts?"
    r"|checkpoint-\d+|rank_?\d+|node_?\d+|version_\d+|(?:offline-)?run-\d{8}_\d{6}-\w+|\w{3}\d{2}_\d{2}-\d{2}-\d{2}_.+"
)
_NUMBERED = re.compile(r"version_\d+|(?:offline-)?run-\d{8}_\d{6}-\w+")
_BARE_TIME = re.compile(r"[\d_\-T:.]+|version_\d+|run_?\d+|\d+")
_CHECKPOINT_STATE = re.compile(r"(?P<run>.*?)checkpoint-(?P<step>\d+)/trainer_state\.json")


def run_folders(match: str, with_logs: Iterable[str]) -> dict[str, str]:
    """For each folder with logs the folder of the run that it belongs to. All paths are absolute, below the match."""
    folders = set(with_logs)
    lineage = {at for folder in folders for at in _upwards(folder, match) if _NUMBERED.fullmatch(_name(at))}
    siblings = Counter(_parent(at) for at in lineage)
    return {folder: _climb(folder, match, siblings) for folder in folders}


def _climb(folder: str, match: str, siblings: Mapping[str, int]) -> str:
    while folder != match and _PART.fullmatch(_name(folder)):
        if _NUMBERED.fullmatch(_name(folder)) and siblings[_parent(folder)] > 1:
            break
        folder = _parent(folder)
    return folder


def _upwards(folder: str, match: str) -> Iterator[str]:
    while len(folder) > len(match):
        yield folder
        folder = _parent(folder)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def newest_states(files: Iterable[str]) -> list[str]:
    """Of the states that a trainer leaves with every checkpoint only the newest: it holds all that the others hold."""
    newest: dict[str, tuple[int, str]] = {}
    kept: list[str] = []
    for file in files:
        state = _CHECKPOINT_STATE.fullmatch(file)
        if state is None:
            kept.append(file)
        else:
            newest[state["run"]] = max(newest.get(state["run"], (-1, "")), (int(state["step"]), file))
    beside = {file.removesuffix("trainer_state.json") for file in kept if file.endswith("trainer_state.json")}
    return sorted(kept + [file for run, (_, file) in newest.items() if run not in beside])


def short_name(folder: str, taken: Container[str]) -> str:
    """The shortest end of a path that tells the run apart and is never a bare time."""
    parts = [part for part in folder.split("/") if part]
    name = ""
    for part in reversed(parts):
        if part in ("lightning_logs", "wandb", "runs", "outputs") and name:
            continue
        name = f"{part}/{name}" if name else part
        if name not in taken and not all(_BARE_TIME.fullmatch(piece) for piece in name.split("/")):
            break
    return name or folder


def overrides_name(short: str, overrides: str) -> str:
    """A Hydra run by its short name and what was overridden, as its list in YAML says: `train lr=0.1,seed=3`."""
    items = [line[2:].strip().strip("'\"") for line in overrides.splitlines() if line.startswith("- ")]
    return f"{short} {','.join(items)}".strip()[:120]


def batch_of(folder: str, has: Iterable[str]) -> str:
    """What runs started together share: a Hydra multirun's folder; "" for a run alone."""
    return f"hydra:{_parent(folder)}" if f"{_parent(folder)}/multirun.yaml" in set(has) else ""
