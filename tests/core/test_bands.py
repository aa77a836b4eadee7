"""What is expected of the next readings: how long it holds, and what ends it."""

from math import isfinite, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.bands import AHEAD, FAR, expect, expect_long
from sentinel.core.series import Series

READINGS = st.lists(st.floats(-10, 10) | st.sampled_from([1.0, 1.5, 1e6, -1e6, nan]), min_size=100, max_size=300)


def series_of(values):
    series = Series("x")
    for number, value in enumerate(values):
        series.push(value, float(number), nan, nan, 0)
    return series


def push(series, value):
    series.push(value, float(series.count), nan, nan, 0)


def over(series, band):
    return series.count > band.until


def test_a_slow_trend_leaves_many_narrow_bands_and_stays_in_one_wide_one():
    series = series_of(1.0 / n for n in range(100, 300))
    wide = expect_long(series)
    for n in range(300, 300 + FAR // 2):
        push(series, 1.0 / n)
        expect(series)
    assert not over(series, wide)


def test_a_reading_beside_the_narrow_band_ends_that_one_alone():
    series = series_of([1.0, 2.0] * 50)
    narrow, wide = expect(series), expect_long(series)
    push(series, 2.5)
    assert over(series, narrow)
    assert not over(series, wide)


def test_a_reading_beside_the_wide_band_ends_both():
    series = series_of([1.0, 2.0] * 50)
    narrow, wide = expect(series), expect_long(series)
    push(series, 9.0)
    assert over(series, narrow)
    assert over(series, wide)


def test_a_reading_that_is_no_number_ends_both():
    series = series_of([1.0, 2.0] * 50)
    narrow, wide = expect(series), expect_long(series)
    push(series, nan)
    assert over(series, narrow)
    assert over(series, wide)


def test_bands_end_by_themselves():
    series = series_of([1.0] * 100)
    narrow, wide = expect(series), expect_long(series)
    for _ in range(AHEAD + 1):
        push(series, 1.0)
    assert over(series, narrow)
    assert not over(series, wide)
    for _ in range(FAR - AHEAD):
        push(series, 1.0)
    assert over(series, wide)


@settings(max_examples=60, deadline=None)
@given(READINGS, st.sampled_from([64, 100, 200]), st.integers(1, 20))
def test_while_a_wide_band_holds_no_window_leaves_what_it_says(values, length, each):
    series, wide, told = Series("x"), None, (nan, nan)
    for number, value in enumerate(values):
        push(series, value)
        if number % each == 0:
            expect(series)
        if wide is None or over(series, wide):
            wide = expect_long(series)
            told = wide.lowest(length), wide.highest(length)
        inside = [v for v in series.slice(max(series.oldest, series.count - length), series.count) if isfinite(v)]
        assert all(told[0] != told[0] or told[0] <= v <= told[1] for v in inside)
