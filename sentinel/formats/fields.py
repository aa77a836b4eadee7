"""Prose to fields: which number of a line belongs to which key, under which section, and which counters it gives."""

from __future__ import annotations

import re
from typing import NamedTuple

from sentinel.core.names import Names
from sentinel.core.spelling import split_of, words
from sentinel.formats.naming import EPOCHS, STEPS, Role, role
from sentinel.formats.tokens import Token, tokens

_BARE = 6  # the rank of a step that no word names: `[100] loss=0.5`
_BATCH = STEPS["batch"]
_BEFORE_COUNTER = frozenset(
    [
        "global",
        "train",
        "training",
        "current",
        "at",
        "step",
        "epoch",
        "optimizer",
        "val",
        "valid",
        "validation",
        "test",
        "eval",
        "loss",
        "of",
        "num",
    ]
)
_CLASS_METRICS = frozenset(["precision", "recall", "f1", "map", "iou", "accuracy", "dice", "auc"])
_ALONE = re.compile(r"\s*\[batch=\d+/\d+\]:?\s*")  # the head of a block of lines
_SCORED = re.compile(r" \* +[A-Z][\w@]* \d")  # ` * Acc@1 71.2 Acc@5 90.1`
_LABEL = re.compile(r"(?:[BIES]-)?[A-Z][A-Z0-9_]{0,15}")  # a class: `PER: precision: 87.1 %`
_DIGIT_NAME = re.compile(r"\d[A-Z]{2,8}")  # `5HT`
_PLACE = re.compile(r"(?P<epoch>\d{1,6})epoch(?::(?P<split>[a-z]+):\d+-(?P<batch>\d+)batch:?)?")  # ESPnet
_NO_LABEL = frozenset(
    ["info", "debug", "warning", "error", "critical", "note", "eval", "best", "result", "results", "summary"]
)
_COUNTED_BY = _BEFORE_COUNTER | {
    "env",
    "environment",
    "agent",
    "gradient",
    "trainer",
    "total",
    "elapsed",
    "learner",
    "world",
}
_SHORT = frozenset(
    [
        "avg",
        "acc",
        "val",
        "tr",
        "prec",
        "rec",
        "no",
        "max",
        "min",
        "std",
        "cum",
        "ep",
        "iter",
        "it",
        "valid",
        "eval",
        "lr",
        "approx",
        "est",
        "tot",
        "num",
        "up",
        "sen",
        "l.r",
        "temp",
        "perp",
        "vs",
    ]
)


class Field(NamedTuple):
    """One number of a line with its key."""

    raw: str
    token: Token
    strong: bool  # a `=` or `:` stands between key and number
    section: str  # the split that the words before it name
    role: Role


class Fields(NamedTuple):
    """What a line gives."""

    kept: tuple[Field, ...] = ()
    step: Token | None = None
    epoch: Token | None = None
    section: str = ""  # a heading: the split that the lines after it stand under


