"""Windows say what a plain calculation over the kept readings says, whenever they are asked."""

import itertools
import math
import random
import statistics

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentinel.core.amounts import parse_alternatives
from sentinel.core.functions.needs import FirstOf, InWindow
from sentinel.core.names import Name, Names
from sentinel.core.records import Fact, Origin, Row, RunInfo
from sentinel.core.rewriting import scale
from sentinel.core.run import Run

ALL = [
    ("sums", "mean", 0, ()), ("sums", "std", 0, ()), ("sums", "zscore", 1, ()), ("sums", "sum", 0, ()),
    ("extremes", "low", 0, ()), ("extremes", "high", 0, ()), ("extremes", "range", 0, ()), ("ranked", "median", 0, ()),
    ("ranked", "mad", 0, ()), ("ranked", "quantile", 0, (0.9,)), ("ranked", "robust_z", 1, ()), ("line", "slope", 0, ()),
    ("fading", "mean", 0, ()), ("changes", "changes", 0, ()), ("thinned", "trend", 0, ()),
    ("thinned", "oscillation", 0, (0.1,)), ("thinned", "autocorr", 0, (3.0,)),
]  # fmt: skip
WINDOWS = ["20 readings", "40 steps", "3 epochs", "90s", "200 readings"]


def run_of(names=None):
    return Run(RunInfo("k", "name", "", "watch"), names or Names())


def row(i, value, name="x", file="log", **more):
    return Row((name,), (value,), i, i / 10, float(i), file, i + 1, **more)


def ask(run, kind, method, window, lag=0):
    return InWindow("x", kind, method, parse_alternatives(window), lag).meet(run, "")


def close(a, b, scale=1.0):
    return (a != a and b != b) or math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-7 * scale)


@pytest.mark.parametrize(
    ("kind", "method", "plain"),
    [
        ("sums", "mean", statistics.fmean),
        ("sums", "std", statistics.stdev),
        ("extremes", "low", min),
        ("extremes", "high", max),
        ("ranked", "median", statistics.median),
        ("ranked", "mad", lambda v: statistics.median([abs(x - statistics.median(v)) for x in v])),
        ("line", "slope", lambda v: statistics.linear_regression(range(len(v)), v).slope),
        ("changes", "changes", lambda v: sum(a != b for a, b in itertools.pairwise(v))),
    ],
)
def test_a_window_says_what_a_plain_calculation_says(kind, method, plain):
    run, draw, values = run_of(), random.Random(3), []
    asked = ask(run, kind, method, "50 steps")
    for i in range(1200):
        values.append(round(draw.gauss(3, 1), 1))
        run.enter(row(i, values[-1]))
        if i > 5 and i % 3:
            assert close(asked(5), float(plain(values[-50:])))


@pytest.mark.parametrize("bad", [1e20, -1e300, 1e308, math.nan, math.inf])
@pytest.mark.parametrize(("kind", "method", "lag", "extra"), ALL)
def test_one_wild_reading_leaves_no_trace_in_later_sums(kind, method, lag, extra, bad):
    wild, calm = run_of(), run_of()
    asked = [ask(run, kind, method, "30 readings", lag) for run in (wild, calm)]
    draw = random.Random(5)
    for i in range(500):
        value = draw.gauss(2, 1)
        wild.enter(row(i, bad if i == 20 else value))
        calm.enter(row(i, value))
        got, want = (a(5, *extra) for a in asked)
        if i > 20 + 4 * 31:
            assert close(got, want, 2e3 if kind == "fading" else 1.0)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_a_window_says_does_not_depend_on_when_it_was_asked_or_restarted(data):
    kind, method, lag, extra = data.draw(st.sampled_from(ALL))
    window = data.draw(st.sampled_from(WINDOWS))
    values = data.draw(
        st.lists(st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, 1e20]), min_size=20, max_size=60)
    )
    count = data.draw(st.integers(100, 900))
    restart = data.draw(st.integers(10, count - 1))
    every = data.draw(st.sampled_from([1, 7, 400]))
    often, seldom = run_of(), run_of()
    one, other = ask(often, kind, method, window, lag), ask(seldom, kind, method, window, lag)
    for i in range(count):
        value = values[i % len(values)]
        often.enter(row(i, value))
        seldom.enter(row(i, value))
        one(5, *extra)
        if i % every == 0:
            other(5, *extra)
        if i == restart:
            saved = seldom.save()
            seldom = run_of()
            other = ask(seldom, kind, method, window, lag)
            seldom.load(saved)
    got, want = other(5, *extra), one(5, *extra)
    assert got == want or (got != got and want != want)


