"""When a rule is bound to a run: as late as it is asked, and what it will read is kept from the start."""

import pytest

from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found
from sentinel.rulebook.loading import parse_rules
from tests.core.toy import INFO, feed, row

RULES = """
signature: late
family: dynamics
rules:
  - rule: gap
    title: a gap
    when: mean(train.loss, '900 readings') > 1.0 and val.loss > 5.0
    severity: high
    say: "a gap"
  - rule: alone
    title: alone
    when: train.loss > 100.0
    severity: high
    say: "alone"
  - rule: later
    title: later
    when: silence > 60 and val.loss > 5.0
    severity: high
    say: "later"
"""


@pytest.fixture
def made():
    loaded = parse_rules(RULES, "late.yml", Names())
    assert not [fault for fault in loaded.book.faults if not fault.note]
    made = Engine(loaded.book, Names(), "host")
    made.feed([Batch("runs:a", (Found(INFO, 0.0),))])
    return made


def bounds_of(made):
    return {key[0]: bound for key, bound in made.runs["runs:a"].bounds.items()}


def test_a_rule_is_bound_when_the_run_has_what_it_reads(made):
    feed(made, row(1.0, 1))
    assert bounds_of(made)["late/alone"]._when is not None
    assert bounds_of(made)["late/gap"]._when is None
    feed(made, row(1.0, 2, name="val.loss"))
    assert bounds_of(made)["late/gap"]._when is not None


def test_readings_from_before_are_kept_for_the_windows_of_a_rule_that_waits(made):
    for step in range(1, 1301):
        feed(made, row(2.0 if 400 < step <= 1100 else 0.0, step))
    told = feed(made, row(9.0, 1301, name="val.loss"))
    assert [change.rule for change in told] == ["gap"]


def test_time_asks_no_rule_that_cannot_come_true(made):
    feed(made, row(1.0, 1, at=1.0))
    made.runs["runs:a"].pass_time(100.0)
    assert bounds_of(made)["late/later"]._when is None
    feed(made, row(9.0, 2, name="val.loss", at=101.0))
    made.runs["runs:a"].pass_time(200.0)
    assert [change.rule for change in made.runs["runs:a"].changes()] == ["later"]
