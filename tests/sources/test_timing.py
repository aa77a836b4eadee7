"""Which clock a row runs on: stamps with and without a year in one log."""

from datetime import UTC, datetime

from sentinel.sources.timing import Stamps


def second(*when):
    return datetime(*when, tzinfo=UTC).timestamp()


def test_stamps_without_a_year_after_one_with_a_year_are_of_that_year():
    clock = Stamps()
    clock.at(second(2026, 4, 3, 7, 0), None)
    assert clock.at(second(2000, 4, 3, 7, 1), None) == second(2026, 4, 3, 7, 1)


def test_a_stamp_with_a_year_after_those_without_makes_no_silence_of_decades():
    clock = Stamps()
    clock.at(second(2000, 4, 3, 7, 0), None)
    assert clock.at(second(2026, 4, 3, 7, 1), None) == second(2000, 4, 3, 7, 1)


def test_at_the_turn_of_the_year_the_nearest_one_counts():
    clock = Stamps()
    clock.at(second(2025, 12, 31, 23, 59), None)
    assert clock.at(second(2000, 1, 1, 0, 1), None) == second(2026, 1, 1, 0, 1)


def test_a_day_that_only_leap_years_have_is_no_error():
    clock = Stamps()
    clock.at(second(2026, 3, 1), None)
    assert clock.at(second(2000, 2, 29, 23, 0), None) == second(2026, 3, 1)
    assert clock.at(second(2000, 3, 1, 1, 0), None) == second(2026, 3, 1, 1, 0)


def test_a_log_whose_stamps_all_lack_the_year_keeps_its_clock():
    clock = Stamps()
    assert [clock.at(second(2000, 4, 3, 7, minute), None) for minute in (0, 5)] == [
        second(2000, 4, 3, 7, minute) for minute in (0, 5)
    ]
