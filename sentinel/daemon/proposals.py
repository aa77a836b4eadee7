"""What to watch, proposed from the files that training processes hold open. Pure: processes in, a settings text out.

Looking at processes is `sources.processes`; asking and writing is `sentinel init`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sentinel.sources.processes.process import Process

_READ = re.compile(r"\.(log|out|err|txt|csv|tsv|jsonl|ndjson|wandb)$|^events\.out\.tfevents\.|\.o\d+$")
_MARKS = {"wandb", "tensorboard", "tb", "logs", "log", "csv_logs", ".hydra", "checkpoints", "metrics"}
_SHARED = {"/", "/tmp", "/var", "/var/log", "/var/tmp", "/home", "/root", "/mnt", "/data", "/scratch", "/opt", "/srv"}  # noqa: S108
_PYTHON = re.compile(r"python[\d.]*|ipython|torchrun|accelerate|deepspeed")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One `[[watch]]`, and why."""

    name: str
    runs: str = ""
    files: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Sight:
    """What was seen, and what could not be."""

    proposals: list[Proposal] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # one sentence each, with its cure


def is_trainer(process: Process, on_gpu: Collection[int]) -> bool:
    """A process that is worth asking about: on a GPU, or Python."""
    return not process.notebook and (process.id.number in on_gpu or bool(_PYTHON.fullmatch(process.name)))


def propose(
    processes: Iterable[Process], on_gpu: Collection[int], homes: Collection[str], cure: str = "sudo sentinel init"
) -> Sight:
    """Watches for what these processes write. `homes` are folders that hold a user's other things too; `cure` is the
    command that sees what this one may not.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    lone: dict[str, str] = {}
    sight = Sight()
    for process in processes:
        if not is_trainer(process, on_gpu):
            continue
        told = _told(process, on_gpu)
        if "files" in process.denied:
            sight.unseen.append(
                f"{told}: its open files may not be seen; run as root: {cure} (it belongs to uid {process.uid})"
            )
            continue
        for path in _logs(process):
            folder = run_folder(path, homes)
            if folder:
                folders[folder].append(told)
            else:
                lone[path] = told
    sight.proposals = _named([*_of_folders(folders), *(Proposal("", files=(p,), why=why) for p, why in lone.items())])
    return sight


def _told(process: Process, on_gpu: Collection[int]) -> str:
    command = " ".join(PurePosixPath(word).name if word.startswith("/") else word for word in process.command[:4])
    where = " on a GPU" if process.id.number in on_gpu else ""
    return f"pid {process.id.number}{where} ({(command or process.name)[:60]})"


def _logs(process: Process) -> list[str]:
    return [file.path for file in process.writes if not file.deleted and _READ.search(PurePosixPath(file.path).name)]


def run_folder(path: str, homes: Collection[str]) -> str:
    """The folder that a log's run has to itself; nothing where it lies among other things."""
    folder = PurePosixPath(path).parent
    while folder.name.lower() in _MARKS or re.fullmatch(r"run-\d{8}_\d{6}-\w+|offline-run-.*", folder.name):
        folder = folder.parent
    shared = str(folder) in _SHARED or str(folder) in homes or len(folder.parts) < 3
    return "" if shared else str(folder)


def _of_folders(folders: dict[str, list[str]]) -> Iterable[Proposal]:
    by_parent: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        by_parent[str(PurePosixPath(folder).parent)].append(folder)
    for parent, children in sorted(by_parent.items()):
        why = folders[children[0]][0] + (f" and {len(children) - 1} more" if len(children) > 1 else "")
        alone = parent in _SHARED or len(PurePosixPath(parent).parts) < 3
        if alone:
            yield from (Proposal("", runs=child, why=folders[child][0]) for child in sorted(children))
        else:
            yield Proposal("", runs=f"{parent}/*", why=why)


def _named(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Each with a name of its own, from its path."""
    used: set[str] = set()
    named = []
    for proposal in proposals:
        stem = PurePosixPath(proposal.runs or proposal.files[0])
        base = (stem.parent.name if stem.name == "*" else stem.stem) or "runs"
        if base in {"runs", "outputs", "logs", "results", "lightning_logs"} and len(stem.parts) > 3:
            base = stem.parts[-3]
        name = next(n for n in (base, *(f"{base}-{i}" for i in range(2, 1000))) if n not in used)
        used.add(name)
        named.append(Proposal(name, proposal.runs, proposal.files, proposal.why))
    return named


def watch_text(proposal: Proposal) -> str:
    """The `[[watch]]` of a proposal."""
    lines = [f"# written by {_comment(proposal.why)}", "[[watch]]", f"name = {_quoted(proposal.name)}"]
    if proposal.runs:
        lines.append(f"runs = {_quoted(proposal.runs)}")
    if proposal.files:
        lines.append(f"files = [{', '.join(map(_quoted, proposal.files))}]")
    return "\n".join(lines) + "\n"


def unseen_text(unseen: Iterable[str]) -> str:
    """What could not be seen, as comments with the cure."""
    return "".join(f"# not seen: {_comment(line)}\n" for line in unseen)


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for what JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
