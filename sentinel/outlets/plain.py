"""A message as plain text: for mail's text part, ntfy, SMS and anything else without markup; and for the terminal."""

from __future__ import annotations

import textwrap
from datetime import tzinfo

from sentinel.core.telling_letter import Letter
from sentinel.outlets.words import Wording, wording

WIDTH = 80
_TIED = "\u00a0"  # a space at which no line ends


def plain_text(letter: Letter, zone: tzinfo | None, attempt: int = 1) -> tuple[str, str]:
    """Title and body."""
    said = wording(letter, zone)
    title = f"{said.word}: {said.head}" if said.word != "Sentinel" else said.head
    return title, "\n".join(_body(said, attempt)).strip() + "\n"


def _body(said: Wording, attempt: int) -> list[str]:
    lines = [*_marks(said, attempt), *_wrap(said.finding)]
    width = max((len(name) for name, _, _ in said.sparks), default=0)
    lines += [f"  {name:<{width}} {bars} {course}" for name, bars, course in said.sparks]
    lines += _table(said)
    lines += ["", *(f"- {item}" if not item.startswith(" ") else item for item in said.listing)] if said.listing else []
    lines += _items("Why", said.why) + _items("Try", said.attempts) + _items("Wrong alarm if", said.wrong_if)
    if said.stake or said.next:
        lines += ["", *_wrap(f"{said.stake} {said.next}".strip())]
    if said.commands:
        lines += ["", *(f"  {command}" for command in said.commands)]
        lines += [f"  (from another machine: {said.elsewhere})"] if said.elsewhere else []
    lines += ["", " · ".join((*said.place, said.when))]
    return lines + (_wrap(said.footer) if said.footer else [])


def _marks(said: Wording, attempt: int) -> list[str]:
    marks = [*said.marks, *([f"attempt {attempt}: you may have it already"] if attempt > 1 else [])]
    return [f"({'; '.join(marks)})", ""] if marks else []


def _table(said: Wording) -> list[str]:
    if not said.evidence:
        return []
    width = min(40, max(len(row.what) for row in said.evidence))
    rows = [
        f"  {row.what:<{width}}  {row.seen}" + (f"  (limit {row.limit})" if row.limit else "") for row in said.evidence
    ]
    return ["", *rows]


def _items(head: str, items: tuple[str, ...]) -> list[str]:
    if not items:
        return []
    if len(items) == 1:
        return ["", *_wrap(f"{head}: {items[0]}")]
    numbered = [line for i, item in enumerate(items, 1) for line in _wrap(f"{i}. {item}", "  ", "     ")]
    return ["", f"{head}:", *numbered]


def _wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    if not text:
        return []
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def brief(letter: Letter, zone: tzinfo | None, colour: bool = False) -> str:
    """A few lines for the terminal of `sentinel run`: state, run, finding, curve, what to do, how to say a word."""
    said = wording(letter, zone)
    state = f"{_shape(said)} {said.word.upper()}"
    ident = f"  [{letter.change.id}]" if letter.change is not None and letter.change.id else ""
    first, *more = _wrap(f"{said.when}  {state}  {said.head}{ident}", "", "    ")
    lines = [first.replace(state, _coloured(state, said.word), 1) if colour else first, *more]
    lines += _wrap(said.finding, "    ", "    ")
    lines += [f"    {name} {bars} {course}" for name, bars, course in said.sparks[:3]]
    lines += [f"    {item}" for item in said.listing]
    lines += _wrap(f"try: {said.attempts[0]}", "    ", "         ") if said.attempts else []
    lines += [line for mark in said.marks for line in _wrap(f"({mark})", "    ", "    ")]
    lines += [line.replace(_TIED, " ") for line in _wrap(f"{_TIED}· ".join(said.place), "    ", "    ")]
    return "\n".join(lines)


_SHAPES = {"Doomed": "✕", "Critical": "✕", "High": "!", "Cleared": "✓", "No data": "◌", "Ended": "■"}
_COLOURS = {"Doomed": "31;1", "Critical": "31;1", "High": "31", "Warning": "33", "Cleared": "32", "No data": "35"}


def _shape(said: Wording) -> str:
    return _SHAPES.get(said.word, "·")


def _coloured(text: str, word: str) -> str:
    code = _COLOURS.get(word)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
