"""Tables in text: CSV, TSV, columns by spaces. The header is learned once; text columns become part of the name."""

from __future__ import annotations

import csv
import re
from typing import Any

import re2

from sentinel.core.records import Row
from sentinel.core.spelling import split_of, words
from sentinel.formats.course import Course
from sentinel.formats.naming import Naming, Role, counter_rank
from sentinel.formats.numbers import number, whole

SPLIT_COLUMNS = frozenset(["phase", "split", "stage", "mode", "subset", "set", "part", "fold_type", "data_split"])
GROUP_COLUMNS = frozenset(
    [
        "feature",
        "class",
        "layer",
        "task",
        "name",
        "dataset",
        "tag",
        "label",
        "head",
        "param",
        "category",
        "module",
        "metric",
        "key",
    ]
)
_STEM_WORDS = frozenset(["stats", "statistics", "params", "parameters", "summary", "distribution"])
_STEM_SHORT = {"probability": "prob", "probabilities": "prob", "gradients": "gradient", "features": "feature"}
_FILLER = frozenset(
    [
        "epoch",
        "metrics",
        "metric",
        "log",
        "training",
        "train",
        "results",
        "loss",
        "losses",
        "uncertainty",
        "components",
        "history",
    ]
)
_WIDEST = 4096
_UNNAMED = "Unnamed: 0"  # what pandas calls the rows' own numbers when it reads back what it wrote without a name
_OF_VALIDATION = re.compile(r"_(?:val|valid|validation)\.\w+$")
_MONITOR = ["r", "l", "t"]  # stable-baselines' monitor: an episode's reward and length; the lengths add up to the step
_MONITOR_KEYS = {"r": "reward", "l": "episode_length"}
_COUNTS = re2.compile(r"(?i)\b(?:epochs?|steps?|iter(?:ation)?s?|batch|loss|e)\b|_loss")
_STROKES = str.maketrans("│┃", "||")
_RULER = " -=+|:\t" + "━─═┏┳┓┡╇┩├┼┤┌┬┐┝┿┥╞╪╡"
RULED = "ruled"  # in the place of a delimiter: a header that waits for its ruler
_RULED_KEYS = {  # spaCy's names; its scores are of the development set
    "E": "epoch", "#": "step", "ENTS_F": "val f1", "ENTS_P": "val precision", "ENTS_R": "val recall", "SCORE": "val score",
    "CATS_SCORE": "val cats_score", "SPANS_SC_F": "val f1", "TAG_ACC": "val tag_acc",
    "DEP_UAS": "val dep_uas", "DEP_LAS": "val dep_las",
}  # fmt: skip
_FRACTION = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
_DIGIT = re.compile(r"(?<![A-Za-z@_])\d")
_GAPS = re.compile(r"\s{2,}")
_SENTENCE = re.compile(r"[,:;()!?'\"]")


def drawn(text: str) -> str:
    """A line of a table that is drawn with lines, in the strokes of all others."""
    return text.strip().translate(_STROKES)


def cells_of(text: str, delimiter: str) -> list[str]:
    """The cells of one line."""
    if delimiter == " ":
        return text.split()
    if delimiter == "|":
        return [cell.strip() for cell in drawn(text).strip("|").split("|")]
    if '"' in text:
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter))]
        except (csv.Error, StopIteration):
            return []
    return text.split(delimiter)


def header_of(text: str, naming: Naming, file: str) -> tuple[str, list[str]] | None:
    """(delimiter, column names) where a line may be a table's header; the next line decides."""
    text = text.lstrip("#").strip() if text.startswith("#") and not text.startswith("#{") else text.strip()
    if len(text) > 20_000 or text[-1:] in ".:!?)":
        return None
    text = drawn(text)
    if text.count("|") > 3 and text[0] == text[-1] == "|":
        cells = cells_of(text, "|")
        counted = naming.column(cells[0]) in (Role.STEP, Role.EPOCH)
        return ("|", cells) if counted and not any(not c or _DIGIT.search(c) for c in cells[1:]) else None
    for delimiter in (",", "\t", ";", " "):
        if delimiter not in text or (delimiter == " " and (_SENTENCE.search(text) or not _COUNTS.search(text))):
            continue
        cells = [cell.strip().strip('"') for cell in cells_of(text, delimiter)]
        unnamed = delimiter == "," and cells[0] == ""
        cells[0] = _UNNAMED if unnamed else cells[0]
        if not 2 <= len(cells) <= _WIDEST or any(number(c) is not None or not 0 < len(c) < 80 for c in cells):
            continue
        if any("=" in c or c.endswith(":") or c.count(" ") > 3 for c in cells):
            return None
        roles = [naming.column(c) for c in cells]
        telling = sum(r in (Role.STEP, Role.EPOCH, Role.METRIC) for r in roles)
        table = file.lower().endswith((".csv", ".tsv")) and not unnamed
        if telling >= (2 if delimiter == " " else 1) or table:
            return delimiter, cells
    return None


