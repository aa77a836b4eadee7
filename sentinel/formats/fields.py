"""Prose to fields: a line's tokens, walked; and of what was met, what a reading is."""

from __future__ import annotations

import re

from sentinel.core.names import Names
from sentinel.formats import progress
from sentinel.formats.kept import kept
from sentinel.formats.lexicon import SHORT
from sentinel.formats.numbers import VALUE
from sentinel.formats.tokens import Token, tokens
from sentinel.formats.walk import Fields, Walk

_TUPLE = re.compile(rf"\(\s*{VALUE}\s*,\s*\)")  # `lr:(2.0e-04,)`
_METRICS = re.compile(r"(cur|best) metric, ")  # PaddleOCR's validation, and its best so far
_SCORED = re.compile(r" ?\* +[A-Z][\w@]* +\d")  # ` * Acc@1 71.2 Acc@5 90.1`
_GLUED = re.compile(r"(?i)(?P<what>epoch|iter|iteration)[-_#]?(?P<n>\d{1,9})")  # `Epoch3 loss 0.41`
_PLACE = re.compile(r"(?P<epoch>\d{1,6})epoch(?::(?P<split>[a-z]+):\d+-(?P<batch>\d+)batch:?)?")  # ESPnet
_LASTING = re.compile(  # `mean reward over the last 100 episodes: 7.5`: what a mean is over is no reading
    r"(?i)(?:(?:over|of|in|for|across|during|from)\s+)?(?:the\s+)?(?:last|past|previous|recent)\s+\d+"
    r"(?:\s+(?:episodes?|games?|matches|rounds|steps?|iterations?|iters?|updates|batches|epochs))?\b(?![.:/-]?\d)"
)
_TENSOR = re.compile(
    rf"tensor\(\[*\s*(?P<value>{VALUE})\s*\]*(?:,[^()\[\]]*)?\)"
)  # a loss as PyTorch prints it unasked


def read(text: str, start: int, names: Names) -> Fields:
    """The fields of a line of prose."""
    state = Walk(names, text, start)
    if state.lists(start):
        return kept(state, text)
    _head(text, start, state)
    parts = tokens(text, start)
    skip_to = -1
    first, bracket = True, False
    for i, token in enumerate(parts):
        if token.start < skip_to:
            continue
        if token.kind == "word":
            skip_to = _phrase(text, token, first, state)
            if skip_to < 0:
                _word(token, first, state)
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
    return kept(state, text)


def _head(text: str, start: int, state: Walk) -> None:
    """What a line's first words say of all its scores."""
    if text.startswith("Saving dict for", start) or _SCORED.match(text, start):
        state.section = "val"  # TensorFlow's and torchvision's summaries of a validation
    if metrics := _METRICS.match(text, start):
        state.section, state.bests, state.alone = "val", metrics[1] == "best", True


def _phrase(text: str, token: Token, first: bool, state: Walk) -> int:
    """A number that words alone enclose; the offset behind it, -1 where there is none."""
    if span := _LASTING.match(text, token.start):
        return span.end()
    if held := _TENSOR.match(text, token.start):
        inner = Token("num", held["value"], held.start("value"), held.end("value"))
        state.number(inner, False, first, text[held.end() : held.end() + 12])
        return held.end()
    return -1


def _word(token: Token, first: bool, state: Walk) -> None:
    if place := _PLACE.fullmatch(token.text):
        state.place(token, place)
    elif first and (glued := _GLUED.fullmatch(token.text)):
        state.glued(token, glued)
    else:
        state.word(token.text)


def _punctuation(text: str, token: Token, state: Walk, before: Token | None) -> int:
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
        if state.after_epoch and progress.counts(inside):
            return -1  # `Epoch[1](10/750): Loss: 0.31`
        if state.sep and _TUPLE.match(text, token.start) and state.names.spell(state.words[-1]).known:
            return -1
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
