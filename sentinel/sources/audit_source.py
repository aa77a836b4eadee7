"""What source files betray before a GPU is spent: a shuffle that is commented out, a loader that never shuffles.

Pure: text in, facts out, each with its line. A pattern has its place here only if it is a mistake wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentinel.core.records import Fact, Origin

_COMMENTED_SHUFFLE = re.compile(
    r"^\s*#\s*(?:if\s+(?:self\.)?shuffle\b.*:|(?:random|rng|np\.random|self\.rng)\.shuffle\()"
)
_TRAIN_LOADER = re.compile(r"train\w*\s*=\s*(?:\w+\.)*DataLoader\(")
_UNSHUFFLED = re.compile(r"\bshuffle\s*=\s*False\b")
_SAMPLED = re.compile(r"\b(?:batch_)?sampler\s*=")
_BACKWARD = re.compile(r"\.backward\(")
_STEPS = re.compile(r"\.(?:step|optimizer_step|training_step)\(|\bTrainer\(|\bfused_step\(")
_CLEARS = re.compile(r"zero_grad\(|set_to_none|\.grad\s*=\s*None|\bTrainer\(")
LONGEST_CALL = 12  # lines of one call that are looked at


def source_facts(file: str, text: str) -> Iterator[Fact]:
    """The facts that one Python file states about the training that it drives."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if _COMMENTED_SHUFFLE.match(line):
            yield _fact("shuffle_commented_out", 1, file, number)
            break
    yield from _loaders(file, lines)
    yield from _updates(file, lines)


def _loaders(file: str, lines: list[str]) -> Iterator[Fact]:
    for number, line in enumerate(lines, 1):
        if not line.lstrip().startswith("#") and _TRAIN_LOADER.search(line):
            call = _call(lines[number - 1 : number - 1 + LONGEST_CALL])
            if _UNSHUFFLED.search(call) and not _SAMPLED.search(call):
                yield _fact("loader_unshuffled", 1, file, number)
                return


def _call(lines: list[str]) -> str:
    """The text of a call that may go over several lines, up to its closing bracket."""
    depth, taken = 0, []
    for line in lines:
        code = line.split("#", 1)[0]
        taken.append(code)
        depth += code.count("(") - code.count(")")
        if depth <= 0:
            break
    return " ".join(taken)


def _updates(file: str, lines: list[str]) -> Iterator[Fact]:
    """A file that computes gradients of its own but never updates, or never clears them."""
    code = [line.split("#", 1)[0] for line in lines]
    at = next((number for number, line in enumerate(code, 1) if _BACKWARD.search(line)), 0)
    if not at:
        return
    whole = "\n".join(code)
    if "optim" in whole:
        yield _fact("optimizer_steps", int(bool(_STEPS.search(whole))), file, at)
        yield _fact("gradients_cleared", int(bool(_CLEARS.search(whole))), file, at)


def _fact(name: str, value: int, file: str, line: int) -> Fact:
    return Fact(f"fact.{name}", value, file, line, Origin.SOURCE)
