"""Which rules are in force for which run: those for all, and beside them what the run brings itself."""

import json
from dataclasses import replace

from sentinel.core.asleep import asleep_from
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found
from sentinel.core.rule import OWN, Rulebook
from tests.core.toy import INFO, Matches, above, row, rule, words_of

OTHER = replace(INFO, key="runs:b", name="b", folder="/data/b")
ALL = rule("all", above("train.loss", 5))


def mine(limit=3, mark="1"):
    return replace(rule("mine", above("train.loss", limit), signature=f"{OWN}x", may_act=False), fingerprint=mark)


class Bed:
    """An engine over two runs, one of which may bring rules."""

    def __init__(self, *own):
        self.own, self.saved = own, {}
        self.engine = Engine(Rulebook((ALL,), (), Matches()), Names(), "host", self.saved.__getitem__, self.brought)
        for info in (INFO, OTHER):
            self.engine.feed([Batch(info.key, (Found(info, 0.0),))])

    def brought(self, info, book):
        return replace(book, rules=(*book.rules, *self.own)) if info.key == INFO.key and self.own else book

    def say(self, key, value, step, at=None):
        return words_of(effect.change for effect in self.engine.feed([Batch(key, (row(value, step, at=at),))]))

    def renew(self, *own):
        self.own = own
        return words_of(effect.change for effect in self.engine.renew(INFO.key))

    def nap(self):
        self.saved[INFO.key] = json.loads(json.dumps(self.engine.save(INFO.key)))
        self.engine.lay_down(INFO.key)


def test_only_the_run_that_brings_a_rule_is_judged_by_it():
    bed = Bed(mine())
    assert bed.say(INFO.key, 4.0, 1) == ["mine fired"]
    assert bed.say(OTHER.key, 4.0, 1) == []
    assert bed.engine.runs[OTHER.key].book is bed.engine.book
    assert bed.engine.rule_of(INFO.key, f"{OWN}x/mine") is not None
    assert bed.engine.rule_of(OTHER.key, f"{OWN}x/mine") is None
    assert bed.engine.rule_of(OTHER.key, "sig/all") is ALL


def test_a_change_ends_its_alert_and_what_fires_then_is_another_one_even_after_it_was_away():
    bed = Bed(mine())
    bed.say(INFO.key, 4.0, 1)
    assert bed.renew(mine()) == []
    assert bed.renew(mine(mark="2")) == ["mine rule changed"]
    assert bed.say(INFO.key, 4.0, 2) == ["mine fired"]
    assert bed.renew() == ["mine rule gone"]
    bed.renew(mine(mark="2"))
    bed.nap()
    assert bed.say(INFO.key, 4.0, 3) == ["mine fired"]
    (bound,) = [bound for bound in bed.engine.runs[INFO.key].bounds.values() if bound.rule.own]
    assert bound.alert.n == 3


def test_a_generation_and_a_reload_keep_what_the_run_brings():
    bed = Bed(mine())
    bed.engine.adopt(Rulebook((ALL, rule("more", above("train.loss", 9))), (), Matches()))
    assert [rule.name for rule in bed.engine.runs[INFO.key].rules] == ["all", "more", "mine"]
    assert [rule.key for rule in bed.engine.rules()] == ["sig/all", "sig/more", f"{OWN}x/mine"]


def test_of_a_run_that_sleeps_a_change_is_taken_when_it_is_told_and_the_run_wakes():
    bed = Bed(mine())
    bed.say(INFO.key, 4.0, 1, at=10.0)
    bed.nap()
    assert INFO.key not in bed.engine.runs
    assert bed.renew(mine(limit=9, mark="2")) == ["mine rule changed"]
    bed.nap()
    assert bed.renew() == []
    assert [rule.name for rule in bed.engine.runs[INFO.key].rules] == ["all"]


def test_an_alert_whose_rule_was_gone_when_its_run_is_read_back_ends():
    bed = Bed(mine())
    bed.say(INFO.key, 4.0, 1, at=10.0)
    bed.nap()
    later = Bed()
    later.saved = bed.saved
    later.engine = Engine(Rulebook((ALL,), (), Matches()), Names(), "host", bed.saved.__getitem__)
    later.engine.sleeps(INFO.key, asleep_from(INFO, bed.engine.sleepers.runs[INFO.key].brief(), 20.0))
    (ended,) = [effect.change for effect in later.engine.feed([Batch(INFO.key, (row(1.0, 2, at=30.0),))])]
    assert (ended.signature, ended.rule, ended.n, ended.phase.value) == (f"{OWN}x", "mine", 1, "ended")
    assert ended.reason == "rule gone"
    assert later.say(INFO.key, 1.0, 3, at=40.0) == []


def test_to_a_run_that_is_over_or_unknown_nothing_comes():
    bed = Bed(mine())
    assert bed.engine.renew("nobody") == []
    bed.engine.leave(INFO.key, 5.0, "over")
    assert bed.renew(mine(mark="2")) == []
