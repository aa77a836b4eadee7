"""Prose to fields: which number of a line belongs to which key, under which section, and which counters it gives."""

from __future__ import annotations

import re
from typing import NamedTuple

from sentinel.core.names import Names
from sentinel.core.spelling import split_of, words
from sentinel.formats.lexicon import CLASS_METRICS, COMPARED, LENGTHS, LINKS, LITTLE, NO_LABEL, SHORT, may_count
from sentinel.formats.naming import EPOCHS, STEPS, Role, role
from sentinel.formats.tokens import Token, tokens

_BARE = 6  # the rank of a step that no word names: `[100] loss=0.5`
_BATCH = STEPS["batch"]
_ALONE = re.compile(r"\s*\[batch=\d+/\d+\]:?\s*")  # the head of a block of lines
_SCORED = re.compile(r" \* [A-Z][\w@]* \d")  # ` * Acc@1 71.2 Acc@5 90.1`
_LABEL = re.compile(r"(?:[BIES]-)?[A-Z][A-Z0-9_]{0,15}")  # a class: `PER: precision: 87.1 %`
_DIGIT_NAME = re.compile(r"\d[A-Z]{2,8}")  # `5HT`
_LASTS = re.compile(r"\s(?:s|secs?|seconds|ms|mins?|minutes|h|hours)\b")
_FOLLOWED = re.compile(r":?\s+\d+\.\d")
_GLUED = re.compile(r"(?i)(?P<what>epoch|iter|iteration)[-_]?(?P<n>\d{1,9})")  # `Epoch3 loss 0.41`
_PLACE = re.compile(r"(?P<epoch>\d{1,6})epoch(?::(?P<split>[a-z]+):\d+-(?P<batch>\d+)batch:?)?")  # ESPnet


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
        self.episode: Token | None = None
        self.length = ""  # the word that named the step
        self.told = 0  # words behind the step
        self.past = False  # it tells when the best was
        self.qualified = 0  # fields before this one have their split from a bracket

    def close(self) -> None:
        """A separator: words that led to no number may have been a heading."""
        splits = {split for word in self.words for part in words(word) if (split := split_of(part))}
        if len(splits) == 1:
            self.section = splits.pop()
        self.words, self.sep = [], False

    def word(self, text: str) -> None:
        """A word of a key in the making, or of a heading."""
        if text.endswith(".py"):
            self.words = []  # where in the source it was said: `checkpoint_manager.py:1453`
            return
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
                _BATCH,
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
            if token.rate:
                self._add("throughput", token, True)
            elif (token.kind == "frac" and (first or after_epoch)) or (bracket and first and token.bare):
                self._step(_BARE, token)
            return
        if self._counts(key, token, strong) and self._counter(key, token):
            return
        if bracket and follows[:1] == "," and self.names.spell(" ".join(key[-3:])).metric == "loss":
            return  # `Losses: [2.3, 1.9, 4.1]`: which of them is the loss, nobody said
        if not strong and _FOLLOWED.match(follows) and token.bare and self._is_loss(key):
            self._step(STEPS["iteration"], token)
            self.words = key  # `Validation loss 1000: 0.41`, `Train loss 1200 0.31`
            return
        if token.kind != "frac" or (strong and self._share(key, token)):
            self._key(key, token, strong)
        elif bracket and len(key) == 1:
            self.section = split_of(key[0].lower()) or self.section  # `Test: [ 0/20]  Loss 0.35`

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
            return self._counted("global_step", token, False)  # of all episodes
        if before and (full := "_".join([before[-1], name])) in STEPS:
            before, name = before if name in STEPS else before[:-1], full  # `global step`; `Total T`
        if not may_count(name, before):
            return False
        splits = [split for part in before if (split := split_of(part))]
        if splits:
            self.section = splits[-1] if splits[-1] != "train" else self.section
        return self._counted(name, token, "best" in before)

    def _counted(self, name: str, token: Token, past: bool) -> bool:
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
            self._step(STEPS[name], token)
        return name in STEPS

    def _wenet(self, split: str, token: Token) -> bool:
        """`CV Batch 3/100`: WeNet's epoch, and the batch within it."""
        epoch, _, batch = token.text.partition("/")
        self.section = "val" if split == "cv" else self.section
        self.epoch = Token("num", epoch.rstrip(), token.start, token.start + len(epoch.rstrip()))
        at = token.end - len(batch.lstrip())
        self._step(_BATCH, Token("num", batch.lstrip(), at, token.end))
        return True

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
        if strong or (len(key) == 1 and key[0].lower() not in LITTLE):
            self._add(" ".join(key[-3:]), token, strong)

    def _add(self, raw: str, token: Token, strong: bool) -> None:
        found = self.names.spell(raw)
        what = role(raw, found)
        if token.rate and what is Role.OTHER:
            raw, what = "throughput", Role.SIDE
        own = found.split
        if self.label and found.metric in CLASS_METRICS:
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
        elif token.kind == "word" and first and (glued := _GLUED.fullmatch(token.text)):
            state.glued(token, glued)
            first = False
        elif token.kind == "word":
            state.word(token.text)
            first = False
        elif token.kind in ("num", "frac"):
            leads = parts[i + 1].text[:1] == ":" if i + 1 < len(parts) else False
            state.number(token, bracket or leads, first or state.after_epoch, text[token.end : token.end + 12])
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
    if state.step:
        state.told = sum(part.kind == "word" for part in parts if part.start > state.step[1].end)
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
        if state.words[-1].lower() not in SHORT:
            state.close()  # a sentence ends
    elif sign in ",;|]}" or (sign in "->*" and not state.sep and (before is None or before.kind == "space")):
        state.close()
    return -1


