"""A line of prose as tokens: words, numbers with their units, fractions, times, and what stands between them."""

from __future__ import annotations

import re
from typing import NamedTuple

from sentinel.formats.numbers import SCALES, VALUE

_TOKEN = re.compile(
    rf"""
    (?P<time>\d{{4}}[-/]\d\d?[-/]\d\d?(?:[ T_]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?
        |\d+:\d\d(?::\d\d)?(?:\.\d+)?(?![\w.])
        |\d+\s*(?:days?|d),?\s+\d+:\d\d(?::\d\d)? |\d+h\s?\d+m(?:\s?\d+s)?|\d+m\s?\d+s)
    |(?P<frac>\d[\d,]*\s*/\s*\d[\d,]*(?![\w/.]))
    |(?P<num>{VALUE})
    |(?P<word>[A-Za-z_][\w@#'+%]*(?:-[A-Za-z\d][\w@#'+]*)*(?:[./]@?[A-Za-z\d_](?:[\w@#'+-]|(?<=\d):)*(?<![:-]))*(?:\([\w%/]+\))?)
    |(?P<space>\s+)
    |(?P<punct>.)
    """,
    re.VERBOSE | re.ASCII,
)
_UNIT = re.compile(
    r"\s?(?P<scale>[kKMGB])(?:i?B)?(?:/s)?(?![\w])|(?P<share>%)|(?P<plain>ms|us|sec|secs|min|mins|s|h|x|MB|GB|MiB|GiB|it/s|s/it|ms/step|st|nd|rd|th)"
    r"(?![\w/])"
)
_RATE = re.compile(
    r"\s*\[?(?:(?P<k>[kK])\s)?\s*(?:tok|toks|tks|tokens?|samples?|imgs?|images?|it|iters?|steps?|examples?|seqs?|words?|ins|frames?)"
    r"\s*(?:/|per)\s*(?:s|sec|second)\b\]?(?![:=])"
)
_BARE_RATE = re.compile(r"\s?/s(?:ec)?\b(?!/)")  # `812.27/s` of whatever
_SPAN = re.compile(r"\d+-(\d+)\]")
_GLUED = re.compile(r"[A-Za-z_]\w*\s*[=:]")


class Token(NamedTuple):
    """One token; a number carries what its unit says."""

    kind: str  # word, num, frac, time, space, punct
    text: str
    start: int
    end: int
    scale: float = 1.0
    share: bool = False
    rate: bool = False
    unit: bool = False

    @property
    def bare(self) -> bool:
        """Whether it is digits and nothing else, not `44k`."""
        return self.text.isdigit() and len(self.text) == self.end - self.start


def tokens(text: str, start: int = 0) -> list[Token]:
    """The tokens of a line from `start` on."""
    out: list[Token] = []
    at, size = start, len(text)
    while at < size:
        match = _TOKEN.match(text, at)
        if match is None:
            at += 1
            continue
        kind = match.lastgroup or "punct"
        token = Token(kind, match[0], at, match.end())
        if kind in ("num", "frac"):
            token = _number(text, token)
        out.append(token)
        at = token.end
    return out


def _number(text: str, token: Token) -> Token:
    """A number with its unit, or a plain word where the digits belong to something else."""
    before = text[token.start - 1] if token.start else " "
    after = text[token.end : token.end + 2]
    rate = _RATE.match(text, token.end)
    if token.kind == "frac" and rate and before not in "/.":
        return Token(
            "num", (first := text[token.start :].split("/", 1)[0].rstrip()), token.start, token.start + len(first)
        )
    if token.text.isdigit() and after[:1] == "-" and after[1:].isalpha():
        return _word(text, token)  # `Precision 16-mixed`
    if token.kind == "num" and before == "[" and (span := _SPAN.match(text, token.start)):
        return Token("num", span[1], span.start(1), span.end(1))  # MXNet's `Batch [20-40]`
    numbered = before == "#" and text[token.start - 2 : token.start - 1].isspace()  # `Epoch #3`
    spoilt = (before in "/\\.#$@&~^" and not numbered) or (
        after[:1] in "-:./" and after[1:].isdigit() and token.kind == "num"
    )
    if spoilt and not (before == "/" and rate):  # `41000/39000 tok/s`: of two rates the second
        return _word(text, token)
    if token.kind == "frac":
        return token
    unit = _UNIT.match(text, token.end)
    if rate:
        return token._replace(end=rate.end(), rate=True, scale=1e3 if rate["k"] else 1.0)
    if not unit and token.kind == "num" and (bare := _BARE_RATE.match(text, token.end)):
        return token._replace(end=bare.end(), rate=True)
    if unit:
        scale = SCALES.get(unit["scale"] or "", 1.0)
        token = token._replace(end=unit.end(), share=bool(unit["share"]), scale=scale, unit=True)
        rate = None if token.share else _RATE.match(text, token.end)  # fastText's `10.0% words/sec/thread: 45211`
        return token._replace(end=rate.end(), rate=True) if rate else token
    glued = "." in token.text and _GLUED.match(text, token.end)  # `0.37loss=`; but `5HT=` is a name
    if (after[:1].isalpha() or after[:1] == "_") and not glued:
        return _word(text, token)
    return token


_REST = re.compile(r"[\w./\\-]*(?::[\w./\\-]+)*")


def _word(text: str, token: Token) -> Token:
    end = max(_REST.match(text, token.end).end(), token.end)  # type: ignore[union-attr]
    return Token("word", text[token.start : end], token.start, end)
