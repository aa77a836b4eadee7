"""What a run's own script, its config and its folder say of Lightning: whose signal handler, by itself, saves nothing.

From outside such a run looks as if it could be asked: SIGTERM is caught. It saves only where its code or config says so.
Files are read as text, a bounded number of them, never run.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from sentinel.outlets.hands.process import Process
from sentinel.outlets.hands.survey import Crew

MOST_FILES, MOST_BYTES, LARGEST = 80, 4 << 20, 1 << 20
DEEPEST, LOOKED_AT = 3, 2000
TEXTS = (".py", ".yaml", ".yml", ".json")
NOT_ITS_OWN = frozenset(("site-packages", "node_modules", "__pycache__", "wandb", "mlruns", ".sentinel-kept"))
LIGHTNING = re.compile(rb"(?:import|from)\s+(?:pytorch_)?lightning\b|lightning\.pytorch|pytorch_lightning|\blitgpt\b")
SAVES = re.compile(rb"save_on_exception[\"']?\s*[=:]\s*(?!false\b|none\b)|OnExceptionCheckpoint", re.IGNORECASE)
ITS_NAMES = re.compile(r"epoch=\d+.*\.ckpt$")


def is_lightning(crew: Crew, folder: str) -> bool:
    """Whether its script, its config, its folder or its command line says so."""
    known = _looks_so(folder) or any("litgpt" in rank.line for rank in crew.ranks)
    return known or any(LIGHTNING.search(text) for text in _own(_scripts_of(crew), folder))


def saves_nothing_of_itself(crew: Crew, folder: str) -> bool:
    """Whether it is Lightning, and nothing that it was started from says that a signal makes it save."""
    if not is_lightning(crew, folder):
        return False
    scripts = _scripts_of(crew)
    beside = _texts(path for script in scripts for path in _below(script.parent))
    return not any(SAVES.search(text) for text in (*_own(scripts, folder), *beside))


def _scripts_of(crew: Crew) -> list[Path]:
    return [script for rank in crew.ranks for script in _scripts(rank)]


def _own(scripts: Iterable[Path], folder: str) -> list[bytes]:
    """What it was started from itself: what lies beside a script may be quite another one."""
    return [*map(_text, scripts), *_texts(_below(Path(folder)))]


def _scripts(process: Process) -> Iterator[Path]:
    """The script or the module that its command line names."""
    words = process.command
    for number, word in enumerate(words[1:], 1):
        if word == "-m" and number + 1 < len(words):
            module = Path(process.cwd or "/", *words[number + 1].split("."))
            yield from (path for path in (module.with_suffix(".py"), module / "__main__.py") if path.exists())
            return
        if word.endswith(".py"):
            yield Path(process.cwd or "/", word)
            return


def _texts(places: Iterable[Path]) -> Iterator[bytes]:
    """So many of these files, so many bytes."""
    left = MOST_BYTES
    for path in islice(places, MOST_FILES):
        text = _text(path)
        left -= len(text)
        if left < 0:
            return
        yield text


def _below(folder: Path) -> Iterator[Path]:
    entries = 0
    for base, folders, files in os.walk(folder):
        deep = len(Path(base).relative_to(folder).parts) >= DEEPEST
        own = sorted(name for name in folders if name not in NOT_ITS_OWN and (name == ".hydra" or name[0] != "."))
        folders[:] = [] if deep else own
        entries += len(files) + len(folders)
        yield from (Path(base, name) for name in sorted(files) if name.endswith(TEXTS))
        if entries > LOOKED_AT:
            return


def _text(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b""
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        return file.read(LARGEST) if stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST else b""


def _looks_so(folder: str) -> bool:
    """Whether names in the run's folder are those that Lightning gives."""
    entries = 0
    for _, folders, files in os.walk(folder):
        entries += len(files) + len(folders)
        if "lightning_logs" in folders or any(map(ITS_NAMES.match, files)):
            return True
        if entries > LOOKED_AT:
            break
    return "lightning_logs" in Path(folder).parts
