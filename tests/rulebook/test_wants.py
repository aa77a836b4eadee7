"""What an expression wants: without it no yes, which is why a rule need not be asked."""

import random
from pathlib import Path

import pytest

from sentinel.core.bound import bind
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Fact, Found, Origin, Phase, Row, RunInfo
from sentinel.core.run import Run
from sentinel.rulebook import RuleFolder, load_rulebook
from sentinel.rulebook.expressions.compiled import Context, compile_expression
from sentinel.rulebook.names_file import load_names

RULES = Path(__file__).parents[2] / "rules"
DECLARED = dict.fromkeys(("loss", "score", "part.a", "part.b"), "lower")
LETS = {"good": "known(score) and score > 1", "both": "loss + score"}


def wants(text):
    compiled, wrongs = compile_expression(text, Context(Names(), DECLARED, LETS))
    assert not wrongs, wrongs
    return set(compiled.wants)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("loss > 1", {"loss"}),
        ("loss > 1 and score > 1", {"loss", "score"}),
        ("loss > 1 or score > 1", set()),
        ("loss > 1 or loss + score > 1", {"loss"}),
        ("not loss > 1", set()),
        ("not known(loss)", set()),
        ("known(loss)", {"loss"}),
        ("known(loss) == False", set()),
        ("(loss > 1 and score > 1) == False", set()),
        ("default(loss, 0) > 1", set()),
        ("nonfinite(loss)", {"loss"}),
        ("good", {"score"}),
        ("good == False", set()),
        ("both > 1", {"loss", "score"}),
        ('median(loss, "5 readings") > min(score, 3)', {"loss", "score"}),
        ('top_share("part.*") > 0.9', {"part.*"}),
        ("fact.classes > 1 and loss > log(fact.classes)", {"fact.classes", "loss"}),
        ('"adam" in config.optimizer', {"config.optimizer"}),
        ("config.optimizer != 'adam'", {"config.optimizer"}),
        ("silence > 10", set()),
        ('lines("killed") > 0', set()),
        ("(loss if score > 1 else 2) > 1", set()),
    ],
)
def test_an_expression_wants_what_it_cannot_say_yes_without(text, names):
    assert wants(text) == names


def shipped():
    names, _ = load_names([RULES / "names.yml"])
    return load_rulebook([RuleFolder(RULES, shipped=True)], names), names


def test_no_shipped_rule_says_yes_while_a_wanted_name_is_missing():
    book, names = shipped()
    draw = random.Random(5)
    plain = sorted({n for rule in book.rules if rule.when for n in rule.when.reads if "*" not in n})
    for _ in range(15):
        has = tuple(name for name in plain if draw.random() < 0.5)
        run = Run(RunInfo("r", "r", "", ""), names)
        bounds = [bind(rule, run, "", None) for rule in book.rules if rule.when and not rule.each]
        for fact in {f for rule in book.rules if rule.when for f in rule.when.facts}:
            if draw.random() < 0.5:
                run.learn(Fact(fact, draw.choice((0.0, 1.0, 7.0, "adam", True)), "", 0, Origin.LOG))
        level = draw.choice((0.0, 1e-9, 0.5, 1e9))
        for i in range(30):
            values = tuple(draw.choice((level, level, 1 - level, draw.random())) for _ in has)
            run.enter(Row(has, values, i * 100, float(i), i * 1000.0, "log", i))
            for bound in bounds:
                if bound.when is not None and not all(run.has(name) for name in bound.wants):
                    assert bound.when() is not True, bound.rule.key


def course(eager):
    """The alerts and standing of one run that gets its series one after another."""
    book, names = shipped()
    engine = Engine(book, names)
    engine.feed([Batch("r", (Found(RunInfo("r", "r", "", ""), 0.0),))])
    watched, draw, seen = engine.runs["r"], random.Random(3), []
    series = ("train.loss", "lr", "grad_norm", "val.accuracy", "val.loss", "val.f1")
    for i in range(400):
        if eager:
            for bound in watched.bounds.values():
                bound.wants = frozenset()
            watched._plans.clear()
        width = 1 + i // 70
        loss = 2.0 if i < 100 else 1e4 * draw.random() if i < 150 else 0.3 if i < 300 else float("nan")
        values = (loss, 1e-3, 1e6 * (i > 200), 0.5, 2.0 + i, 0.0)
        if i == 180:
            engine.feed([Batch("r", (Fact("fact.vocab_size", 1000.0, "", 0, Origin.LOG),))])
        row = Row(series[:width], values[:width], i * 50, i / 10, i * 30.0, "log", i)
        effects = engine.feed([Batch("r", (row,))])
        phases = {key: b.alert.phase for key, b in watched.bounds.items() if b.alert.phase is not Phase.CLEAR}
        answers = {key: b.answer for key, b in watched.bounds.items()}
        seen.append((effects, watched.fine_at, phases, answers))
    return seen


def test_rules_that_wait_change_neither_effects_nor_standing_nor_answers():
    lazily, eagerly = course(eager=False), course(eager=True)
    assert lazily == eagerly
    assert any(effects for effects, *_ in lazily)


def test_a_rule_that_waits_is_asked_once_its_series_begins():
    seen = course(eager=False)
    assert any(("generalisation-gap/half", "") in phases for *_, phases, _ in seen)
