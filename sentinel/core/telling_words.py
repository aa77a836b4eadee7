"""What people have said that bears on telling: mutes, acks, false alarms. Pure; `keep/words.py` writes it down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.telling_letter import Member

WRONG_RUNS = 3  # a rule marked wrong on so many runs ...
WRONG_SPAN = 30 * 86400.0  # ... within this time is told as info until someone edits or clears it


class Saying(StrEnum):
    """The words that a person can say."""

    ACK = "ack"
    MUTE = "mute"
    KEEP = "keep"
    WRONG = "wrong"
    CLEARED = "cleared"  # somebody looked at a rule that was demoted, and it may speak again


class Scope(StrEnum):
    """What a word is about."""

    ALERT = "alert"
    RUN = "run"
    RULE = "rule"
    FAMILY = "family"


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a person said."""

    n: int
    saying: Saying
    scope: Scope
    target: str  # alert id, run key, "signature/rule" or family
    who: str
    at: float
    until: float | None = None  # of a mute; it always ends
    why: str = ""
    over: float | None = None  # when it was taken back
    run: str = ""  # of ack and wrong: the run's key
    rule: str = ""  # of ack and wrong: "signature/rule"
    fingerprint: str = ""  # of wrong: the rule as it was then

    def in_force(self, now: float) -> bool:
        """Whether it still holds."""
        return self.over is None and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Standing:
    """All words, asked in the ways that telling asks."""

    words: tuple[Word, ...] = ()

    def of(self, saying: Saying, now: float) -> Iterable[Word]:
        """The words of one sort that hold now."""
        return (word for word in self.words if word.saying is saying and word.in_force(now))

    def muted(self, member: Member, now: float) -> Word | None:
        """The mute that keeps this alert quiet, or the `wrong` that quiets its rule on this run."""
        return next(
            (word for word in self.words if word.in_force(now) and _quiets(word, member)),
            None,
        )

    def acked(self, member: Member) -> str:
        """Who has seen this alert, or ""."""
        found = [w for w in self.words if w.saying is Saying.ACK and w.over is None and w.target == member.id]
        return found[-1].who if found else ""

    def kept(self, run: str, now: float) -> bool:
        """Whether somebody said that this run must not be stopped."""
        return any(word.target == run for word in self.of(Saying.KEEP, now))

    def wrong_runs(self, rule: str, now: float, fingerprint: str = "") -> set[str]:
        """The runs on which this rule, as it is now, was marked wrong within the last 30 days."""
        cleared = max((w.at for w in self.words if w.saying is Saying.CLEARED and w.target == rule), default=0.0)
        return {
            word.run
            for word in self.of(Saying.WRONG, now)
            if word.rule == rule
            and word.at > cleared
            and now - word.at <= WRONG_SPAN
            and (not fingerprint or not word.fingerprint or word.fingerprint == fingerprint)
        }

    def demoted(self, rule: str, now: float, fingerprint: str = "") -> bool:
        """Whether the rule was wrong so often that it is told as info only."""
        return len(self.wrong_runs(rule, now, fingerprint)) >= WRONG_RUNS


def _quiets(word: Word, member: Member) -> bool:
    if word.saying is Saying.WRONG:
        return word.run == member.run and word.rule == f"{member.signature}/{member.rule}"
    if word.saying is not Saying.MUTE:
        return False
    rule = f"{member.signature}/{member.rule}"
    targets = {
        Scope.ALERT: (member.id,),
        Scope.RUN: (member.run,),
        Scope.RULE: (rule, f"{member.signature}/*", member.signature),
        Scope.FAMILY: (member.family,),
    }
    return word.target in targets[word.scope]
