"""A message as HTML for mail: one light card that reads at phone width, every text escaped, no link to anywhere."""

from __future__ import annotations

from html import escape

from sentinel.outlets.sentences import Seen
from sentinel.outlets.words import Wording

_COLOURS = {"Doomed": "#b3261e", "Critical": "#b3261e", "High": "#b3261e", "Warning": "#9a6200", "Cleared": "#1c6b45"}
_CALM = "#55606b"
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_H = f'<h2 style="{_FONT};font-size:16px;margin:20px 0 6px;color:#14181d">'
_P = '<p style="margin:0 0 10px;line-height:1.5">'
_PRE = (
    f'<pre style="{_MONO};font-size:13px;line-height:1.5;background:#eef1f4;border-radius:6px;padding:10px 12px;'
    'margin:0 0 10px;white-space:pre-wrap;word-break:break-word;color:#14181d">'
)


def html_text(said: Wording, picture: str, attempt: int = 1) -> str:
    """The whole document; `picture` is the content id of the inline picture, or "" for none."""
    colour = _COLOURS.get(said.word, _CALM)
    card = (
        "max-width:600px;margin:0 auto;background:#fff;border:1px solid #dde1e5;border-radius:8px;"
        f"border-top:5px solid {colour};padding:18px 20px;{_FONT};font-size:15px;color:#14181d"
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light">'
        f"<title>{escape(said.head)}</title></head>"
        '<body style="margin:0;padding:12px;background:#f4f6f8">'
        f'<div style="{card}">{"".join(_parts(said, picture, attempt))}</div></body></html>'
    )


def _parts(said: Wording, picture: str, attempt: int) -> list[str]:
    marks = [*said.marks, *([f"attempt {attempt}: you may have it already"] if attempt > 1 else [])]
    parts = [
        f'<h1 style="{_FONT};font-size:20px;line-height:1.3;margin:0 0 4px">{escape(said.head)}</h1>',
        f'<p style="margin:0 0 12px;color:#55606b;font-size:13px">{escape(said.word)} · {escape(said.date)}</p>',
        *(f'<p style="margin:0 0 10px;color:#9a6200">{escape(mark)}</p>' for mark in marks),
        f"{_P}{escape(said.finding)}</p>" if said.finding else "",
        _picture(said, picture),
        _sparks(said) if not picture else "",
        _table(said.evidence),
        _list("", said.listing, "ul") if said.listing else "",
        _list("Likely why", said.why, "ol"),
        _list("Try", said.attempts, "ol"),
        _list("Wrong alarm if", said.wrong_if, "ul"),
    ]
    ahead = " ".join(filter(None, (said.stake, said.next)))
    parts.append(f"{_H}What happens next</h2>{_P}{escape(ahead)}</p>" if ahead else "")
    parts.append(_commands(said))
    named = bool(said.footer)  # the footer names the rule, with its expression
    foot = "\u00a0· ".join(part for part in (*said.place, said.when) if not (named and part.startswith("rule ")))
    parts.append(f'<p style="margin:14px 0 0;color:#55606b;font-size:12px;line-height:1.5">{escape(foot)}</p>')
    if said.footer:
        parts.append(
            f'<p style="margin:6px 0 0;color:#55606b;font-size:12px;line-height:1.5">{escape(said.footer)}</p>'
        )
    return parts


def _picture(said: Wording, picture: str) -> str:
    if not picture:
        return ""
    frame = "box-sizing:border-box;border:1px solid #dde1e5;border-radius:6px"
    style = f"display:block;width:100%;height:auto;margin:0 0 12px;{frame}"
    return f'<img src="cid:{picture}" alt="{escape(said.alt, quote=True)}" width="558" style="{style}">'


def _sparks(said: Wording) -> str:
    if not said.sparks:
        return ""
    width = max(len(name) for name, _, _ in said.sparks)
    lines = "\n".join(f"{name:<{width}} {bars} {course}" for name, bars, course in said.sparks)
    return f"{_PRE}{escape(lines)}</pre>"


def _table(rows: tuple[Seen, ...]) -> str:
    if not rows:
        return ""
    cell = 'style="text-align:left;padding:6px 8px 6px 0;border-bottom:1px solid #dde1e5;word-break:break-word'
    head = "".join(f'<th {cell};font-weight:400;color:#55606b;font-size:13px">{name}</th>' for name in _HEADS)
    body = "".join(
        f'<tr><td {cell}">{escape(row.what)}</td><td {cell}"><b>{escape(row.seen)}</b></td>'
        f'<td {cell}">{escape(row.limit)}</td></tr>'
        for row in rows
    )
    return f'<table style="width:100%;border-collapse:collapse;font-size:14px;margin:0 0 10px"><tr>{head}</tr>{body}</table>'


_HEADS = ("evidence", "seen", "limit")


def _list(head: str, items: tuple[str, ...], tag: str) -> str:
    if not items:
        return ""
    title = f"{_H}{head}</h2>" if head else ""
    if len(items) == 1 and head:
        return f"{title}{_P}{escape(items[0])}</p>"
    rows = "".join(f'<li style="margin:0 0 4px;line-height:1.45">{escape(item.strip())}</li>' for item in items)
    return f'{title}<{tag} style="margin:0 0 10px;padding-left:22px">{rows}</{tag}>'


def _commands(said: Wording) -> str:
    if not said.commands:
        return ""
    where = f"{_P}From another machine: <code>{escape(said.elsewhere)}</code></p>" if said.elsewhere else ""
    return f"{_H}Say a word</h2>{_PRE}{escape(chr(10).join(said.commands))}</pre>{where}"
