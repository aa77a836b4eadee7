"""Which alerts are signs for the stop plan, and of what kind."""

from dataclasses import dataclass, replace

from sentinel.core.records import Change, Evidence, Phase, Severity
from sentinel.core.rule import Rule
from sentinel.core.stopping_signs import signs_of


@dataclass(frozen=True)
class When:
    text: str
    reads: frozenset = frozenset({"train.loss"})


CHANGE = Change(
    "ab12", "k", "run", "", "host", "s", "numerics", "r", Severity.CRITICAL, 0.9, Phase.FIRING, 5.0, 1, None, None, "a.log",
    1, None, None, (), "", since=3.0,
)  # fmt: skip


def sign(text="train.loss > 3", change=CHANGE, **labels):
    rule = Rule("s", "r", "numerics", "t", When(text), Severity.CRITICAL, None, labels=labels)
    return signs_of([change], lambda _: rule, lambda _: True, 100.0)[0]


def test_a_firing_alert_is_a_sign_in_the_plans_own_time():
    assert (sign().rule, sign().since, sign().reads) == ("s/r", 103.0, frozenset({"train.loss"}))


def test_an_alert_that_does_not_fire_is_none():
    assert signs_of([replace(CHANGE, phase=Phase.PENDING)], lambda _: None, lambda _: True, 0.0) == ()


def test_broken_numbers_silence_and_a_rules_own_word_are_seen():
    assert sign("nonfinite(train.loss)").nonfinite
    assert sign(change=replace(CHANGE, evidence=(Evidence("train.loss", float("nan")),))).nonfinite
    assert sign("silence > minutes(5)").hung
    assert sign(sign="terminal").terminal
    assert not sign().nonfinite
