"""From what a log calls a number to its canonical name: words, split, metric, component. Pure rules of spelling.

The table of known names is `core/names.py`; here is only how a raw key such as `eval/top1Accuracy(B)` is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

SPLITS = {
    **dict.fromkeys(("train", "training", "tr", "trn", "trains", "learn"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validation", "validate", "eval", "evaluation", "evaluate", "evaluating", "dev", "vld"), "val"
    ),
    **dict.fromkeys(("validating", "valids", "holdout", "cv", "vali", "va"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "te", "predict"), "test"),
}
# Words that say how a number was gathered, not what it is; the second decides which of two spellings keeps the name.
EPOCH_WORDS = frozenset(
    ["epoch", "avg", "average", "mean", "running", "smoothed", "total", "tot", "overall", "ema", "ave", "avr"]
)
STEP_WORDS = frozenset(["step", "batch", "iter", "iteration", "instant"])
FILLERS = frozenset(
    [
        "metrics",
        "metric",
        "main",
        "charts",
        "scalars",
        "optim",
        "optimizer",
        "optimiser",
        "log",
        "logs",
        "perf",
        "stats",
        "result",
        "results",
        "final",
        "current",
        "cur",
        "curr",
        "this",
        "global",
        "meter",
        "the",
        "of",
        "is",
        "was",
        "on",
        "set",
        "data",
        "with",
        "for",
        "at",
        "in",
        "model",
        "trainer",
        "new",
        "per",
        "over",
        "info",
        "and",
        "after",
        "performance",
        "progress",
        "reported",
        "overall",
        "raw",
        "unscaled",
        "net",
        "output",
        "hp",
        "loss_stat",
        "node",
    ]
)
_GROUPED = re.compile(r"\s*valid[/.]", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z]\d)|(?<=oss)(?=[A-Z]\d?$)")
_WORD = re.compile(r"[a-z0-9]+")
_UNIT_IN_BRACKETS = re.compile(r"[(\[](?:ms|s|sec|secs|seconds|mb|gb|gib|mib|%|b|samples|usd)[)\]]", re.IGNORECASE)
_COUNTER = re.compile(r"#\d+|'s\b")
_COUNTED_SPLIT = re.compile(r"(valid|validation|val|test|train|dev|eval)(\d{1,2})")


class Spelling(NamedTuple):
    """What a raw key means."""

    metric: str  # canonical, without its split
    split: str = ""  # train, val, test, or "" where the key does not say
    known: bool = False  # the table declares it
    splits: bool = False  # takes the split of its line, section or file
    rank: int = 0  # of two spellings of one name in a file, the lower keeps it: loss, train_loss, step_loss, mean_loss
    best: bool = False  # a best-so-far, not a measurement


class Known(NamedTuple):
    """What the table says about one spelling: the name it stands for, and whether that takes a split."""

    name: str
    splits: bool


Index = Mapping[str, Known]


def words(raw: str) -> list[str]:
    """The words of a raw key, lower case, CamelCase taken apart, units in brackets dropped."""
    text = _COUNTER.sub(" ", _UNIT_IN_BRACKETS.sub(" ", raw)).replace("@", "")
    return _WORD.findall(_CAMEL.sub(" ", text).lower())


def spell(raw: str, index: Index) -> Spelling:
    """The canonical reading of a raw key. What the table does not know keeps its own cleaned name."""
    parts = words(raw)
    if parts[-2:] == ["loss", "loss"]:
        parts = parts[:-1]  # `loss[loss=0.31, ...]`: a group and its first member
    if not parts:
        return Spelling("")
    whole = index.get("_".join(parts))
    if "@" in raw and not whole:
        parts = words(raw.replace("@", "_"))  # `recall@10` beside `acc@1`
        whole = index.get("_".join(parts))
    if whole:
        return _declared(whole, "", 0)
    split, rest = _take_split(parts)
    if not rest:
        return Spelling("metric", split, splits=True, rank=1) if split else Spelling("")
    best = "best" in rest and len(rest) > 1
    if best:
        rest = [part for part in rest if part != "best"]
    found = _look_up(rest, split, index) or _kind(raw, rest, split, index)
    if found is None:
        if split and "valid" in parts and not _GROUPED.match(raw):
            split, rest = "", parts  # `valid_action`: a share of actions that are valid, not a score of the validation
        found = _own(raw, rest, split)
    return found._replace(metric=_with_best(found.metric), best=True) if best else found


def _with_best(metric: str) -> str:
    head, dot, last = metric.rpartition(".")
    if last.startswith("best_"):
        return metric
    return f"{head}{dot}best_{last}"


def _take_split(parts: list[str]) -> tuple[str, list[str]]:
    """The split that the words name and the words without it; two different splits name none."""
    named = [(i, split) for i, part in enumerate(parts) if (split := split_of(part))]
    if not named or len({split for _, split in named}) > 1:
        return "", parts
    drop = {i for i, _ in named}
    drop |= {i + 1 for i in drop if i + 2 < len(parts) and parts[i + 1] in ("0", "1", "2")}  # valid_1's auc
    return named[0][1], [part for i, part in enumerate(parts) if i not in drop]


def split_of(word: str) -> str:
    """`validation`, `valid_1`'s `valid1` and the like as train, val or test; "" for any other word."""
    found = SPLITS.get(word, "")
    if not found and (counted := _COUNTED_SPLIT.fullmatch(word)):
        found = SPLITS[counted[1]]
    return found