class _Reading:
    """The walk along one line's tokens."""

    def __init__(self, names: Names) -> None:
        """Ready to read."""
        self.names = names
        self.fields: list[Field] = []
        self.words: list[str] = []
        self.section = ""
        self.sep = False
        self.step: tuple[int, Token] | None = None
        self.epoch: Token | None = None
        self.after_epoch = False
        self.label = ""  # the class that the scores after it are of
        self.qualified = 0  # fields before this one have their split from a bracket

    def close(self) -> None:
        """A separator: words that led to no number may have been a heading."""
        splits = {split for word in self.words for part in words(word) if (split := split_of(part))}
        if len(splits) == 1:
            self.section = splits.pop()
        self.words, self.sep = [], False

    def word(self, text: str) -> None:
        """A word of a key in the making, or of a heading."""
        if text[0].isdigit() and not _DIGIT_NAME.fullmatch(text):
            return
        if self.sep:
            if text.lower() in ("none", "n/a"):
                self.close()
                return
            word = self.words[-1] if self.words else ""
            if len(self.words) == 1 and _LABEL.fullmatch(word) and self._labels(word):
                self.label = word
            self.close()
        self.words.append(text)

    def _labels(self, word: str) -> bool:
        """Whether a word in capitals before a colon may be the name of a class."""
        return word.lower() not in _NO_LABEL and not split_of(word.lower()) and not self.names.spell(word).known

    def place(self, token: Token, place: re.Match[str]) -> None:
        """`3epoch`, `3epoch:train:1-50batch`: an epoch glued to its number, and how far in it the batches are."""
        self.epoch = Token("num", place["epoch"], token.start, token.start + len(place["epoch"]))
        self.section = split_of(place["split"] or "") or self.section
        if place["batch"]:
            self._step(
                _BATCH,
                Token("num", place["batch"], token.start + place.start("batch"), token.start + place.end("batch")),
            )

    def qualify(self, inside: str) -> bool:
        """`loss=0.61 (val)`, `loss (val): 0.61`: a bracket that names a split says it of what stands before it."""
        split = split_of(inside.strip().lower())
        if not split:
            return False
        if self.words:
            self.words.append(inside.strip())
            return True
        for at in range(self.qualified, len(self.fields)):
            field = self.fields[at]
            if not self.names.spell(field.raw).split:
                self.fields[at] = field._replace(section=split)
        self.qualified = len(self.fields)
        return True

    def number(self, token: Token, bracket: bool, first: bool) -> None:
        key = ["loss"] if self.words in (["Cost"], ["cost"]) else self.words[-6:]  # Marian's word for it
        strong, self.words, self.sep = self.sep, [], False
        after_epoch, self.after_epoch = self.after_epoch, False
        if not key:
            if token.rate:
                self._add("throughput", token, True)
            elif (token.kind == "frac" and (first or after_epoch)) or (bracket and first and token.text.isdigit()):
                self._step(_BARE, token)
            return
        if (token.kind == "frac" or token.text.replace(",", "").isdigit()) and self._counter(key, token):
            return
        if token.kind != "frac" or (strong and self._share(key, token)):
            self._key(key, token, strong)
        elif bracket and len(key) == 1:
            self.section = split_of(key[0].lower()) or self.section  # `Test: [ 0/20]  Loss 0.35`

    def _share(self, key: list[str], token: Token) -> bool:
        """`Accuracy: 9890/10000`: so many of so many are a share."""
        good, _, total = token.text.replace(",", "").partition("/")
        return 0 <= int(good) <= int(total) > 0 and self.names.share(self.names.spell(" ".join(key[-2:])).metric)

    def _counter(self, key: list[str], token: Token) -> bool:
        word, _, inside = key[-1].partition("(")  # Epoch(train)
        if inside:
            self.section = split_of(inside.rstrip(")").lower()) or self.section
        parts = words(word)
        name = "_".join(parts)
        before = [p for word in key[:-1] for p in words(word)]
        if name in STEPS and before and "_".join([before[-1], name]) in STEPS:
            name = "_".join([before[-1], name])
        splits = [split for part in before if (split := split_of(part))]
        if any(part not in _BEFORE_COUNTER for part in before) and len(before) > 1:
            return False
        if before and before[-1] not in _COUNTED_BY and name.endswith("s"):
            return False  # `Warmup steps: 1000` is a plan
        if before and before[-1] in ("num", "total", "max", "per", "of"):
            return False
        if splits:
            self.section = splits[-1] if splits[-1] != "train" else self.section
        if name in EPOCHS and name != "epochs":
            self.epoch, self.after_epoch = token, True
            return True
        if name in STEPS:
            self._step(STEPS[name], token)
            return True
        return False

    def _step(self, rank: int, token: Token) -> None:
        if self.step is None or rank < self.step[0]:
            self.step = (rank, token)

    def _key(self, key: list[str], token: Token, strong: bool) -> None:
        splits = {split for word in key[:-1] for part in words(word) if (split := split_of(part))}
        if len(splits) == 1:
            self.section = splits.pop()
        for length in (len(key), 3, 2, 1) if len(key) < 4 else (3, 2, 1):
            if length <= len(key):
                raw = " ".join(key[-length:])
                if self.names.spell(raw).known:
                    self._add(raw, token, strong)
                    return
        if strong or len(key) == 1:
            self._add(" ".join(key[-3:]), token, strong)

    def _add(self, raw: str, token: Token, strong: bool) -> None:
        found = self.names.spell(raw)
        what = role(raw, found)
        if token.rate and what is Role.OTHER:
            raw, what = "throughput", Role.SIDE
        own = found.split
        if self.label and found.metric in _CLASS_METRICS:
            raw, what = f"class/{self.label}/{found.metric}", Role.METRIC
        self.fields.append(Field(raw, token, strong, "" if own else self.section, what))