def any_header(text: str, naming: Naming, file: str) -> tuple[str, list[str]] | None:
    """A header by its delimiter, or one with names of several words, which waits for its ruler."""
    ruled = None if text.lstrip()[:1] in "|│┃" else _ruled_header(text)
    if ruled and any(" " in cell for cell in ruled[1]):
        return ruled
    return header_of(text, naming, file) or ruled


def _ruled_header(text: str) -> tuple[str, list[str]] | None:
    """The columns of a header whose names may hold a space, as spaCy prints it; the ruler below it decides."""
    cells = _GAPS.split(text.strip()) if "  " in text and len(text) < 1000 else []
    if not 3 <= len(cells) <= 64 or any(_SENTENCE.search(c) or "=" in c or number(c) is not None for c in cells):
        return None
    return RULED, [_RULED_KEYS.get(cell, cell) for cell in cells]


def is_ruler(text: str, columns: int, delimiter: str) -> bool:
    """Whether a line underlines so many columns."""
    if delimiter == "|":
        return not text.strip(_RULER)
    return len(text.split()) == columns and not text.strip(" -=\t")


def counts_on(text: str, columns: list[str]) -> bool:
    """Whether a line is a row under names of several words, with no ruler between: scikit-learn's boosting."""
    cells = text.split()
    return (
        columns[0].lower() in ("iter", "epoch", "step", "iteration")
        and len(cells) == len(columns)
        and cells[0].isdigit()
    )