def _declared(known: Known, split: str, rank: int) -> Spelling:
    if not known.splits and split == "train":
        split = ""
    return Spelling(known.name, split, known=True, splits=known.splits, rank=rank)


def _look_up(rest: list[str], split: str, index: Index) -> Spelling | None:
    """The declared name behind these words, if need be without the words that only say how it was gathered."""
    rank = 1 if split else 0
    known = index.get("_".join(rest))
    if known:
        return _declared(known, split, rank)
    core = [part for part in rest if part not in FILLERS]
    known = index.get("_".join(core))
    if known:
        return _declared(known, split, rank)
    bare = [part for part in core if part not in EPOCH_WORDS and part not in STEP_WORDS]
    known = index.get("_".join(bare)) if bare else None
    if known and known.splits:
        rank = 3 if any(part in EPOCH_WORDS for part in core) else 2
        return _declared(known, split, rank)
    return _component(core, split, rank) or _prefixed(core, index, split)


def _component(core: list[str], split: str, rank: int) -> Spelling | None:
    """`loss_cls`, `box_loss`, `rerankloss`: a part of the loss."""
    others = [part for part in core if part not in ("loss", "losses")]  # `losses/value_loss` is a group and its member
    if "loss" in core and others and (others[-1] not in _NOT_A_LOSS or core[-1] == "loss"):
        return Spelling("loss." + "_".join(others), split, known=True, splits=True, rank=rank)
    if len(core) == 1 and core[0].endswith("loss") and len(core[0]) > 4:
        return Spelling("loss." + core[0][:-4], split, known=True, splits=True, rank=rank)
    return None


def _kind(raw: str, rest: list[str], split: str, index: Index) -> Spelling | None:
    """`char_acc`, `span_f1`: a kind of accuracy, of F1. A group that names no split keeps its own name."""
    if "/" in raw and not (split and any(split_of(part) for part in words(raw.split("/", maxsplit=1)[0]))):
        return None
    core = [part for part in rest if part not in FILLERS]
    if not core or core[-1] in _NOT_A_LOSS or ("in" in rest and core[-1].startswith("top")):
        return None  # `found_in_top5` counts something that stands among five, it is no accuracy
    for length in (2, 1):
        known = index.get("_".join(core[-length:])) if len(core) > length else None
        if known and known.splits and known.name != "loss":
            kind = core[:-length]
            name = [known.name, *kind] if kind[0].isdigit() else [*kind, known.name]
            return Spelling("_".join(name), split, known=True, splits=True, rank=1 if split else 0)
    known = index.get(core[0]) if len(core) == 2 else None
    if known and known.splits and known.name.startswith(core[0]):
        return Spelling("_".join([known.name, core[1]]), split, known=True, splits=True, rank=1 if split else 0)
    return None


_NOT_A_LOSS = frozenset(
    [
        "weight",
        "weights",
        "coef",
        "coeff",
        "coefficient",
        "scale",
        "gamma",
        "beta",
        "alpha",
        "lambda",
        "fn",
        "function",
        "type",
        "name",
        "delta",
        "ratio",
        "factor",
        "threshold",
        "target",
        "margin",
        "reduction",
        "scaling",
        "to",
        "scaler",
        "smoothing",
        "params",
        "mult",
        "multiplier",
        "w",
        "power",
        "freq",
    ]
)


def _prefixed(core: list[str], index: Index, split: str) -> Spelling | None:
    """`weight_type` under a declared family `weight_*`: `weight.type`."""
    if core and core[0] == "loss" and core[-1] in _NOT_A_LOSS:
        return None
    for length in range(1, len(core)):
        family = index.get("_".join(core[:length]) + "_*")
        if family:
            return Spelling(f"{family.name[:-1]}{'_'.join(core[length:])}", split, known=True, splits=family.splits)
    return None


def own_name(raw: str) -> Spelling:
    """The key's own cleaned name, whatever the table says: for the second of two keys that mean the same."""
    split, rest = _take_split(words(raw))
    return _own(raw, rest or words(raw), split if rest else "")


def _own(raw: str, rest: list[str], split: str) -> Spelling:
    """A cleaned name of its own: `/` and `.` part groups, all else becomes `_`."""
    groups = [words(group) for group in re.split(r"[/.]+", raw)]
    first = next((i for i, group in enumerate(groups) if group), 0)
    leads = bool(split and any(split_of(part) for part in groups[first])) or "/" not in raw
    if not leads:
        split = ""
    kept = ["_".join(part for part in group if not (split and split_of(part) == split)) for group in groups]
    name = ".".join(f"n{part}" if part[0].isdigit() else part for part in kept if part)
    return Spelling(name or "_".join(rest), split, rank=1 if split else 0)
