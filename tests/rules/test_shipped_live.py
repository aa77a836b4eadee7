"""The properties that the engine promises, held over all shipped rules on made-up runs."""

import functools
import math
import random
import time
from pathlib import Path

import pytest

from sentinel.core.asleep import look_ahead
from sentinel.core.bands import expect, expect_long
from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Fact, Found, Origin, Row, RunInfo
from sentinel.rulebook import RuleFolder, load_rulebook
from sentinel.rulebook.names_file import load_names
from sentinel.rulebook.patterns import PatternSet

RULES = Path(__file__).parents[2] / "rules"
INFO = RunInfo("r", "r", "", "")
TRAIN = ("train.loss", "lr", "grad_norm")
VALID = ("val.loss", "val.f1", "val.accuracy")


@functools.cache
def shipped():
    names, _ = load_names([RULES / "names.yml"])
    return load_rulebook([RuleFolder(RULES, shipped=True)], names), names


def rows(seed):
    """A run that does a bit of everything that goes wrong, in an order of its own."""
    draw, out = random.Random(seed), []
    level, noise = 3.0, 0.05
    for i in range(500):
        if i % 60 == 0:
            level, noise = draw.choice([0.1, 1.0, 3.0, 50.0, 1e4]), draw.choice([0.0, 0.01, 0.1, 0.5])
        loss = level * (1 + noise * draw.gauss(0, 1)) if draw.random() > 0.01 else draw.choice([math.nan, 1e20, 0.0])
        norm = draw.choice([1.0, 1.1, 1.3]) * (1000 if draw.random() < 0.02 else 1)
        out.append(Row(TRAIN, (loss, 1e-3, norm), i * 50, i / 20, i * 20.0, "train.log", i + 1))
        if i % 10 == 9:
            score = draw.choice([0.0, 0.3, 0.5, 0.5, 0.9])
            out.append(Row(VALID, (level, score, score), i * 50, i / 20, i * 20.0, "val.csv", i + 1))
        if draw.random() < 0.01:
            text = draw.choice(["CUDA out of memory", "loss scale 0", "Resuming from checkpoint"])
            out.append(Row((), (), None, None, i * 20.0, "train.log", i + 1, text))
    return out


FACTS = (Fact("fact.vocab_size", 32000.0, "", 0, Origin.LOG), Fact("fact.planned_epochs", 25.0, "", 0, Origin.LOG))


def begun():
    book, names = shipped()
    engine = Engine(book, names)
    engine.feed([Batch("r", (Found(INFO, 0.0), *FACTS))])
    return engine


def told(effects):
    return [(e.key, e.change.step, e.change.at, e.change.value, e.change.say, e.change.hidden_by) for e in effects]


@functools.cache
def at_once(seed):
    engine = begun()
    return told(engine.feed([Batch("r", tuple(rows(seed)))]))


def test_the_made_up_runs_wake_many_rules():
    assert len({key.rule for seed in range(4) for key, *_ in at_once(seed)}) >= 8


@pytest.mark.parametrize("seed", range(4))
def test_cutting_a_run_anywhere_changes_nothing(seed):
    engine, draw, rest, seen = begun(), random.Random(seed), rows(seed), []
    while rest:
        many = draw.randint(1, 40)
        piece, rest = rest[:many], rest[many:]
        seen += told(engine.feed([Batch("r", tuple(piece))]))
    assert repr(seen) == repr(at_once(seed))


@pytest.mark.parametrize("seed", range(4))
def test_a_restart_anywhere_changes_nothing(seed):
    engine, draw, seen = begun(), random.Random(seed), []
    book, names = shipped()
    for row in rows(seed):
        seen += told(engine.feed([Batch("r", (row,))]))
        if draw.random() < 0.03:
            saved, engine = engine.save("r"), Engine(book, names)
            engine.restore("r", INFO, saved)
    assert repr(seen) == repr(at_once(seed))