def stem_group(file: str) -> str:
    """The group that a file's name gives its columns: `probability_stats.csv` is `prob`."""
    parts = words(file.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    if len(parts) < 2 or parts[-1] not in _STEM_WORDS:
        return ""
    kept = [part for part in parts[:-1] if part not in _FILLER]
    return "_".join(_STEM_SHORT.get(part, part) for part in kept)


class Table:
    """One header in force."""

    __slots__ = (
        "_epoch",
        "_group",
        "_keys",
        "_known",
        "_metrics",
        "_naming",
        "_splits",
        "_stamp",
        "_step",
        "_version",
        "columns",
        "delimiter",
        "walked",
    )

    def __init__(
        self, delimiter: str, columns: list[str], naming: Naming, file: str, walked: int | None = None
    ) -> None:
        """Ready to read; `walked` is how far a table of episodes had come."""
        self.delimiter, self.columns = delimiter, columns
        self._naming = naming
        self._known: dict[Any, tuple[str, ...]] = {}
        self._version = naming.version
        lower = [c.lower() for c in columns]
        stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        self._keys = [stem if c == "value" and "step" in lower else columns[i] for i, c in enumerate(lower)]
        episodes = lower[:3] == _MONITOR
        self._keys = [_MONITOR_KEYS.get(k, k) if episodes else k for k in self._keys]
        self.walked = (
            (walked or 0) if episodes else None
        )  # steps of all episodes so far, where only their lengths stand
        roles = [naming.column(c) for c in self._keys]
        ranked = sorted((counter_rank(columns[i]) or 0, i) for i, r in enumerate(roles) if r is Role.STEP)
        self._step = ranked[0][1] if ranked else -1
        epochs = [i for i, r in enumerate(roles) if r is Role.EPOCH]
        self._epoch = min(epochs, key=lambda i: lower[i] == "epochs", default=-1)  # beside `epoch` that is the plan
        self._stamp = next((i for i, r in enumerate(roles) if r is Role.STAMP), -1)
        self._splits = [i for i, c in enumerate(lower) if c in SPLIT_COLUMNS or c in GROUP_COLUMNS]
        skipped = {self._stamp, *epochs, *(i for _, i in ranked), *self._splits}
        self._metrics = [i for i, r in enumerate(roles) if i not in skipped and r is not Role.SKIP]
        self._group = "" if any(c in GROUP_COLUMNS for c in lower) else stem_group(file)
        if split := self._split_of_all(file, stem):
            self._keys = [f"{split}_{k}" if i in self._metrics else k for i, k in enumerate(self._keys)]
        self._number_rows()

    def _split_of_all(self, file: str, stem: str) -> str:
        """The split that a file's name gives its columns: `test_error.tsv`, `metrics_val.csv`."""
        said = [s for part in words(stem) if (s := split_of(part))]
        if re.search(r"(?:learn|test|val|valid)_", file):
            return next(iter(said), "")
        spell = self._naming.names.spell
        alone = _OF_VALIDATION.search(file) and not any(spell(self._keys[i]).split for i in self._metrics)
        return "val" if alone and set(said) == {"val"} else ""

    def _number_rows(self) -> None:
        """Where nothing else counts, the rows' own numbers do: epochs where each has a validation, else steps."""
        if self.columns[0] != _UNNAMED or self._step >= 0 or self._epoch >= 0:
            return
        spell = self._naming.names.spell
        if any(spell(self._keys[i]).split in ("val", "test") for i in self._metrics):
            self._epoch = 0
        else:
            self._step = 0

    def row(self, text: str, course: Course, line: int) -> Row | bool | None:
        """The row of a line; False where the line is no row of this table, None where the row is empty."""
        cells = cells_of(text.strip() if self.delimiter == " " else text, self.delimiter)
        if len(cells) != len(self.columns):
            return False
        if self._splits:
            self._unlabel(cells)
        step = epoch = None
        if self._step >= 0 and cells[self._step].strip():
            step = whole(cells[self._step])
            if step is None:
                return False
        if self._epoch >= 0 and cells[self._epoch].strip():
            epoch = number(cells[self._epoch])
            if epoch is None:
                return False
        if self._stamp >= 0:
            stamp = number(cells[self._stamp])
            course.stamp = stamp if stamp is not None and 1e9 < stamp < 1e10 else course.stamp
        present, values = self._values(cells)
        if not present:
            return None if step is not None or epoch is not None or not any(map(str.strip, cells)) else False
        if self.walked is not None and (length := whole(cells[1])) is not None:
            step = self.walked = self.walked + length
        label = tuple(cells[i].strip() for i in self._splits)
        course.step, course.epoch = None, None
        return course.row(self._names(tuple(present), label), tuple(values), step, epoch, line, "")

    def _unlabel(self, cells: list[str]) -> None:
        """A column called `metric` or `key` that holds fractions is a reading, not a label."""
        for i in [i for i in self._splits if _FRACTION.fullmatch(cells[i].strip())]:
            self._splits.remove(i)
            self._metrics = sorted([*self._metrics, i])
            self._known.clear()

    def _values(self, cells: list[str]) -> tuple[list[int], list[float]]:
        present: list[int] = []
        values: list[float] = []
        share = self._naming.names.share
        for i in self._metrics:
            cell = cells[i]
            if not cell or cell.isspace() or cell.strip().lower() == "none":
                continue
            value = number(cell)
            if value is None:
                continue
            if cell.rstrip().endswith("%") and share(self._naming.names.canonical(self._keys[i])):
                value /= 100
            present.append(i)
            values.append(value)
        return present, values

    def _names(self, present: tuple[int, ...], label: tuple[str, ...]) -> tuple[str, ...]:
        if self._version != self._naming.version:
            self._known.clear()
            self._version = self._naming.version
        found = self._known.get((present, label))
        if found is None:
            if len(self._known) > 4000:
                self._known.clear()
            split = next((s for text in label if (s := split_of(text.lower()))), "")
            groups = []
            for at, text in zip(self._splits, label, strict=True):
                if self.columns[at].lower() in GROUP_COLUMNS and text and not split_of(text.lower()):
                    groups.append(f"{'_'.join(words(self.columns[at]))}.{'_'.join(words(text))}")
            if groups:
                keys = [f"{'.'.join(groups)}.{'_'.join(words(self._keys[i]))}" for i in present]
                found = tuple(f"{split}.{key}" if split else key for key in keys)
            else:
                every = self._naming.name_all([(self._keys[i], split) for i in self._metrics], "", self._group)
                found = tuple(every[self._metrics.index(i)] for i in present)
            self._known[present, label] = found
        return found
