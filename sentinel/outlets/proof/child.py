"""The limited child: gets open descriptors, gives up its rights, reads each file, prints one JSON line, and is gone."""

from __future__ import annotations

import codecs
import json
import os
import pickle
import sys
from typing import Any, BinaryIO

from sentinel.outlets.proof.layouts import BrokenError, Contents, UnclearError, read_layout
from sentinel.outlets.proof.limits import give_up
from sentinel.outlets.proof.tensors import fingerprint, look_into

SHOWN = 20
BOOKKEEPING = ("callbacks.", "loops.")  # Lightning keeps "no best score yet" there as an infinity


def main() -> None:
    """Read the task from argv, report on stdout. Leaves without running anything that a file may have left behind."""
    task = json.loads(sys.argv[1])
    numpy = _numpy()
    for name in ("cp437", "latin-1", "ascii", "utf-8"):  # zip names and old pickles need them once nothing can be read
        codecs.lookup(name)
    kept = give_up(task["memory"], task["cpu"], task["parent"])
    files = [_read(about, numpy, task.get("marks", False)) for about in task["files"]]
    report = {"files": files, "kept": kept, "numpy": numpy is not None}
    os.write(1, json.dumps(report).encode() + b"\n")
    os._exit(0)


def _numpy() -> Any:
    """numpy and what it needs later, imported while the child may still read the files of its own installation."""
    try:
        import mmap  # noqa: F401

        import numpy
    except ImportError:
        return None
    numpy.zeros(1, "u4").max()
    return numpy


def _read(about: dict[str, Any], numpy: Any, marks: bool) -> dict[str, Any]:
    """What one file says: complete (yes, no or cannot tell), why, and what is in it."""
    said: dict[str, Any] = {"name": about["name"], "complete": None, "why": ""}
    try:
        with os.fdopen(about["fd"], "rb") as file:
            size = os.fstat(file.fileno()).st_size
            contents = read_layout(file, size)
            said |= _summary(contents)
            said["complete"] = True
            if numpy is not None:
                said |= _content(contents, file, size, numpy, marks)
    except BrokenError as trouble:
        said |= {"complete": False, "why": str(trouble)}
    except UnclearError as trouble:
        said["why"] = str(trouble)
    except MemoryError:
        said["why"] = "wants more memory than the child may take"
    except (pickle.UnpicklingError, EOFError) as trouble:
        said |= {"complete": False, "why": f"its pickle is damaged: {trouble}"}
    except Exception as trouble:  # a stranger's bytes may raise anything here
        said["why"] = f"cannot be read: {type(trouble).__name__}: {str(trouble)[:200]}"
    return said


def _summary(contents: Contents) -> dict[str, Any]:
    return {
        "form": contents.form,
        "tensors": len(contents.spans),
        "parameters": contents.parameters,
        "step": contents.step,
        "epoch": contents.epoch,
        "optimizer": contents.optimizer,
        "dangerous": contents.dangerous,
        "foreign": contents.foreign,
    }


def _content(contents: Contents, file: BinaryIO, size: int, numpy: Any, marks: bool) -> dict[str, Any]:
    if not contents.spans:
        return {"looked": True, "nonfinite": [], "untrained": []}
    data = numpy.memmap(file, "u1", "r")
    nonfinite, untrained, prints = [], [], {}
    for span in contents.spans:
        raw = data[span.begin : span.begin + span.length]
        found = look_into(span, raw)
        if "nonfinite" in found and not span.name.startswith(BOOKKEEPING):
            nonfinite.append([span.name, found["nonfinite"], _count(span.shape)])
        if "untrained" in found:
            untrained.append([span.name, found["untrained"], span.shape[0]])
        if marks:
            prints[span.name] = fingerprint(raw)
    os.posix_fadvise(file.fileno(), 0, size, os.POSIX_FADV_DONTNEED)
    told: dict[str, Any] = {"looked": True, "nonfinite": nonfinite[:SHOWN], "untrained": untrained[:SHOWN]}
    return told | ({"marks": prints} if marks else {})


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total
