"""Which alerts are signs for the stop plan, and of what kind."""

from dataclasses import dataclass, field, replace

from sentinel.core.alert import Alert
from sentinel.core.bound import Bound
from sentinel.core.names import Names
from sentinel.core.records import Evidence, Phase, RunInfo, Severity, Verdict
from sentinel.core.rule import Parts, Rule
from sentinel.core.run import Run
from sentinel.core.stopping_signs import signs_of

RUN = Run(RunInfo("k", "run", "/runs/a", "nlp"), Names())
RUN.files.append("b.log")


@dataclass(frozen=True)
class When:
    text: str
    evidence: tuple = (Evidence("train.loss", 3.0, file="a.log"),)
    reads: frozenset = field(default=frozenset({"train.loss"}))

    def explain(self, run, instance):
        return Verdict(True, evidence=self.evidence)


def bound(when, name="r", alert=None, **more):
    rule = Rule("s", name, "numerics", "t", when, Severity.CRITICAL, None, **more)
    reads = when.reads if when else frozenset()
    return Bound(rule, "", RUN, alert or Alert(Phase.FIRING, 1, 3.0), reads)


def signs(*bounds):
    return signs_of({one.key: one for one in bounds}, RUN, 100.0)


def sign(text="train.loss > 3", evidence=When("").evidence, **labels):
    return signs(bound(When(text, evidence), labels=labels))[0]


def test_a_firing_alert_is_a_sign_in_the_plans_own_time():
    assert (sign().rule, sign().since, sign().reads) == ("s/r", 103.0, frozenset({"train.loss"}))


def test_an_alert_that_does_not_fire_is_none():
    assert signs(bound(When("x"), alert=Alert(Phase.PENDING))) == ()


def test_a_rule_that_may_only_tell_is_no_sign_however_loud_it_is():
    assert signs(bound(When("nonfinite(x)"), doom=1.0, labels={"sign": "terminal"}, may_act=False)) == ()


def test_broken_numbers_silence_and_a_rules_own_word_are_seen():
    assert sign("nonfinite(train.loss)").nonfinite
    assert sign(evidence=(Evidence("train.loss", float("nan")),)).nonfinite
    assert sign("silence > minutes(5)").hung
    assert sign(sign="terminal").terminal
    assert not sign().nonfinite
    assert not sign("val.perplexity > 1e5 and not nonfinite(val.perplexity)").nonfinite
    assert sign("x > 1 and not known(y) and nonfinite(train.loss)").nonfinite


def test_a_sign_names_the_files_of_its_evidence_and_without_any_all_files_of_the_run():
    assert sign().files == {"a.log"}
    assert sign(evidence=()).files == {"b.log"}
    assert not sign().owned


def test_a_sign_made_of_parts_stands_on_all_that_its_parts_read():
    whole = bound(None, "whole", parts=Parts(1, ("s/r",)))
    assert signs(whole, bound(When("x")))[0].reads == {"train.loss"}


def test_a_sign_whose_age_is_not_known_has_not_lasted():
    alert = replace(Alert(Phase.FIRING, 1), since=None)
    assert signs(bound(When("x"), alert=alert))[0].since == float("inf")
