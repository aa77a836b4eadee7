"""Amounts with units: windows, holds and durations share one grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.amounts import Amount, Unit, parse_alternatives, parse_amount, parse_seconds, seconds_text


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("100 steps", 100, Unit.STEPS),
        ("1 step", 1, Unit.STEPS),
        ("5 epochs", 5, Unit.EPOCHS),
        ("30 readings", 30, Unit.READINGS),
        ("10m", 600, Unit.SECONDS),
        ("1h30m", 5400, Unit.SECONDS),
        ("20%", 20, Unit.PERCENT),
        ("30 %", 30, Unit.PERCENT),
    ],
)
def test_an_amount_is_a_number_and_a_unit(text, number, unit):
    assert parse_amount(text) == Amount(number, unit)


@pytest.mark.parametrize("text", ["", "10", "ten steps", "5 fortnights", "10 m 3", "-5 steps", "1e5 steps", "steps"])
def test_what_is_no_amount_is_none(text):
    assert parse_amount(text) is None


def test_alternatives_keep_their_order():
    amounts = parse_alternatives("20% or 500 steps or 5 epochs")
    assert [amount.unit for amount in amounts] == [Unit.PERCENT, Unit.STEPS, Unit.EPOCHS]
    assert parse_alternatives("20% or soon") is None


@given(st.integers(min_value=1, max_value=10_000_000))
def test_a_duration_survives_being_written_and_read(seconds):
    assert parse_seconds(seconds_text(seconds)) == seconds


@given(st.sampled_from(list(Unit)), st.integers(min_value=1, max_value=100_000))
def test_an_amount_survives_being_written_and_read(unit, number):
    assert parse_amount(str(Amount(number, unit))) == Amount(number, unit)
