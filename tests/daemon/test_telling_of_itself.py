"""What Sentinel says of itself: the round-up, broken rule files, the freed reserve, and words from a newer state."""

import json
import os
import sqlite3

import pytest

from sentinel.cli.offline import state_status
from sentinel.cli.status import text
from sentinel.core.records import Fault
from sentinel.core.telling_words import Saying, Scope, Word
from sentinel.daemon.assembly import Plan, assemble
from sentinel.daemon.settings import Channel, Gpu, Host, Sentinel, Settings, Tell, Watch
from sentinel.daemon.telling_faults import tell_faults
from sentinel.daemon.week import UNREAD, unreadable
from sentinel.keep import opening, words
from sentinel.keep.opening import VERSION
from sentinel.keep.words import Words
from tests.daemon.test_running import NAN

MONDAY = 1_795_428_000.0  # 2026-11-23 10:00 UTC
BROKEN = "signature: mine\nrules:\n  - rule: broken\n    when: last(loss >\n    severity: high\n    say: never\n"


class Clock:
    def __init__(self, now):
        self.now = now

    def wall(self):
        return self.now

    def steady(self):
        return self.now


@pytest.fixture
def place(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "rules").mkdir()
    return tmp_path


@pytest.fixture
def born(place):
    living = []

    def make(now=MONDAY - 86400.0):
        given = Settings(
            sentinel=Sentinel(state=str(place / "state"), rules=[str(place / "rules")]),
            watch=[Watch(name="t", runs=str(place / "runs/*"), poll="100ms")],
            tell=Tell(journal=False, terminal=False, group="0s", zone="UTC"),
            channel=[Channel(name="hook", url="json://127.0.0.1:1/in")],
            gpu=Gpu(enabled=False), host=Host(enabled=False),
        )  # fmt: skip
        (place / "state" / "lock").unlink(missing_ok=True)  # it is held for as long as this process lives
        daemon, why = assemble(Plan(given))
        assert daemon is not None, why
        daemon.clock = Clock(now)
        living.append(daemon)
        return daemon

    yield make
    for daemon in living:
        daemon.close()


def write(place, run, text):
    (place / "runs" / run).mkdir()
    log = place / "runs" / run / "train.log"
    log.write_text(text)
    os.utime(log, (MONDAY - 86400.0, MONDAY - 86400.0))


def letters(daemon):
    return [json.loads(row[0]) for row in daemon.store.connection.execute("SELECT letter FROM deliveries ORDER BY n")]


def heads(daemon):
    return [letter.get("head") for letter in letters(daemon) if letter.get("head")]


def test_the_week_is_counted_and_told_on_monday_once(place, born):
    write(place, "a", NAN)
    daemon = born()
    for _ in range(20):
        daemon.turn()
        daemon.clock.now += 1.0
    word = Word(0, Saying.WRONG, Scope.ALERT, "x", "ana", MONDAY - 3600.0, run="t/a", rule="loss-nonfinite/nonfinite")
    daemon.delivering.words.say(word)
    for now in (MONDAY, MONDAY + 60.0):
        daemon.clock.now = now
        daemon.turn()
    (week,) = [letter for letter in letters(daemon) if letter["occasion"] == "week"]
    assert "runs seen: 1" in week["lines"]
    assert "marked wrong: loss-nonfinite/nonfinite, 1" in week["lines"]
    assert any(line.startswith("alerts: 1 ") for line in week["lines"])
    assert any(line.startswith("rules that never matched: ") for line in week["lines"])
    assert "GPU-hours saved: not counted" in week["lines"]
    assert len(week["lines"]) <= 20


def test_runs_that_cannot_be_read_are_counted_by_reason():
    denied = [f"{run}/{file} cannot be read: Permission denied" for run in "ab" for file in ("x.log", "y.log")]
    assert unreadable([*denied, "c/x.log cannot be read: Is a directory", "no inotify"]) == {
        "Permission denied": 2, "Is a directory": 1,
    }  # fmt: skip


def test_a_run_of_which_nothing_was_understood_is_in_the_week(place, born):
    write(place, "b", "good morning\n" * 3)
    daemon = born()
    daemon.turn()
    daemon.clock.now = MONDAY
    daemon.turn()
    (week,) = [letter for letter in letters(daemon) if letter["occasion"] == "week"]
    assert f"could not be read: 1 ({UNREAD})" in week["lines"]


