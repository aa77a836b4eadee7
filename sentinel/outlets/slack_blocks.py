"""A message as Slack blocks. Text goes into rich text, which Slack never parses: no name, link or mark can be forged."""

from __future__ import annotations

from typing import Any

from sentinel.outlets.jobs import Job
from sentinel.outlets.markdown import commands, numbers
from sentinel.outlets.words import Wording, wording

_LONGEST = 2900  # of one text; Slack refuses the whole message for one that is too long
_MOST_ITEMS = 25


def fallback(job: Job) -> str:
    """What a lock screen shows. It is the one text that Slack parses, so its three signs are escaped."""
    said = wording(job.letter, job.zone)
    return _escaped(f"{said.word}: {said.head}")


def blocks(job: Job, picture: str) -> list[dict[str, Any]]:
    """The message, with the picture of that file id inside."""
    said = wording(job.letter, job.zone)
    found: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": f"{said.mark} {said.head}"[:150], "emoji": True}}
    ]
    elements = _elements(said, job.attempt)
    if elements:
        found.append({"type": "rich_text", "elements": elements})
    if picture:
        found.append({"type": "image", "slack_file": {"id": picture}, "alt_text": (said.alt or said.head)[:1900]})
    found.append({"type": "context", "elements": _context(said)})
    return found


def _elements(said: Wording, attempt: int) -> list[dict[str, Any]]:
    marks = [*said.marks, *([f"attempt {attempt}: you may have it already"] if attempt > 1 else [])]
    out = [_section(_text("; ".join(marks), italic=True))] if marks else []
    out += [_section(_text(said.finding))] if said.finding else []
    columns = numbers(said)
    out += [_block(columns)] if columns else []
    if said.listing:
        items = [_section(_text(item.strip())) for item in said.listing[:_MOST_ITEMS]]
        out.append({"type": "rich_text_list", "style": "bullet", "elements": items})
    for head, items_of in (("Why ", said.why), ("Try ", said.attempts), ("Wrong alarm if ", said.wrong_if)):
        out += [_section(_text(head, bold=True), _text("; ".join(items_of)))] if items_of else []
    if said.stake or said.next:
        out.append(_section(_text(f"{said.stake} {said.next}".strip())))
    out += [_block(commands(said))] if said.commands else []
    return out


def _section(*texts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": [t for t in texts if t["text"]] or [_text(" ")]}


def _block(lines: list[str]) -> dict[str, Any]:
    return {"type": "rich_text_preformatted", "elements": [_text("\n".join(lines))]}


def _text(text: str, **style: bool) -> dict[str, Any]:
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return {"type": "text", "text": cut, **({"style": style} if style else {})}


def _context(said: Wording) -> list[dict[str, Any]]:
    """Provenance as plain text, and the time in the reader's own zone, which only Slack's mark-up can give."""
    place = " · ".join(said.place)[:1900]
    utc = said.when.replace("|", " ").replace(">", " ")
    moment = f"<!date^{int(said.at)}^{{date_short_pretty}} {{time}}|{_escaped(utc)}> · {_escaped(utc)}"
    parts: list[dict[str, Any]] = [{"type": "plain_text", "text": place, "emoji": False}] if place else []
    parts.append({"type": "mrkdwn", "text": moment})
    if said.footer:
        parts.append({"type": "plain_text", "text": said.footer[:1900], "emoji": False})
    return parts


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
