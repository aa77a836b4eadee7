"""The language of `when` and `quiet`, and the caps."""

import pytest

from sentinel.core.records import Severity
from sentinel.core.telling_answers import Answer, Code, next_try
from sentinel.core.telling_backlog import gathers
from sentinel.core.telling_caps import Most, parse_most
from sentinel.core.telling_routes import ConditionError, Subject, parse_condition, parse_quiet

WORDS = {"family": "machine", "user": "ana", "labels.team": "nlp", "run": "swift-fox"}


def holds(text, severity=Severity.HIGH, minute=12 * 60, weekday=2):
    return parse_condition(text).holds(Subject(severity, minute, weekday, WORDS))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "severity >= high",
        "severity == high and family == machine",
        "family in throughput, machine",
        "labels.team == nlp",
        "run == swift-*",
        "not user == ben",
        "user != ben",
        "(family == x or user == ana) and severity < critical",
        "time in 08:00-18:00",
        "day in mon-fri",
    ],
)
def test_it_holds(text):
    assert holds(text)


@pytest.mark.parametrize("text", ["severity >= critical", "time in 22:00-07:00", "day in sat,sun", "labels.team == cv"])
def test_it_does_not_hold(text):
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("severty >= high", 1, "did you mean 'severity'"),
        ("severity >= hihg", 13, "no severity"),
        ("severity high", 10, "does not fit"),
        ("family == x user == y", 13, "join"),
        ("(family == x", 13, "missing"),
        ("time in noon", 9, "stretch"),
    ],
)
def test_a_mistake_is_shown_with_its_column(text, column, says):
    with pytest.raises(ConditionError) as trouble:
        parse_condition(text)
    assert trouble.value.column == column
    assert says in str(trouble.value)


def test_rest_hours_run_over_midnight_and_may_name_days():
    quiet = parse_quiet("22:00-07:00 severity < critical")
    assert quiet.holds(Subject(Severity.HIGH, 23 * 60))
    assert quiet.holds(Subject(Severity.HIGH, 6 * 60))
    assert not quiet.holds(Subject(Severity.HIGH, 7 * 60))
    assert not quiet.holds(Subject(Severity.CRITICAL, 23 * 60))
    assert parse_quiet("00:00-24:00 sat,sun").holds(Subject(Severity.HIGH, 700, 5))


def test_caps():
    assert parse_most("3 a run and day, 20 a channel and day") == Most(3, 20)
    assert parse_most("") == Most(None, None)
    assert parse_most("many") is None


def test_retries_widen_with_full_jitter_and_end_after_a_day():
    trouble = Answer(Code.SERVER)
    waits = [next_try(trouble, n, 0.0, 0.0, 0.99) for n in range(1, 15)]
    assert waits == sorted(waits)
    assert waits[-1] <= 1800
    assert next_try(trouble, 3, 0.0, 0.0, 0.0) == 1.0
    assert next_try(trouble, 3, 0.0, 86401.0, 0.5) is None


def test_retry_after_is_a_floor():
    asked = Answer(Code.THROTTLED, retry_after=120.0)
    assert 120.0 <= next_try(asked, 1, 0.0, 0.0, 0.5) <= 122.0


def test_a_message_that_is_refused_does_not_hold_the_others_for_long():
    assert next_try(Answer(Code.REJECTED), 3, 0.0, 0.0, 0.5) is None


def test_what_gathered_goes_out_as_one():
    assert gathers([(0.0, 1), (1.0, 0), (2.0, 0), (3.0, 0)], 700.0)
    assert not gathers([(0.0, 1), (1.0, 0)], 700.0)
    assert not gathers([(0.0, 0)] * 9, 10.0)
