"""The parent's side of a proof: opens a checkpoint's files, hands them to the limited child, judges what it says."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sentinel.core.records import Json
from sentinel.outlets.proof.limits import leave_capabilities

ENDINGS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".distcp")
TEMPORARY = (".tmp", ".part", ".incomplete", "-unfinished")
MOST_FILES = 512
SHARDS = "_states.pt"  # DeepSpeed's files end so
LATEST = "latest"  # beside DeepSpeed's folders: names the newest one, and is written after all its shards
CAREFULLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
ROOT = str(Path(__file__).resolve().parents[3])
CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sentinel.outlets.proof.child import main; main()"


DCP = (
    "complete by its .metadata, but the numbers inside DCP shards are not looked into: "
    "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE, then inspect FILE"
)


class State(StrEnum):
    """What a checkpoint is."""

    SANE = "sane"
    TAINTED = "tainted"  # complete, but not to be gone on from: numbers that are not finite
    SUSPICIOUS = "suspicious"  # complete, but a full load would run something
    INCOMPLETE = "incomplete"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True, slots=True)
class Report:
    """One checkpoint, proven."""

    path: str
    state: State
    why: tuple[str, ...] = ()
    form: str = ""
    step: int | None = None
    epoch: float | None = None
    tensors: int = 0
    parameters: int = 0
    size: int = 0
    written: float | None = None
    optimizer: bool = False
    nonfinite: tuple[tuple[str, int, int], ...] = ()
    untrained: tuple[tuple[str, int, int], ...] = ()
    unchanged: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()  # rights that the child could not give up
    marks: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """For `sentinel inspect --json`."""
        return {
            "v": 1, "path": self.path, "state": self.state.value, "why": list(self.why), "form": self.form,
            "step": self.step, "epoch": self.epoch, "tensors": self.tensors, "parameters": self.parameters,
            "size": self.size, "optimizer": self.optimizer, "nonfinite": [list(entry) for entry in self.nonfinite],
            "untrained": [list(entry) for entry in self.untrained], "unchanged": list(self.unchanged),
            "foreign": list(self.foreign), "not_given_up": list(self.kept),
        }  # fmt: skip


def prove(path: Path, *, marks: bool = False, wall: float = 120.0, memory: int = 1 << 30) -> Report:
    """Whether the checkpoint at that path, a file or a folder, is complete and sane."""
    try:
        status = path.stat(follow_symlinks=False)
    except OSError as trouble:
        return Report(str(path), State.UNCLEAR, (f"cannot be read: {trouble.strerror}",))
    folder = stat.S_ISDIR(status.st_mode)
    why = _folder_faults(path) if folder else _name_faults(path)
    files = _files_of(path) if folder else [path]
    if why or not files:
        return Report(str(path), State.INCOMPLETE, tuple(why or ["no file of a checkpoint is in it"]))
    said = _ask_child(files, marks, wall, memory)
    report = _judged(path, said, [file.name for file in files])
    if any(file.name.endswith(".distcp") for file in files) and report.state in (State.SANE, State.UNCLEAR):
        report = replace(report, state=State.UNCLEAR, why=(DCP,))
    if folder:
        report = _with_folder_state(path, report)
    sizes = [file.stat() for file in files if file.exists()]
    return replace(report, size=sum(s.st_size for s in sizes), written=max((s.st_mtime for s in sizes), default=None))


def _name_faults(path: Path) -> list[str]:
    temporary = path.name.startswith(".tmp") or path.name.endswith(TEMPORARY)
    return ["a temporary name: its writer had not renamed it yet"] if temporary else []


def _folder_faults(path: Path) -> list[str]:
    names = set(os.listdir(path))
    marks = (n for n in sorted(names) if n == "checkpoint-is-incomplete.txt" or n.endswith("-unfinished"))
    faults = [f"{name} is there" for name in marks]
    if ".orbax-checkpoint-tmp" in path.name:
        faults.append("a temporary name of orbax")
    if any(name.endswith(".distcp") for name in names) and ".metadata" not in names:
        faults.append("no .metadata, which is written last")
    if path.name.startswith("checkpoint-") and "trainer_state.json" not in names:
        faults.append("no trainer_state.json, which is written after model and optimizer")
    if "optimizer.bin" in names and not any(name.startswith("random_states_") for name in names):
        faults.append("no random_states_0.pkl, which accelerate writes last")
    if any(name.endswith(SHARDS) for name in names) and _latest(path) != path.name:
        faults.append(f"'{LATEST}' beside it does not name it, and is written after all shards")
    indexes = sorted(name for name in names if name.endswith(".index.json"))
    missing = (shard for index in indexes for shard in sorted(_shards(path / index) - names))
    return [*faults, *(f"the shard {shard} is missing" for shard in missing)]


def _latest(folder: Path) -> str:
    try:
        return (folder.parent / LATEST).read_text()[:4096].strip()
    except OSError:
        return ""


def _shards(index: Path) -> set[str]:
    try:
        return set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError):
        return {f"named by {index.name}, which cannot be read,"}


def _files_of(folder: Path) -> list[Path]:
    names = sorted(name for name in os.listdir(folder) if name.endswith(ENDINGS))[:MOST_FILES]
    return [folder / name for name in names if name not in {"scheduler.pt", "training_args.bin", "scaler.pt"}]


def _ask_child(files: list[Path], marks: bool, wall: float, memory: int) -> dict[str, Any]:
    opened: list[int] = []
    try:
        for file in files:
            opened.append(os.open(file, CAREFULLY))  # noqa: PERF401
        if not all(stat.S_ISREG(os.fstat(handle).st_mode) for handle in opened):
            return {"trouble": "is no regular file"}
        about = [{"name": file.name, "fd": handle} for file, handle in zip(files, opened, strict=True)]
        task = {"files": about, "memory": memory, "cpu": int(wall), "marks": marks, "parent": os.getpid()}
        return _child(task, opened, wall)
    except OSError as trouble:
        return {"trouble": f"cannot be opened: {trouble.strerror}"}
    finally:
        for handle in opened:
            os.close(handle)


def _child(task: dict[str, Any], handles: list[int], wall: float) -> dict[str, Any]:
    env = {"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-B", "-c", CODE, ROOT, json.dumps(task)]
    try:
        done = subprocess.run(
            command, pass_fds=handles, env=env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=wall,
            start_new_session=True, check=False, preexec_fn=leave_capabilities,
        )  # fmt: skip
        said = json.loads(done.stdout[: 4 << 20])
    except subprocess.TimeoutExpired:
        return {"trouble": f"was not understood within {wall:g} s"}
    except ValueError:
        return {"trouble": f"could not be read within its limits (child ended with {done.returncode})"}
    return said if isinstance(said, dict) else {"trouble": "was not understood"}


def _judged(path: Path, said: dict[str, Any], names: list[str]) -> Report:
    if "trouble" in said:
        return Report(str(path), State.UNCLEAR, (said["trouble"],))
    files: list[dict[str, Any]] = said["files"]
    several = len(names) > 1
    whys = [f"{file['name']}: {file['why']}" if several else file["why"] for file in files if file["why"]]
    nonfinite = [tuple(entry) for file in files for entry in file.get("nonfinite", ())]
    danger = sorted({name for file in files for name in file.get("dangerous", ())})
    state = State.SANE
    if any(file["complete"] is False for file in files):
        state = State.INCOMPLETE
    elif danger:
        state, whys = State.SUSPICIOUS, [*whys, f"a full load would run {', '.join(danger)}"]
    elif nonfinite:
        state = State.TAINTED
        whys = [*whys, *(f"{name}: {bad} of {count} numbers are not finite" for name, bad, count in nonfinite[:5])]
    elif any(file["complete"] is None for file in files):
        state = State.UNCLEAR
    elif not all(file.get("looked") for file in files):
        state, whys = State.UNCLEAR, [*whys, "its content was not looked into: numpy is missing (pip install numpy)"]
    first = next((file for file in files if file.get("step") is not None), files[0])
    return Report(
        str(path), state, tuple(whys), files[0].get("form", ""), first.get("step"), first.get("epoch"),
        sum(file.get("tensors", 0) for file in files), sum(file.get("parameters", 0) for file in files),
        optimizer=any(file.get("optimizer") or file["name"].startswith("optimizer") for file in files),
        nonfinite=tuple(nonfinite), untrained=tuple(tuple(e) for file in files for e in file.get("untrained", ())),
        foreign=tuple(sorted({name for file in files for name in file.get("foreign", ())})), kept=tuple(said["kept"]),
        marks={
            f"{file['name']}:{name}" if several else name: mark
            for file in files for name, mark in file.get("marks", {}).items()
        },
    )  # fmt: skip


def _with_folder_state(path: Path, report: Report) -> Report:
    """What trainer_state.json says must fit the folder's name."""
    try:
        step = json.loads((path / "trainer_state.json").read_text())["global_step"]
    except FileNotFoundError:
        return report
    except (OSError, ValueError, KeyError, TypeError):
        return replace(report, state=State.INCOMPLETE, why=(*report.why, "trainer_state.json is damaged"))
    named = path.name.rpartition("-")[2]
    if named.isdigit() and int(named) != step:
        return replace(report, state=State.INCOMPLETE, why=(*report.why, f"trainer_state.json says step {step}"))
    return replace(report, step=step)


def unchanged(newer: Report, older: Report) -> tuple[str, ...]:
    """Tensors that are the same in both; both must have been proven with marks."""
    return tuple(name for name, mark in newer.marks.items() if older.marks.get(name) == mark)
