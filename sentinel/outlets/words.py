"""A letter in words, before any outlet's markup: what each part of the message says. Pure.

The shape is finding, evidence, why, try, cost, what comes next, commands, provenance. The first 80 characters say run
and finding, for that is all that a locked phone shows.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import tzinfo

from sentinel.core.records import Change
from sentinel.core.telling_letter import Letter, Occasion
from sentinel.outlets.heads import HEAD, MARKS, head_of, mark_of, word_of
from sentinel.outlets.numbers import clock, day_and_clock
from sentinel.outlets.sentences import (
    Seen,
    alt_of,
    commands_of,
    course_of,
    evidence_of,
    finding_of,
    footer_of,
    listing_of,
    next_of,
    place_of,
    sparks_of,
    stake_of,
)
from sentinel.outlets.tidy import clean, harmless, shorten


@dataclass(frozen=True, slots=True)
class Wording:
    """All that a message says, part by part; an empty part is left out."""

    mark: str
    word: str  # Doomed, High, Cleared, ...
    head: str
    finding: str = ""
    sparks: tuple[tuple[str, str, str], ...] = ()  # name, bars, first and last
    evidence: tuple[Seen, ...] = ()
    listing: tuple[str, ...] = ()  # other signs, runs, digest lines
    why: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    wrong_if: tuple[str, ...] = ()
    stake: str = ""
    next: str = ""
    commands: tuple[str, ...] = ()
    elsewhere: str = ""  # how to say it from another machine
    place: tuple[str, ...] = ()  # step, host, user, since, rule, file, alert
    when: str = ""
    date: str = ""
    at: float = 0.0
    footer: str = ""
    marks: tuple[str, ...] = ()
    alt: str = ""  # the picture in words


def wording(letter: Letter, zone: tzinfo | None) -> Wording:
    """What a letter says, with nothing in it that could steer whoever shows it."""
    said: Wording = harmless(_wording(letter, zone))
    return said


def _wording(letter: Letter, zone: tzinfo | None) -> Wording:
    if letter.change is None:
        return _without_change(letter, zone)
    if letter.occasion in {Occasion.CLEAR, Occasion.ENDED, Occasion.STALE, Occasion.AGAIN, Occasion.MUTE_OVER}:
        return _in_the_thread(letter, letter.change, zone)
    return _in_full(letter, letter.change, zone)


def _in_full(letter: Letter, change: Change, zone: tzinfo | None) -> Wording:
    story = letter.story
    return Wording(
        mark=mark_of(letter),
        word=word_of(letter),
        head=head_of(letter),
        finding=finding_of(letter, change),
        sparks=sparks_of(letter),
        evidence=evidence_of(change),
        listing=listing_of(letter, change),
        why=tuple(clean(text) for text in story.why),
        attempts=tuple(clean(text) for text in story.attempts),
        wrong_if=tuple(clean(text) for text in story.wrong_if),
        stake=stake_of(letter),
        next=next_of(letter),
        commands=() if letter.closed else commands_of(letter, change),
        elsewhere=f"ssh {shlex.quote(clean(letter.host))} sentinel ..." if letter.host and not letter.closed else "",
        place=place_of(letter, change, zone),
        when=clock(change.at or letter.at, zone),
        date=day_and_clock(change.at or letter.at, zone),
        at=change.at or letter.at,
        footer=footer_of(letter, change),
        marks=letter.marks,
        alt=alt_of(letter),
    )


def _in_the_thread(letter: Letter, change: Change, zone: tzinfo | None) -> Wording:
    """What follows a message: short, for the message itself stands above."""
    over = letter.closed
    return Wording(
        mark=mark_of(letter),
        word=word_of(letter),
        head=head_of(letter),
        finding=course_of(letter, change, zone),
        sparks=sparks_of(letter),
        stake="" if over else stake_of(letter),
        commands=() if over else commands_of(letter, change),
        place=place_of(letter, change, zone),
        when=clock(letter.at, zone),
        date=day_and_clock(letter.at, zone),
        at=letter.at,
        marks=letter.marks,
        alt=alt_of(letter),
    )


def _without_change(letter: Letter, zone: tzinfo | None) -> Wording:
    return Wording(
        mark="🗒" if letter.occasion in {Occasion.WEEK, Occasion.HELD, Occasion.SUMMARY} else MARKS[letter.severity],
        word=word_of(letter),
        head=shorten(clean(letter.head), HEAD),
        listing=tuple(clean(line) if not line.startswith("  ") else "  " + clean(line) for line in letter.lines),
        place=(letter.host,) if letter.host else (),
        when=clock(letter.at, zone),
        date=day_and_clock(letter.at, zone),
        at=letter.at,
        footer=letter.sent_to,
        marks=letter.marks,
    )
