"""The walk along a line of prose: which number belongs to which key, under which section, and which of them count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sentinel.core.names import Names
from sentinel.core.spelling import split_of, words
from sentinel.formats import lists, progress
from sentinel.formats.lexicon import ACTS, CLASS_METRICS, LENGTHS, LINKS, LITTLE, NO_LABEL, UNITS, may_count
from sentinel.formats.naming import EPOCHS, STEPS, Role, role
from sentinel.formats.tokens import Token

BARE = 6  # the rank of a step that no word names: `[100] loss=0.5`
BATCH = STEPS["batch"]
_PLAN = re.compile(r"\s*(?:total|number of|required|needed)\b(?! loss)", re.IGNORECASE)
_DIGIT_NAME = re.compile(r"\d[A-Z]{2,8}")  # `5HT`
_LABEL = re.compile(r"(?:[BIES]-)?[A-Z][A-Z0-9_]{0,15}")  # a class: `PER: precision: 87.1 %`
_LASTS = re.compile(r"\s(?:s|secs?|seconds|ms|mins?|minutes|h|hours)\b")
_FOLLOWED = re.compile(r":?\s+\d+\.\d")


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
    done: Token | None = None  # how many batches of how many a mean is over: it counts when all are done


class Walk:
    """The walk along one line's tokens."""

    def __init__(self, names: Names, text: str, start: int) -> None:
        """Ready to read."""
        self.start = start
        self.names = names
        self.text = text
        self.fields: list[Field] = []
        self.words: list[str] = []
        self.section = ""
        self.sep = False
        self.step: tuple[int, Token] | None = None
        self.epoch: Token | None = None
        self.after_epoch = False
        self.batches: Token | None = None  # of a validation, which are no steps of the run
        self.alone = False  # scores of a validation stand here, and what is told of the machine is its own
        self.bests = False  # `current best: recall: 0.7, precision: 0.8`
        self.label = ""  # the class that the scores after it are of
        self.episode: Token | None = None
        self.length = ""  # the word that named the step
        self.told = 0  # words behind the step
        self.past = False  # it tells when the best was
        self.qualified = 0  # fields before this one have their split from a bracket

    def close(self) -> None:
        """A separator: words that led to no number may have been a heading."""
        self.section = named(self.words) or self.section
        self.words, self.sep = [], False

    def word(self, text: str) -> None:
        """A word of a key in the making, or of a heading."""
        if text.endswith(".py"):
            self.words = []  # where in the source it was said: `checkpoint_manager.py:1453`
            return
        if text[0].isdigit() and not _DIGIT_NAME.fullmatch(text):
            return
        if text in UNITS and self.fields and not self.words:
            return  # `after 12.5 s with loss 0.31`
        if self.sep:
            self.bests = self.bests or self.words[-1:] in (["best"], ["Best"])
            if text.lower() in ("none", "n/a"):
                self.close()
                return
            word = self.words[-1] if self.words else ""
            if len(self.words) == 1 and _LABEL.fullmatch(word) and self._labels(word):
                self.label = word
            self.close()
        if text == "with" and self.words and self.words[-1] in STEPS:
            self.words = []  # `after 200 timesteps with reward 31.0`
            return
        self.words.append(text)

    def _labels(self, word: str) -> bool:
        """Whether a word in capitals before a colon may be the name of a class."""
        return word.lower() not in NO_LABEL and not split_of(word.lower()) and not self.names.spell(word).known

    def place(self, token: Token, place: re.Match[str]) -> None:
        """`3epoch`, `3epoch:train:1-50batch`: an epoch glued to its number, and how far in it the batches are."""
        self.epoch = Token("num", place["epoch"], token.start, token.start + len(place["epoch"]))
        self.section = split_of(place["split"] or "") or self.section
        if place["batch"]:
            self._step(
                BATCH,
                Token("num", place["batch"], token.start + place.start("batch"), token.start + place.end("batch")),
            )

    def glued(self, token: Token, found: re.Match[str]) -> None:
        """`Epoch3`, `iter_100` at the head of a line."""
        number = Token("num", found["n"], token.start + found.start("n"), token.end)
        if found["what"].lower() == "epoch":
            self.epoch = number
        else:
            self._step(STEPS["iter"], number)

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

    def number(self, token: Token, bracket: bool, first: bool, follows: str) -> None:
        """A number, with what stands behind it: `,`, `:0.31` and the like."""
        key = ["reward"] if self.section and self.words == ["episodes"] and self.sep else self.words[-6:]
        if key and key[-1].lower() == "cost" and len(key) == 1 and not (token.unit or _LASTS.match(follows)):
            key = ["loss"]  # Marian's word for it
        strong, self.words, self.sep = self.sep, [], False
        after_epoch, self.after_epoch = self.after_epoch, False
        if not key:
            self._nameless(token, bracket, first, after_epoch)
        elif not self._is_counter(key, token, bracket, strong, follows):
            self._value(key, token, bracket, strong)

    def _nameless(self, token: Token, bracket: bool, first: bool, after_epoch: bool) -> None:
        """A number without a name: a speed by its unit, or a counter by its place."""
        if token.rate:
            self._add("throughput", token, True)
        elif bracket and first and not after_epoch and token.kind == "frac" and progress.follows(self.text, token):
            self.epoch, self.after_epoch = token, True  # `[3/25][50/1583] Loss_D: 0.6`
        elif (token.kind == "frac" and (first or after_epoch)) or (bracket and first and token.bare):
            self._batch(BARE, token)

    def _is_counter(self, key: list[str], token: Token, bracket: bool, strong: bool, follows: str) -> bool:
        """Whether the number counts, or tells which of several numbers follow, rather than measures."""
        listed = bracket and follows[:1] == ","
        if token.kind == "frac" or token.text.isdigit():
            if progress.leads(self.text, token, key):
                self.section, self.epoch, self.after_epoch = progress.held(split_of(key[0].lower())), token, True
                return True
            if listed and strong:
                return True  # `STEPS: [40, 70]` is a plan
        if self._counts(key, token, strong) and self._counter(key, token):
            return True
        if listed and self._is_loss(key):
            return True  # `Losses: [2.3, 1.9, 4.1]`: which of them is the loss, nobody said
        return not strong and token.bare and self._indexes(key, token, follows)

    def _value(self, key: list[str], token: Token, bracket: bool, strong: bool) -> None:
        if not strong and self._opens(key, token):
            return
        if token.kind != "frac" or (strong and self._share(key, token)):
            self._key(key, token, strong)
        elif bracket and len(key) == 1 and (split := split_of(key[0].lower())):  # `Test: [ 0/20]  Loss 0.35`
            self.section = progress.held(split)
            self.batches = token if self.section == "val" else None

    def _opens(self, key: list[str], token: Token) -> bool:
        """Whether a split and a whole number begin the line, `val 240 → loss 0.31`, `VALID @ 240  loss 0.31`: it tells when."""
        split = split_of(key[0].lower()) if len(key) == 1 and token.bare and not self.fields else ""
        if not split:
            return False
        self.section = split if split != "train" else self.section
        if self.text[: token.start].rstrip().endswith("@"):
            self._step(BARE, token)
        return True

    def _indexes(self, key: list[str], token: Token, follows: str) -> bool:
        """Whether a whole number between a name and its value says when, or which of several."""
        if _FOLLOWED.match(follows) and self._is_loss(key):
            self._step(STEPS["iteration"], token)
            self.words = key  # `Validation loss 1000: 0.41`, `Train loss 1200 0.31`
            return True
        if not (lists.is_index(self.text, token) and self.names.spell(" ".join(key)).known):
            return False
        self.words = [*key, token.text]  # `Prec@1  0 98.4`
        return True

    def lists(self, start: int) -> bool:
        """Whether the line is names and then their numbers."""
        if "seudo dice" in self.text:
            self.section = "val"  # nnU-Net's estimate over batches of the validation
        for name, token in lists.listed(self.text, start, CLASS_METRICS, self.names):
            self._add(name, token, strong=True)
        return bool(self.fields)

    def _share(self, key: list[str], token: Token) -> bool:
        """`Accuracy: 9890/10000`: so many of so many are a share."""
        good, _, total = token.text.replace(",", "").partition("/")
        return 0 <= int(good) <= int(total) > 0 and self.names.share(self.names.spell(" ".join(key[-2:])).metric)

    def _counts(self, key: list[str], token: Token, strong: bool) -> bool:
        """Whether a number may be a counter: a whole one, or an epoch as a trainer rounds it, `epoch = 2.5`."""
        text = token.text.replace(",", "").rstrip(".")
        rounded = strong and key[-1].lower() == "epoch" and text.replace(".", "").isdigit()
        return not token.share and (token.kind == "frac" or text.isdigit() or rounded)  # `Iteration:  95%|####`

    def _is_loss(self, key: list[str]) -> bool:
        return self.names.spell(" ".join(key[-3:])).metric == "loss"

    def _linked(self, key: list[str]) -> list[str]:
        """The metric that a counter stands in the middle of: `Cost after iteration 100: 0.64`."""
        if len(key) < 3 or key[-2].lower() not in LINKS:
            return []
        metric = key[-5:-2]
        if metric[-1].lower() == "cost" or metric == ["Score"]:  # Deeplearning4j's word for its loss
            return ["loss"]
        raw = [" ".join(metric[-length:]) for length in (3, 2, 1) if length <= len(metric)]
        known = next((r for r in raw if (found := self.names.spell(r)).known and found.splits and not found.best), "")
        return known.split()

    def _counter(self, key: list[str], token: Token) -> bool:
        linked = self._linked(key)
        if linked and self._counter(key[-1:], token):
            self.words = linked
            return True
        word, _, inside = key[-1].partition("(")  # Epoch(train)
        if inside:
            self.section = split_of(inside.rstrip(")").lower()) or self.section
        before = [p for word in key[:-1] for p in words(word)]
        name = "_".join(words(word))
        if name == "batch" and token.kind == "frac" and before[-1:] in (["train"], ["cv"]) and key[-2].isupper():
            return self._wenet(before[-1], token)
        if self.episode and before == ["total"] and name in LENGTHS:
            return self._counted("global_step", token)  # of all episodes
        if before and (full := "_".join([before[-1], name])) in STEPS:
            before, name = before if name in STEPS else before[:-1], full  # `global step`; `Total T`
        if not may_count(name, before):
            return False
        splits = [split for part in before if (split := split_of(part))]
        if name.endswith("s") and self.planned():
            return True  # `Total epochs: 250; iters: 500000`
        if splits:
            self.section = splits[-1] if splits[-1] != "train" else self.section
        return self._counted(name, token, "best" in before, bool(inside))

    def _counted(self, name: str, token: Token, past: bool = False, split: bool = False) -> bool:
        """Takes a counter, but for one that tells when the best was, `best epoch 7`."""
        self.past = self.past or past
        if name in EPOCHS and name != "epochs":
            if not past:
                self.epoch, self.after_epoch = self.epoch or token, True
            return True
        if name in STEPS and not past:
            if name in ("episode", "episodes"):
                self.episode = token
            self.length = name if self.step is None or STEPS[name] < self.step[0] else self.length
            of_split = split or (token.kind == "frac" and self.epoch is not None)  # `[Eval][Epoch 1][Iter: 0/16]`
            (self._batch if of_split else self._step)(STEPS[name], token)
        return name in STEPS

    def _wenet(self, split: str, token: Token) -> bool:
        """`CV Batch 3/100`: WeNet's epoch, and the batch within it."""
        epoch, _, batch = token.text.partition("/")
        self.section = "val" if split == "cv" else self.section
        self.epoch = Token("num", epoch.rstrip(), token.start, token.start + len(epoch.rstrip()))
        at = token.end - len(batch.lstrip())
        self._step(BATCH, Token("num", batch.lstrip(), at, token.end))
        return True

    def planned(self) -> bool:
        """Whether the line's words so far tell of a plan."""
        return not any(f.role is Role.METRIC for f in self.fields) and bool(_PLAN.match(self.text, self.start))

    def _batch(self, rank: int, token: Token) -> None:
        """A step that no word names, or one with its split: within a validation it counts that one's batches."""
        if self.section in ("val", "test"):
            self.batches = token
        else:
            self._step(rank, token)

    def _step(self, rank: int, token: Token) -> None:
        if self.step is None or rank < self.step[0]:
            self.step = (rank, token)

    def _key(self, key: list[str], token: Token, strong: bool) -> None:
        self.section = named(key[:-1]) or self.section
        if "from" in key[:-1]:
            return  # `Start training from epoch: 3`
        for length in (len(key), 3, 2, 1) if len(key) < 4 else (3, 2, 1):
            if length <= len(key):
                raw = " ".join(key[-length:])
                if self.names.spell(raw).known:
                    best = (
                        key[-length - 1 : -length] in (["best"], ["Best"]) and "best" not in raw.lower()
                    )  # `New best EMA pseudo Dice: 0.58`
                    self._add(f"best {raw}" if best else raw, token, strong)
                    return
        if strong or (len(key) == 1 and key[0].lower() not in LITTLE):
            self._add(" ".join(key[-3:]), token, strong)

    def _add(self, raw: str, token: Token, strong: bool) -> None:
        if raw in ("Best", "best"):
            return  # `psnr: 32.3  Best: 32.5 @ 5000 iter`
        found = self.names.spell(raw)
        if self.bests and found.known and not found.best:
            raw = f"best {raw}"
            found = self.names.spell(raw)
        what = role(raw, found) if not raw.startswith("class/") else Role.METRIC
        if token.rate and what is Role.OTHER:
            raw, what = "throughput", Role.SIDE
        own = found.split
        if self.label and found.metric in CLASS_METRICS:
            raw, what = f"class/{self.label}/{found.metric}", Role.METRIC
        self.fields.append(Field(raw, token, strong, "" if own else self.section, what))


def named(key: Sequence[str]) -> str:
    """The split that words name; of `Evaluating train` the one that is evaluated. Two splits name none."""
    parts = [part for word in key for part in words(word)]
    splits = {split for part in parts if (split := split_of(part))}
    if len(splits) > 1:
        splits = {split for part in parts if part not in ACTS and (split := split_of(part))}
    return splits.pop() if len(splits) == 1 else ""
