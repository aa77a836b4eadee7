"""The figures of a backtest say exactly what the bar asks for."""

import pytest

from sentinel.rulebook.backtesting import (
    Firing,
    Judged,
    Label,
    bar,
    by_rule,
    excess,
    found_in_time,
    leave_one_out,
    suggestions,
    wilson,
)  # fmt: skip

DOOMED = Label("r", True, "kind", 100.0, 1100.0, "step", frozenset({"numerics"}))


def firing(at=200.0, family="numerics", severity=2, acts=False, rule="s/r"):
    return Firing(rule, family, severity, acts, at)


@pytest.mark.parametrize(
    ("firings", "found"),
    [
        ((), False),
        ((firing(),), True),
        ((firing(700.0),), True),
        ((firing(701.0),), False),
        ((firing(family="collapse"), firing()), False),
        ((firing(), firing(family="collapse")), True),
        ((firing(), firing(family="collapse"), firing(family="audit")), False),
        ((firing(severity=1),), False),
    ],
)
def test_a_doomed_run_is_found_by_its_first_loud_alert_in_time_and_rightly_named(firings, found):
    assert found_in_time(Judged(DOOMED, firings)) is found


def test_the_bar_counts_healthy_runs_and_not_their_alerts():
    healthy = Label("h", False)
    runs = [Judged(healthy, (firing(), firing(severity=3, acts=True))), Judged(healthy), Judged(DOOMED, (firing(),))]
    figures = bar(runs)
    assert (figures.found, figures.false_high, figures.false_critical, figures.false_acting) == (1, 1, 1, 1)
    assert figures.messages == 1.0
    assert not figures.met


def test_lead_is_the_share_of_the_run_that_was_still_to_come():
    figures = by_rule([Judged(DOOMED, (firing(550.0),))])
    assert figures[0].lead == 0.5


def test_leaving_one_kind_out_leaves_its_runs_out():
    other = Label("o", True, "other")
    assert leave_one_out([Judged(DOOMED, (firing(),)), Judged(other)])["other"].found == 1


def test_wilsons_interval_of_nothing_seen_is_not_nothing():
    low, high = wilson(0, 33)
    assert low == 0.0
    assert high == pytest.approx(0.104, abs=0.001)


def test_a_limit_is_suggested_that_spares_healthy_runs_and_keeps_the_doomed():
    def judged(doomed, beyond):
        return Judged(Label("r", doomed), (Firing("sig/a", "dynamics", 2, False, 1.0, excess=beyond),))

    runs = [judged(True, 8.0), judged(True, 20.0), judged(False, 1.5), judged(False, 2.0), judged(False, 9.0)]
    (found,) = suggestions(runs)
    assert (found.spared, found.healthy, found.kept, found.factor) == (2, 3, 2, 4.0)
    assert "4 times as far out: 2 of 3 healthy runs spared, 2 of 2 doomed ones kept" in str(found)
    assert suggestions(runs[:2]) == []
    assert suggestions([judged(True, 1.1), judged(False, 3.0)]) == []


def test_how_far_a_value_lies_beyond_its_limit_is_a_factor_either_way():
    assert excess(6.0, 2.0) == excess(2.0, 6.0) == 3.0
    assert excess(1.0, 0.0) is excess(None, 2.0) is excess(-1.0, 2.0) is excess(float("inf"), 1.0) is None
