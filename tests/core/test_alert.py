"""The life of an alert: nine cells, holds, hysteresis, ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.alert import Alert, Move, advance, answer_in_firing, end, reopen
from sentinel.core.amounts import parse_alternatives
from sentinel.core.hold import Hold, Spot
from sentinel.core.records import Phase, Severity
from sentinel.core.rule import Rule


def rule(hold="", keep=""):
    return Rule(
        signature="s", name="r", family="dynamics", title="", when=None, severity=Severity.HIGH, say=None,
        hold=parse_alternatives(hold) if hold else (), keep=parse_alternatives(keep) if keep else (),
    )  # fmt: skip


def spots(count, every=10.0):
    return [Spot(i * every, i * 100, i / 4, i / 100) for i in range(count)]


def play(answers, the_rule, every=10.0, alert=None):
    alert = alert or Alert()
    moves = [
        advance(alert, the_rule, answer, spot) for answer, spot in zip(answers, spots(len(answers), every), strict=True)
    ]
    return alert, moves


def test_without_a_hold_the_first_yes_fires():
    alert, moves = play([False, True], rule())
    assert moves == [None, Move.FIRED]
    assert (alert.phase, alert.n, alert.since, alert.since_step) == (Phase.FIRING, 1, 10.0, 100)


def test_for_five_readings_fires_on_the_fifth_look_in_a_row_that_says_yes():
    _, moves = play([True] * 5, rule("5 readings"))
    assert moves == [None] * 4 + [Move.FIRED]


def test_a_no_ends_a_pending_hold():
    _, moves = play([True, True, False, True, True], rule("3 readings"))
    assert moves == [None] * 5


def test_unknown_neither_adds_to_a_hold_nor_resets_it():
    _, moves = play([True, None, True, None, True], rule("3 readings"))
    assert moves[-1] is Move.FIRED


def test_a_hold_in_time_adds_up_only_stretches_between_two_looks_that_agree():
    the_rule = rule("30s")
    assert play([True, True, True, True], the_rule)[1][-1] is Move.FIRED
    # 10 s before the unknown and 10 s after it; the 20 s over it do not count
    assert play([True, True, None, True, True], the_rule)[1][-1] is None
    assert play([True, True, None, True, True, True], the_rule)[1][-1] is Move.FIRED


@pytest.mark.parametrize(("hold", "looks"), [("300 steps", 4), ("1 epoch", 5), ("3%", 4), ("30s", 4)])
def test_holds_count_steps_epochs_percent_and_time(hold, looks):
    _, moves = play([True] * looks, rule(hold))
    assert moves == [None] * (looks - 1) + [Move.FIRED]


def test_the_first_alternative_whose_unit_is_known_counts():
    the_rule = rule("300 steps or 2 readings")
    alert = Alert()
    nowhere = Spot(None, None, None, None)
    assert advance(alert, the_rule, True, nowhere) is None
    assert advance(alert, the_rule, True, nowhere) is Move.FIRED


def test_unknown_does_not_resolve_a_firing_alert_but_marks_it_stale_once():
    alert, moves = play([True, None, None, True, None], rule())
    assert alert.phase is Phase.FIRING
    assert alert.stale
    assert moves == [Move.FIRED, Move.WENT_STALE, None, None, None]


def test_an_alert_clears_only_once_the_no_was_held():
    _, moves = play([True, False, False, True, False, False, False], rule(keep="3 readings"))
    assert moves == [Move.FIRED, None, None, None, None, None, Move.CLEARED]


def test_between_two_limits_an_alert_goes_on_firing():
    assert answer_in_firing(False, False, True) is True
    assert answer_in_firing(False, True, True) is False
    assert answer_in_firing(None, True, True) is False
    assert answer_in_firing(True, True, True) is True
    assert answer_in_firing(False, None, True) is None
    assert answer_in_firing(None, None, False) is None


def test_a_second_firing_has_a_number_of_its_own():
    alert, _ = play([True, False, True], rule())
    assert alert.n == 2


def test_the_end_of_a_run_is_not_a_resolution_and_a_resume_opens_it_again():
    alert, _ = play([True], rule())
    assert end(alert) is Phase.FIRING
    assert alert.phase is Phase.ENDED
    reopen(alert)
    assert alert.phase is Phase.FIRING


def test_what_was_only_pending_at_the_end_does_not_fire_after_a_resume():
    alert, _ = play([True], rule("3 readings"))
    end(alert)
    reopen(alert)
    assert alert.phase is Phase.CLEAR


ANSWERS = st.lists(st.sampled_from([True, False, None]), max_size=40)
HOLDS = st.sampled_from(["", "3 readings", "25s", "250 steps", "1 epoch", "2%"])


@given(ANSWERS, HOLDS, HOLDS, st.integers(min_value=0, max_value=40))
def test_a_restart_at_any_point_changes_nothing(answers, hold, keep, cut):
    the_rule, places = rule(hold, keep), spots(len(answers))
    whole, broken = Alert(), Alert()
    for index, (answer, spot) in enumerate(zip(answers, places, strict=True)):
        if index == cut:
            broken = Alert.load(broken.save())
        assert advance(whole, the_rule, answer, spot) == advance(broken, the_rule, answer, spot)
    assert whole == broken


@given(ANSWERS)
def test_no_data_is_never_good_news_nor_bad(answers):
    known = [answer for answer in answers if answer is not None]
    with_gaps, without = Alert(), Alert()
    for answer in answers:
        advance(with_gaps, rule("3 readings"), answer, Spot(None, None, None, None))
    for answer in known:
        advance(without, rule("3 readings"), answer, Spot(None, None, None, None))
    assert (with_gaps.phase, with_gaps.n) == (without.phase, without.n)


def test_passing_time_is_no_reading():
    hold = Hold()
    for at in range(5):
        hold.add(Spot(at * 10.0, None, None, None, counts=False))
    assert hold.looks == 0
    assert hold.seconds == 40
