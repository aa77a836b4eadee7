"""How a run does, in one of five words, the same everywhere a person looks (contracts 2). Pure."""

from __future__ import annotations

from sentinel.core.records import Severity
from sentinel.core.watched import Watched

DOOMED, LOOK, SILENT, FINE, CANNOT_TELL = "doomed", "look", "silent", "fine", "cannot tell"
RECENT_LOOKS = 10
QUIET = 600.0  # nothing readable for so long is silence
SURE = 0.7


def standing(watched: Watched, now: float) -> str:
    """The first word that fits."""
    firing = watched.last_word()
    if any(b.rule.severity >= Severity.HIGH and b.rule.doom >= SURE for b in firing):
        return DOOMED
    loud = [b for b in firing if b.rule.severity >= Severity.WARNING]
    if any(not _of_silence(b.rule.when.text if b.rule.when else "") for b in loud):
        return LOOK
    if loud or _quiet(watched, now):
        return SILENT
    if watched.looks and watched.looks - watched.fine_at <= RECENT_LOOKS:
        return FINE
    return CANNOT_TELL


def _of_silence(text: str) -> bool:
    return "silence" in text


def _quiet(watched: Watched, now: float) -> bool:
    grew = watched.run.grew
    return not watched.over and grew is not None and now - grew > QUIET
