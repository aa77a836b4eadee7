"""What people said, in a table whose form never changes: on disk before it is answered, readable by every version."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from sentinel.core.telling_words import Saying, Scope, Standing, Word
from sentinel.keep.outbox import Paper

SCHEMA = """
CREATE TABLE IF NOT EXISTS words (
    n INTEGER PRIMARY KEY,
    saying TEXT NOT NULL,
    scope TEXT NOT NULL,
    target TEXT NOT NULL,
    who TEXT NOT NULL,
    at REAL NOT NULL,
    until REAL,
    why TEXT NOT NULL DEFAULT '',
    over REAL,
    run TEXT NOT NULL DEFAULT '',
    rule TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL DEFAULT ''
);
"""
_COLUMNS = "n, saying, scope, target, who, at, until, why, over, run, rule, fingerprint"


class Words:
    """All words, in memory and on disk."""

    def __init__(self, paper: Paper) -> None:
        """Read what was said."""
        self._paper = paper
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM words ORDER BY n")  # noqa: S608 - a constant
        self._words = {row[0]: Word(row[0], Saying(row[1]), Scope(row[2]), *row[3:]) for row in rows}

    @property
    def _db(self) -> sqlite3.Connection:
        return self._paper.connection

    def say(self, word: Word) -> Word:
        """Write a word down; it raises `sqlite3.Error` when that fails, for then it must not be answered with yes.

        Call it outside a transaction: it commits by itself before it returns.
        """
        row = (word.saying, word.scope, word.target, word.who, word.at, word.until, word.why, word.over)
        with self._db:
            done = self._db.execute(
                "INSERT INTO words (saying, scope, target, who, at, until, why, over, run, rule, fingerprint)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, word.run, word.rule, word.fingerprint),
            )
        kept = replace(word, n=int(done.lastrowid or 0))
        self._words[kept.n] = kept
        return kept

    def take_back(self, saying: Saying, target: str, at: float) -> int:
        """End the words of one sort about one target (`""` for all); how many were in force."""
        found = [
            word
            for word in self._words.values()
            if word.saying is saying and target in {"", word.target} and word.in_force(at)
        ]
        with self._db:
            for word in found:
                self._db.execute("UPDATE words SET over = ? WHERE n = ?", (at, word.n))
        for word in found:
            self._words[word.n] = replace(word, over=at)
        return len(found)

    def standing(self) -> Standing:
        """All words, asked in the ways that telling asks."""
        return Standing(tuple(self._words.values()))

    def hand_over(self, run: str, to: str, at: float) -> None:
        """A run that continues another takes over its keeps, mutes and wrongs."""
        for word in list(self._words.values()):
            about = word.target == run if word.scope is Scope.RUN else word.run == run
            if about and word.in_force(at):
                self.say(
                    replace(word, target=to if word.scope is Scope.RUN else word.target, run=to if word.run else "")
                )