def _kept(state: _Reading, text: str) -> Fields:
    """The fields that are readings: only a line with a metric or with its own counter has any."""
    _settle(state)
    step = state.step[1] if state.step else None
    indented = 2 <= len(text) - len(text.lstrip(" ")) <= 12  # what stands further in is set flush right
    if state.step and state.step[0] == _BATCH and not state.fields and not _ALONE.fullmatch(text):
        step = None  # `Batch [39/59]: evaluated` is no step that later lines could stand at
    splits = sum(state.names.spell(f.raw).metric == "metric" for f in state.fields)  # `learn: 0.69  test: 0.68`
    telling = (
        splits > 1
        or (splits == 1 and state.fields[0].raw == "learn")
        or any(f.role in (Role.METRIC, Role.SIDE) for f in state.fields)
    )
    if state.step and state.step[0] == _BARE and not telling:
        return Fields()
    counted = step is not None or state.epoch is not None
    if state.past and not counted:
        return Fields()
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


def _settle(state: _Reading) -> None:
    """Drops counters that count something else."""
    measured = any(f.role in (Role.METRIC, Role.SIDE) for f in state.fields)
    if state.fields and all(_derived(f, state) for f in state.fields):
        _forget(state)
    if state.episode and state.length in LENGTHS:
        state.step = (STEPS["episode"], state.episode)  # `Episode 12, Reward 31.0, Steps 200`: it was so long
    if state.length in LENGTHS and state.fields and not measured:
        state.step = None  # `Sampling slow: 31.9s, steps=102`
    early = state.step is not None and state.length == "step" and state.step[1].bare and len(state.step[1].text) < 2
    alone = state.epoch is None and not measured and not any(f.strong for f in state.fields)
    if early and alone and state.told > 1:  # nothing of such a line is ever learned: the next may have two digits
        state.step = None  # a sentence that a model wrote: `Step 2: Multiply both sides`
    if state.epoch and "." in state.epoch.text.rstrip(".") and not state.fields:
        state.epoch = None  # a line of a summary, in whose section others follow


def _forget(state: _Reading) -> None:
    """`Best loss 0.31 at epoch 7`: counters behind what only compares are of the past."""
    last = state.fields[-1].token.start
    if state.step and state.step[1].start > last:
        state.step = None
    if state.epoch and state.epoch.start > last:
        state.epoch = None


def _configured(field: Field, state: _Reading, indented: bool) -> bool:
    """Whether a field that stands alone is a line of a config: `average_loss: 40`, `LOSS_WEIGHT: 0.5`, `  cost_dice: 5`."""
    if not field.strong:
        return False
    shouted = field.raw.isupper() and "_" in field.raw
    guessed = indented and state.names.spell(field.raw).metric not in state.names.entries
    return shouted or guessed or field.token.text.isdigit()


def _derived(field: Field, state: _Reading) -> bool:
    """Whether a field repeats or compares rather than measures: a best so far, a baseline, a target."""
    return state.names.spell(field.raw).best or not COMPARED.isdisjoint(words(field.raw))
