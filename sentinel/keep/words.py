"""What people said, in a table whose form never changes: on disk before it is answered, readable by every version."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

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
        self._words = {row[0]: Word(row[0], Saying(row[1]), Scope(row[2]), *row[3:]) for row in rows if _known(row)}

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
        """A run that continues another takes over its keeps, mutes and wrongs; what it took over stays as it became."""
        taken = {_said(word) for word in self._words.values() if word.target == to or word.run == to}
        for word in list(self._words.values()):
            about = word.target == run if word.scope is Scope.RUN else word.run == run
            if not about or not word.in_force(at):
                continue
            mine = replace(word, target=to if word.scope is Scope.RUN else word.target, run=to if word.run else "")
            if _said(mine) not in taken:
                self.say(mine)


def _said(word: Word) -> tuple[object, ...]:
    """What makes two words the same saying."""
    return word.saying, word.scope, word.target, word.run, word.rule, word.who, word.at


def _known(row: Sequence[object]) -> bool:
    """A sort of word that only a newer version knows is left for that one."""
    return row[1] in set(Saying) and row[2] in set(Scope)


def adopt(mine: sqlite3.Connection, newer: Path | None) -> list[str]:
    """Take over the words of another version's state file, which is only read; what people should know about that.

    A word that is here already only learns that it was taken back there; a sort of word that we do not know is left.
    """
    if newer is None:
        return []
    try:
        with closing(sqlite3.connect(f"{newer.absolute().as_uri()}?mode=ro", uri=True)) as theirs:
            rows = theirs.execute(f"SELECT {_COLUMNS} FROM words ORDER BY n").fetchall()  # noqa: S608 - a constant
    except sqlite3.Error as trouble:
        return [f"the mutes and keeps in {newer} cannot be read ({trouble}); say them again where they matter"]
    known = [row for row in rows if _known(row)]
    with mine:
        for _, saying, scope, target, who, at, until, why, over, *rest in known:
            same = (saying, scope, target, who, at)
            found = mine.execute(f"SELECT n FROM words WHERE {_SAME}", same).fetchone()  # noqa: S608 - a constant
            if found is None:
                values = (*same, until, why, over, *rest)
                mine.execute(f"INSERT INTO words ({_COLUMNS[3:]}) VALUES ({_MARKS})", values)  # noqa: S608 - constants
            elif over is not None:
                mine.execute("UPDATE words SET over = coalesce(over, ?) WHERE n = ?", (over, found[0]))
    left = len(rows) - len(known)
    return [f"{left} words in {newer} are of a sort that only a newer Sentinel knows"] if left else []


_SAME = "saying = ? AND scope = ? AND target = ? AND who = ? AND at = ?"
_MARKS = ", ".join("?" * 11)