def test_a_resume_takes_later_readings_out_of_windows_and_best():
    run = run_of()
    mean = ask(run, "sums", "mean", "10 readings")
    for i in range(30):
        run.enter(row(i, 5.0 - i / 10))
    assert run.cell("x").low == pytest.approx(2.1)
    again = row(20, 9.0)
    run.resume(again)
    assert run.enter(again) == ("x",)
    assert run.cell("x").low == pytest.approx(3.1)
    assert mean(5) == pytest.approx((sum(5.0 - i / 10 for i in range(11, 20)) + 9.0) / 10)


def test_best_survives_a_resume_far_beyond_what_the_ring_keeps():
    run = run_of()
    for i in range(5000):
        run.enter(row(i, 1.0 if i == 100 else 5.0 if i < 4950 else 0.5))
    back = row(4940, 5.0)
    run.resume(back)
    run.enter(back)
    assert run.cell("x").low == 1.0


def test_the_same_step_from_a_second_source_is_the_same_reading():
    run = run_of()
    assert run.enter(row(1, 0.5)) == ("x",)
    assert run.enter(row(1, 0.5001, file="wandb")) == ()
    assert run.enter(row(2, 0.4, file="wandb")) == ("x",)
    assert run.enter(row(2, 0.4)) == ()
    assert run.cell("x").count == 2


def test_a_rewritten_table_counts_nothing_twice_and_what_changed_replaces():
    run = run_of()
    mean = ask(run, "sums", "mean", "10 readings")
    for i in range(6):
        run.enter(row(i, 1.0))
    run.forget("log")
    moved = [run.enter(row(i, 7.0 if i == 2 else 1.0)) for i in range(8)]
    assert moved == [(), (), ("x",), (), (), (), ("x",), ("x",)]
    assert mean(5) == pytest.approx((7.0 + 7 * 1.0) / 8)


def test_a_rewritten_table_without_steps_is_known_by_its_order():
    run = run_of()
    rows = [Row(("x",), (float(i),), None, None, None, "log", i) for i in range(5)]
    for one in rows[:3]:
        run.enter(one)
    run.forget("log")
    assert [run.enter(one) for one in rows] == [(), (), (), ("x",), ("x",)]


def test_the_plain_name_is_the_lowest_ranks():
    run = run_of()
    assert run.enter(row(1, 0.5, rank=1)) == ("x", "rank.1.x")
    assert run.enter(row(1, 0.7, rank=0)) == ("x", "rank.0.x")
    assert run.enter(row(2, 0.5, rank=1)) == ("rank.1.x",)
    assert run.cell("x").value == 0.7


def test_a_share_is_settled_once_as_percent_or_fraction():
    run = run_of(Names({"x": Name("x", share=True)}))
    run.enter(row(1, 0.9))
    assert run.cell("x").unit == 1
    run.enter(row(2, 71.2))
    assert [point.value for point in run.cell("x").points] == pytest.approx([0.009, 0.712])
    run.enter(row(3, 80.0))
    assert run.cell("x").value == pytest.approx(0.8)


def test_the_same_score_of_another_split_settles_the_unit():
    run = run_of(Names({"acc": Name("acc", share=True, splits=True)}))
    for step in range(20):
        run.enter(Row(("train.acc",), (0.3,), step, None, float(step), "log", step))
    run.enter(Row(("val.acc",), (0.1,), 20, None, 20.0, "log", 20))
    assert run.cell("val.acc").unit == 0
    run.enter(Row(("val.rare", "val.other"), (0.1, 0.1), 21, None, 21.0, "log", 21))
    assert run.cell("val.rare").unit == 0


def test_percent_is_still_percent_beside_a_fraction():
    run = run_of(Names({"acc": Name("acc", share=True, splits=True)}))
    for step in range(20):
        run.enter(Row(("train.acc",), (0.3,), step, None, float(step), "log", step))
    run.enter(Row(("val.acc",), (41.5,), 20, None, 20.0, "log", 20))
    assert run.cell("val.acc").value == pytest.approx(0.415)


def test_the_log_outranks_the_config():
    run = run_of()
    assert run.learn(Fact("fact.lr", 0.1, "config.yaml", 3))
    assert run.learn(Fact("fact.lr", 0.2, "train.log", 1, Origin.LOG))
    assert not run.learn(Fact("fact.lr", 0.1, "config.yaml", 3))
    assert run.fact("fact.lr").number == 0.2


def test_fifty_series_with_windows_of_256_stay_within_a_mebibyte():
    import tracemalloc

    tracemalloc.start()
    run = run_of()
    names = tuple(f"s{i}" for i in range(50))
    asked = [InWindow(name, "sums", "mean", parse_alternatives("256 readings")).meet(run, "") for name in names]
    for i in range(3000):
        run.enter(Row(names, tuple(i * 0.1 + k for k in range(50)), i, i / 10, float(i), "log", i))
        if i % 10 == 0:
            for one in asked:
                one(5)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size <= 1 << 20, f"{size:,} bytes"