@pytest.mark.parametrize("seed", range(2))
def test_a_reload_of_the_unchanged_rules_changes_nothing(seed):
    engine, draw, seen = begun(), random.Random(seed), []
    names = shipped()[1]
    again = load_rulebook([RuleFolder(RULES, shipped=True)], names)
    for row in rows(seed):
        seen += told(engine.feed([Batch("r", (row,))]))
        if draw.random() < 0.03:
            engine.adopt(again)
    assert repr(seen) == repr(at_once(seed))


@pytest.mark.parametrize("seed", range(3))
def test_hunches_never_pass_over_a_yes(seed):
    """Asked for a hunch at every look, a rule that says yes was never let lie."""
    engine, asked = begun(), 0
    watched = engine.runs["r"]
    for row in rows(seed):
        engine.feed([Batch("r", (row,))])
        for bound in watched.bounds.values():
            if bound.rule.when is None:
                continue
            if bound.hunch is None:
                bound.hunch = bound.rule.when.hunch(watched.run, bound.instance)
            hunch = bound.hunch()
            if bound.when()() is True:
                asked += 1
                assert hunch, (bound.rule.key, row)
    assert asked > 20


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_what_an_outlook_rules_out_stays_ruled_out_while_all_readings_are_in_their_bands(seed, far):
    engine, bands, ruled_out, spared = begun(), [], [], 0
    watched, lay = engine.runs["r"], expect_long if far else expect
    for row in (*calm_rows(seed), *rows(seed)):
        engine.feed([Batch("r", (row,))])
        bounds = [bound for bound in watched.bounds.values() if bound.judges]
        if row.text or len(bands) != len(watched.run.series) or any(s.count > band.until for s, band in bands):
            bands = [(series, lay(series)) for series in watched.run.series.values()]
            ruled_out = [b for b in bounds if not b.rule.when.outlook(watched.run, b.instance, far=far)()]
        spared += len(ruled_out)
        for bound in ruled_out:
            assert bound.when()() is not True, (bound.rule.key, row)
    assert spared > 1000


def calm_rows(seed):
    """A run whose loss falls and trembles, with a score that grows."""
    draw, out = random.Random(seed), []
    for i in range(300):
        loss = (0.5 + 2 / (1 + i / 50)) * (1 + 0.02 * seed * draw.gauss(0, 1))
        out.append(Row(TRAIN, (loss, 1e-3 * (1 - i / 400), 1 + draw.random()), i, i / 100, i * 0.1, "train.log", i + 1))
        if i % 10 == 9:
            out.append(Row(VALID, (loss, i / 300, i / 300), i, i / 100, i * 0.1, "val.csv", i + 1))
    return out


HOSTILE = ("a" * 8191 + "!", "a " * 4096, "\\" * 8192, "error: " * 1170, "loss nan " * 910, "0" * 8192, "é" * 4096)


def test_a_short_run_sleeps_until_its_silence_matters_over_a_restart_too():
    """Else thousands that sleep are looked through after each start: a window in time of a rule on words did that once."""
    engine = begun()
    rows = (Row(("train.loss",), (2.0 - n / 100,), n, None, 10.0 * n, "a.log", n) for n in range(10))
    engine.feed([Batch("r", tuple(rows))])
    (watched,) = engine.runs.values()
    assert look_ahead(watched).after is not None


def test_no_shipped_pattern_takes_more_than_a_millisecond_on_an_eight_kilobyte_line():
    book, _ = shipped()
    patterns = sorted({p for rule in book.rules for e in (rule.when, rule.clear) if e is not None for p in e.patterns})
    assert len(patterns) >= 9
    slow = [
        (p, line[:20]) for p in patterns for line in (*HOSTILE, (p * 400)[:8192]) if _cost(PatternSet([p]), line) > 1e-3
    ]
    assert not slow


def _cost(patterns, line):
    patterns.match(line)
    return min(_once(patterns, line) for _ in range(3))


def _once(patterns, line):
    began = time.thread_time()
    patterns.match(line)
    return time.thread_time() - began
