"""New shipped rules tell as info for a while, those of the first start and renamed ones do not."""

import sqlite3
from dataclasses import replace

from sentinel.core.records import Action, Severity
from sentinel.core.rule import Rulebook
from sentinel.daemon.novelties import Novelties
from sentinel.keep.first_seen import SCHEMA
from tests.core.toy import above, rule

DAY = 86400.0


def shipped(name, **more):
    made = rule(name, above("train.loss", 5), severity=Severity.CRITICAL, action=Action.STOP, doom=0.9)
    return replace(made, shipped=True, **more)


def calmed(connection, rules, now, known_for="14d"):
    novelties = Novelties(connection)
    book = novelties.calm(Rulebook(tuple(rules)), known_for, now)
    return {one.name: (one.severity, one.action) for one in book.rules}, novelties.until


LOUD, QUIET = (Severity.CRITICAL, Action.STOP), (Severity.INFO, Action.TELL)


def state():
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    return connection


def test_the_rules_of_the_first_start_speak_at_once():
    assert calmed(state(), [shipped("a")], 100 * DAY) == ({"a": LOUD}, None)


def test_a_rule_that_an_upgrade_brought_informs_for_two_weeks():
    connection = state()
    calmed(connection, [shipped("a")], 100 * DAY)
    both = [shipped("a"), shipped("b")]
    assert calmed(connection, both, 110 * DAY) == ({"a": LOUD, "b": QUIET}, 124 * DAY)
    assert calmed(connection, both, 123.9 * DAY)[0] == {"a": LOUD, "b": QUIET}
    assert calmed(connection, both, 124 * DAY) == ({"a": LOUD, "b": LOUD}, None)


def test_settings_may_say_otherwise_and_own_rules_are_never_new():
    connection = state()
    calmed(connection, [shipped("a")], 100 * DAY)
    assert calmed(connection, [shipped("b")], 110 * DAY, "0s") == ({"b": LOUD}, None)
    own = replace(shipped("c"), shipped=False)
    assert calmed(connection, [own], 110 * DAY) == ({"c": LOUD}, None)


def test_a_renamed_rule_is_as_old_as_it_was_under_its_former_name():
    connection = state()
    calmed(connection, [shipped("a")], 100 * DAY)
    renamed = shipped("z", was=shipped("a").key)
    assert calmed(connection, [renamed], 110 * DAY) == ({"z": LOUD}, None)
