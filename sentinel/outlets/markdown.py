"""A message as Markdown for chats: headings by weight, commands and curves in code, everything else escaped."""

from __future__ import annotations

import re
from datetime import tzinfo

from sentinel.core.telling_letter import Letter
from sentinel.outlets.words import Wording, wording

_SPECIAL = re.compile(r"([\\*_~`|>\[\]<#])")
_MENTION = re.compile(r"@(?=\w)")


def escape(text: str) -> str:
    """Text that Markdown shows as it is and in which nobody is called by name."""
    return _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", text))


def code(lines: tuple[str, ...] | list[str]) -> str:
    """Lines as they are; a fence inside would end the block, so it is broken."""
    return "```\n" + "\n".join(lines).replace("```", "'''") + "\n```"


def markdown_text(letter: Letter, zone: tzinfo | None, attempt: int = 1) -> tuple[str, str]:
    """Title and body; the title is plain, for services put it in bold by themselves."""
    said = wording(letter, zone)
    return f"{said.mark} {said.head}", "\n".join(_body(said, attempt))


def _body(said: Wording, attempt: int) -> list[str]:
    marks = [*said.marks, *([f"attempt {attempt}: you may have it already"] if attempt > 1 else [])]
    lines = [f"_({escape('; '.join(marks))})_"] if marks else []
    lines += [escape(said.finding)] if said.finding else []
    lines += [code(numbers(said))] if said.sparks or said.evidence else []
    lines += [f"- {escape(item)}" for item in said.listing]
    for head, items in (("Why", said.why), ("Try", said.attempts), ("Wrong alarm if", said.wrong_if)):
        lines += [f"**{head}** {escape('; '.join(items))}"] if items else []
    ahead = f"{said.stake} {said.next}".strip()
    lines += [escape(ahead)] if ahead else []
    lines += [code(commands(said))] if said.commands else []
    return [*lines, f"_{escape(' · '.join((*said.place, said.when)))}_"]


def commands(said: Wording) -> list[str]:
    """What can be typed as it stands, and how from another machine."""
    return [*said.commands, *([f"# from elsewhere: {said.elsewhere}"] if said.elsewhere else [])]


def numbers(said: Wording) -> list[str]:
    """Curves and evidence in columns; what a curve shows already is not said again."""
    drawn = {name for name, _, _ in said.sparks}
    rows = [row for row in said.evidence if row.limit or row.what not in drawn]
    width = min(32, max([len(n) for n, _, _ in said.sparks] + [len(row.what) for row in rows], default=0))
    lines = [f"{name:<{width}} {bars} {course}" for name, bars, course in said.sparks]
    return lines + [f"{row.what:<{width}} {row.seen}" + (f"  (limit {row.limit})" if row.limit else "") for row in rows]