def test_silence_and_the_usual_gap_count_from_what_was_written():
    run = run_of()
    for i in range(10):
        run.enter(Row((), (), None, None, i * 10.0, "log", i, "text"))
    run.pass_time(200.0)
    assert run.silence == 110.0
    assert run.typical_gap == 10.0
    assert run.step is None


LONG = ["2000 readings", "2500 steps", "900 readings", "260 epochs"]
BLOCKED = [
    ("sums", "mean"),
    ("sums", "std"),
    ("sums", "counted"),
    ("extremes", "low"),
    ("extremes", "high"),
    ("fading", "mean"),
]
ANY = [*ALL, ("sums", "counted", 0, ())]


@pytest.mark.parametrize("window", LONG)
@pytest.mark.parametrize(("kind", "method"), BLOCKED)
def test_a_window_longer_than_the_ring_says_about_what_a_plain_calculation_says(kind, method, window):
    run, draw, values = run_of(), random.Random(5), []
    asked, amount = ask(run, kind, method, window), parse_alternatives(window)[0]
    for i in range(7000):
        values.append(draw.gauss(5, 1) + i / 7000)
        run.enter(row(i, values[-1]))
        asked(5)
    length = int(amount.number) * (10 if amount.unit.value == "epochs" else 1)
    inside = values[-length:]
    plain = {"mean": statistics.fmean(inside), "std": statistics.stdev(inside), "low": min(inside), "high": max(inside)}
    plain["counted"] = length
    if kind == "fading":
        weights = [math.exp(-2 * k / length) for k in range(len(values))]
        plain["mean"] = sum(w * v for w, v in zip(weights, reversed(values), strict=True)) / sum(weights)
    far = {"counted": 0.25 * length, "low": 0.5, "high": 0.5}.get(method, 0.08)
    assert abs(asked(5) - plain[method]) <= far


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([*LONG, "9000s"]), st.sampled_from(ANY), st.sampled_from([1, 3, 0.2]))
@example(8873, "2500 steps", ("sums", "mean", 0, ()), 1)
def test_long_windows_depend_neither_on_when_they_were_asked_nor_on_restarts(seed, window, of, stride):
    agree(seed, window, of, stride)


def agree(seed, window, of, stride):
    kind, method, lag, extra = of
    draw = random.Random(seed)
    often, seldom = run_of(), run_of()
    one, other = ask(often, kind, method, window, lag), ask(seldom, kind, method, window, lag)
    for i in range(4000):
        value = math.nan if draw.random() < 0.01 else draw.gauss(5, 1)
        item = row(i if i <= 2000 else int(2000 + stride * (i - 2000)), value)
        often.enter(item)
        seldom.enter(item)
        one(5, *extra)
        if draw.random() < 0.002:
            assert other(5, *extra) == one(5, *extra) or (
                one(5, *extra) != one(5, *extra) and other(5, *extra) != other(5, *extra)
            )
        if draw.random() < 0.001:
            saved, seldom = seldom.save(), run_of()
            other = ask(seldom, kind, method, window, lag)
            seldom.load(saved)
    assert other(5, *extra) == one(5, *extra) or (
        one(5, *extra) != one(5, *extra) and other(5, *extra) != other(5, *extra)
    )


@pytest.mark.parametrize("window", ["2000 readings", "2500 steps", "9 epochs or 3000 steps", "900 readings"])
@pytest.mark.parametrize(("kind", "method", "lag"), [("sums", "mean", 0), ("sums", "zscore", 1), ("fading", "mean", 0)])
def test_a_resume_in_a_long_window_is_the_same_however_seldom_it_was_asked(kind, method, lag, window):
    often, seldom, draw = run_of(), run_of(), random.Random(11)
    one, other = (ask(run, kind, method, window, lag) for run in (often, seldom))
    step = 0
    for i in range(5000):
        step += 1
        item = row(step, draw.gauss(5, 1))
        if i in (700, 2450, 2990):
            step -= 333
            item = row(step, draw.gauss(5, 1))
            often.resume(item)
            seldom.resume(item)
        often.enter(item)
        seldom.enter(item)
        one(5)
    assert other(5) == one(5)


def test_a_long_window_follows_when_the_unit_of_a_share_is_settled():
    run = run_of()
    mean = ask(run, "sums", "mean", "2000 readings")
    for i in range(3000):
        run.enter(row(i, 50.0))
    scale(run.cell("x"), 0.01)
    assert mean(5) == pytest.approx(0.5)


def test_the_first_readings_are_forgotten_when_a_resume_takes_them():
    run = Run(RunInfo("k", "n", "", ""), Names())
    first = FirstOf("x", 3).meet(run, "")
    for step in range(3):
        run.enter(Row(("x",), (5.0,), step, None, None, "a.log", step))
    assert first() == 5.0
    again = Row(("x",), (7.0,), 0, None, None, "a.log", 3)
    run.resume(again)
    run.enter(again)
    assert math.isnan(first()) and math.isnan(first())