def test_a_broken_rule_file_is_told_once_and_not_at_each_start(place, born):
    (place / "rules" / "mine.yml").write_text(BROKEN)
    first = born()
    first.turn()
    assert len([head for head in heads(first) if "in the rule files" in head]) == 1
    first.close()
    second = born()
    second.turn()
    assert len([head for head in heads(second) if "in the rule files" in head]) == 1


def test_a_rule_file_that_breaks_at_a_reload_is_told(place, born):
    daemon = born()
    daemon.turn()
    assert not [head for head in heads(daemon) if "in the rule files" in head]
    (place / "rules" / "mine.yml").write_text(BROKEN)
    daemon.ask_reload()
    for told in daemon.after_turn:
        told()
    daemon.turn()
    assert [head for head in heads(daemon) if "in the rule files" in head]
    assert "mine.yml:4" in json.dumps(letters(daemon))


def test_a_mended_file_that_breaks_again_is_told_again(born):
    daemon, said = born(), []
    voice = type("Voice", (), {"say": lambda _self, head, _lines, _now: said.append(head)})()
    fault = Fault("mine.yml", 4, 1, "no bracket", "close it")
    for faults in ([fault], [fault], [], [fault]):
        tell_faults(voice, daemon.store, faults, MONDAY)
    assert said == ["1 fault in the rule files"] * 2


def test_people_are_told_when_the_reserve_was_freed(place, born):
    daemon = born()
    daemon.turn()
    write(place, "a", NAN)
    real, failed = daemon.snapshots.save, []

    def full_once(*what):
        if not failed:
            failed.append(True)
            raise sqlite3.OperationalError("database or disk is full")
        real(*what)

    daemon.snapshots.save = full_once
    for _ in range(5):
        daemon.clock.now += 5.0
        daemon.turn()
    assert failed
    assert not (place / "state" / opening.RESERVE_NAME).exists()
    assert any("the state disk is full" in head for head in heads(daemon))
    assert daemon.store.on_disk


def test_words_are_shown_in_status_with_who_and_when(born):
    daemon = born()
    daemon.delivering.words.say(Word(0, Saying.KEEP, Scope.RUN, "t/a", "ana", MONDAY, why="the last one"))
    (word,) = daemon.extra_status()["words"]
    assert (word["saying"], word["who"], word["target"]) == ("keep", "ana", "t/a")
    assert word["at"].startswith("2026-11-23")
    assert daemon.extra_status()["dropped"] == 0


def test_status_without_a_daemon_still_lists_the_words(place, born):
    daemon = born()
    daemon.turn()
    daemon.delivering.words.say(Word(0, Saying.KEEP, Scope.RUN, "t/a", "ana", MONDAY, why="the last one"))
    daemon.delivering.words.say(Word(0, Saying.MUTE, Scope.RUN, "t/b", "ben", 1.0, until=2.0))
    daemon.close()
    known = state_status(str(place / "state"))
    assert "  keep run t/a, by ana at 2026-11-23 10:00 UTC" in text(known)
    assert "t/b" not in text(known)


def test_words_of_a_newer_state_are_read_and_its_file_is_left_alone(place, born):
    state = place / "state"
    state.mkdir()
    newer = sqlite3.connect(state / "sentinel.db")
    newer.executescript(words.SCHEMA + f"PRAGMA journal_mode=WAL; PRAGMA user_version={VERSION + 1};")
    rows = [("mute", "run", "t/a"), ("keep", "run", "t/b"), ("a sort of tomorrow", "run", "t/c")]
    for saying, scope, target in rows:
        newer.execute(
            "INSERT INTO words (saying, scope, target, who, at) VALUES (?, ?, ?, 'ana', ?)",
            (saying, scope, target, MONDAY),
        )
    newer.commit()
    newer.close()
    before = (state / "sentinel.db").read_bytes()
    for _ in range(2):
        daemon = born()
        said = Words(daemon.store).standing().words
        assert [(word.saying, word.target) for word in said] == [("mute", "t/a"), ("keep", "t/b")]
        assert any("only a newer Sentinel knows" in told for told in daemon.told)
        daemon.close()
    assert (state / "sentinel.db").read_bytes() == before