def read(text: str, start: int, names: Names) -> Fields:
    """The fields of a line of prose."""
    state = _Reading(names)
    if text.startswith("Saving dict for", start) or (text.startswith(" * ") and _SCORED.match(text)):
        state.section = "val"  # TensorFlow's and torchvision's summaries of a validation
    parts = tokens(text, start)
    skip_to = -1
    first, bracket = True, False
    for i, token in enumerate(parts):
        if token.start < skip_to:
            continue
        if token.kind == "word" and (place := _PLACE.fullmatch(token.text)):
            state.place(token, place)
            first = False
        elif token.kind == "word":
            state.word(token.text)
            first = False
        elif token.kind in ("num", "frac"):
            leads = parts[i + 1].text[:1] == ":" if i + 1 < len(parts) else False
            state.number(token, bracket or leads, first or state.after_epoch)
            first = False
        elif token.kind == "time":
            state.words, state.sep = [], False
        elif token.kind == "space":
            gap = len(token.text) > 1 or token.text == "\t"
            if gap and state.words and not state.sep and i + 1 < len(parts) and parts[i + 1].kind == "word":
                state.close()
        else:
            bracket = token.text == "["
            skip_to = _punctuation(text, token, state, parts[i - 1] if i else None)
    state.close()
    return _kept(state, text)


def _punctuation(text: str, token: Token, state: _Reading, before: Token | None) -> int:
    """What a sign does to the key in the making; the offset up to which tokens are to be left out."""
    sign = token.text
    if sign in "=:":
        if state.words:
            state.sep = True
    elif sign == "(":
        close = text.find(")", token.start)
        inside = text[token.start + 1 : close]
        if 0 < close - token.start < 16 and state.qualify(inside):
            return close + 1
        if (
            0 < close - token.start < 60
            and "=" not in inside.replace(" = ", "").replace("= ", "")
            and ":" not in inside
        ):
            return close + 1
        state.words = []
    elif sign == "." and state.words and not state.sep and text[token.end : token.end + 1].isspace():
        if state.words[-1].lower() not in _SHORT:
            state.close()  # a sentence ends
    elif sign in ",;|]}" or (sign in "->*" and not state.sep and (before is None or before.kind == "space")):
        state.close()
    return -1


def _kept(state: _Reading, text: str) -> Fields:
    """The fields that are readings: only a line with a metric or with its own counter has any."""
    step = state.step[1] if state.step else None
    indented = 2 <= len(text) - len(text.lstrip(" ")) <= 12  # what stands further in is set flush right
    if state.step and state.step[0] == _BATCH and not state.fields and not _ALONE.fullmatch(text):
        step = None  # `Batch [39/59]: evaluated` is no step that later lines could stand at
    splits = sum(state.names.spell(f.raw).metric == "metric" for f in state.fields)  # `learn: 0.69  test: 0.68`
    telling = splits > 1 or any(f.role in (Role.METRIC, Role.SIDE) for f in state.fields)
    if state.step and state.step[0] == _BARE and not telling:
        return Fields()
    counted = step is not None or state.epoch is not None
    metric = any(f.role is Role.METRIC and (counted or not _derived(f, state)) for f in state.fields)
    if not counted and len(state.fields) == 1 and _configured(state.fields[0], state, indented):
        metric = False
    if not counted and not metric:
        return Fields(section="" if state.fields else state.section)
    kept = []
    for field in state.fields:
        good = field.role in (Role.METRIC, Role.SIDE) or (
            field.role is Role.OTHER and (field.strong or (counted and "." in field.token.text))
        )
        if good:
            kept.append(field)
    if not kept and not counted:
        return Fields(section=state.section)
    return Fields(tuple(kept), step, state.epoch, state.section)


def _configured(field: Field, state: _Reading, indented: bool) -> bool:
    """Whether a field that stands alone is a line of a config: `average_loss: 40`, `LOSS_WEIGHT: 0.5`, `  cost_dice: 5`."""
    if not field.strong:
        return False
    shouted = field.raw.isupper() and "_" in field.raw
    guessed = indented and state.names.spell(field.raw).metric not in state.names.entries
    return shouted or guessed or field.token.text.isdigit()


def _derived(field: Field, state: _Reading) -> bool:
    """Whether a field repeats or compares rather than measures: a best so far, a baseline, a target."""
    return state.names.spell(field.raw).best or not _COMPARED.isdisjoint(words(field.raw))


_COMPARED = frozenset(["saved", "baseline", "random", "target", "threshold", "chance", "goal", "possible"])
