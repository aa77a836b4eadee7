"""Rules that a run brings itself: what they may say, and how little they may cost."""

from __future__ import annotations

import time

import pytest

from sentinel.core.amounts import parse_alternatives
from sentinel.core.names import Names
from sentinel.core.rule import Rulebook
from sentinel.daemon.shipped import shipped
from sentinel.rulebook.loading import load_rulebook
from sentinel.rulebook.names_file import load_names
from sentinel.rulebook.own import MOST_FAULTS, MOST_RULES, beside, own_rules
from sentinel.sources.own_rules import LARGEST_IN_ALL

NAMES, _ = load_names([shipped("rules") / "names.yml"])
HEAD = "signature: mine\ntitle: Mine\nfamily: dynamics\nrules:\n"


def own(*rules, head=HEAD, taken=(), names=NAMES):
    return own_rules([("mine.yml", head + "".join(f"  - {{{rule}}}\n" for rule in rules))], names, taken)


def faults(found):
    return [fault.what for fault in found.book.faults if not fault.note]


def keys(found):
    return [rule.key for rule in found.book.rules]


def test_they_bear_names_of_their_own_and_may_only_tell():
    found = own("rule: big, when: train.loss > 3, doom: 0.9, severity: critical")
    (rule,) = found.book.rules
    assert (rule.key, rule.own, rule.may_act, rule.shipped) == ("own:mine/big", True, False, False)
    assert found.taken == ("mine.yml",)


@pytest.mark.parametrize("action", ["stop", "checkpoint"])
def test_a_rule_that_asks_for_more_than_telling_is_a_fault_at_its_place_and_the_others_go_on(action):
    found = own("rule: big, when: train.loss > 3", f"rule: act, when: train.loss > 3, doom: 0.9, action: {action}")
    assert keys(found) == ["own:mine/big"]
    (fault,) = found.book.faults
    assert str(fault).startswith("mine.yml:6:")
    assert "may tell, not act" in fault.what


def test_defaults_cannot_bring_an_action_in_either():
    head = HEAD.replace("rules:", "defaults: {action: stop, doom: 0.9}\nrules:")
    assert keys(own("rule: big, when: train.loss > 3", head=head)) == []


def test_a_signature_that_is_in_force_for_all_cannot_be_changed_nor_switched_off():
    found = own("rule: fell, enabled: false", "rule: other, when: train.loss > 3", taken={"mine"})
    assert keys(found) == []
    (what,) = faults(found)
    assert "'mine' is in force for all" in what


@pytest.mark.parametrize("key", ["hides: [loss-nonfinite/*]", "hides: [loss-nonfinite/nan]"])
def test_no_rule_that_is_for_all_can_be_hidden(key):
    found = own("rule: big, when: train.loss > 3", f"rule: cloak, when: train.loss > 3, {key}")
    assert keys(found) == ["own:mine/big"]
    assert "name only one another" in faults(found)[0]


def test_no_rule_that_is_for_all_can_be_made_a_part_and_so_be_hidden():
    found = own("rule: cloak, parts: {at_least: 1, of: [loss-nonfinite/nan, mine/big]}", "rule: big, when: step > 3")
    assert keys(found) == ["own:mine/big"]


def test_among_themselves_they_hide_and_join():
    found = own(
        "rule: big, when: train.loss > 3, hides: [mine/small]", "rule: small, when: train.loss > 1",
        "rule: both, parts: {at_least: 1, of: [small, mine/other]}", "rule: other, when: train.loss > 2",
    )  # fmt: skip
    assert not faults(found)
    assert found.book.rules[0].hides == ("own:mine/small",)
    assert found.book.rules[2].parts.of == ("own:mine/small", "own:mine/other")


@pytest.mark.parametrize("where", ["rule", "defaults"])
def test_labels_choose_channels_and_what_may_be_stopped_so_they_carry_none(where):
    labels = "labels: {team: others, sign: terminal}"
    head = HEAD if where == "rule" else HEAD.replace("rules:", f"defaults: {{{labels}}}\nrules:")
    found = own("rule: big, when: train.loss > 3" + (f", {labels}" if where == "rule" else ""), head=head)
    assert keys(found) == []
    assert "labels choose channels" in faults(found)[0]


@pytest.mark.parametrize("name", ['"x\\e[31m"', '"a b"', "../x", '"<!channel>"', "a/b", "x" * 65, '"\\u202e"'])
def test_a_name_that_could_forge_something_is_refused(name):
    assert keys(own("rule: fine, when: train.loss > 3", f"rule: {name}, when: train.loss > 3")) == ["own:mine/fine"]
    assert keys(own("rule: fine, when: train.loss > 3", head=HEAD.replace("mine", name, 1))) == []


def test_an_alert_holds_a_minute_before_it_clears_so_that_none_flutters_onto_the_disk():
    rules = own(
        "rule: a, when: train.loss > 3", "rule: b, when: train.loss > 3, keep: 3 readings",
        "rule: c, when: train.loss > 3, keep: 10m", "rule: d, when: train.loss > 3, keep: 1s",
        "rule: e, when: config.lr > 3",
    ).book.rules  # fmt: skip
    kept = [rule.keep for rule in rules]
    wanted = ["1m or 1 reading", "1m or 3 readings", "10m", "1m or 1s"]
    assert kept == [*map(parse_alternatives, wanted), ()]


def test_too_many_rules_are_none_at_all():
    rules = [f"rule: r{n}, when: train.loss > {n}" for n in range(MOST_RULES + 1)]
    assert len(keys(own(*rules[:-1]))) == MOST_RULES
    found = own(*rules)
    assert keys(found) == []
    assert f"{MOST_RULES} rules of its own, here are {MOST_RULES + 1}" in faults(found)[0]


def test_a_rule_that_reads_too_much_at_each_look_is_refused():
    parts = " or ".join(f"median(train.loss, '{n} readings') > 3" for n in range(30, 60))
    found = own("rule: big, when: train.loss > 3", f'rule: dear, when: "{parts}"')
    assert keys(found) == ["own:mine/big"]
    assert "make two rules" in faults(found)[0]


HOSTILE = {
    "aliases that grow": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "tags": "signature: !!python/object/apply:os.system ['true']\n",
    "depth": "signature: " + "[" * 5000 + "\n",
    "flat": "signature: [" + "1," * 12_000 + "1]\n",
    "keys": "\n".join(f"key{n}: 1" for n in range(2500)),
    "fields": HEAD + '  - {rule: a, when: step > 1, say: "' + "{q.z} " * 4000 + '"}\n',
    "names": HEAD
    + "".join(f"  - {{rule: r{n}, when: '{' + '.join(f'q{n}w{m}.ab' for m in range(60))} > 0'}}\n" for n in range(30)),
    "patterns": HEAD
    + "".join(f"  - {{rule: r{n}, when: \"lines('(a{{1,100}}){{1,{n + 1}}}$') > 0\"}}\n" for n in range(30)),
    "binary": "\0\1\2",
    "nothing": "",
    "a list": "- 1\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_stranger_writes_costs_little_and_is_faults(text):
    text = text[:LARGEST_IN_ALL]
    begun = time.process_time()
    found = own_rules([("mine.yml", text)], NAMES)
    assert time.process_time() - begun < 3.0
    assert found.book.faults
    assert len(found.book.faults) <= MOST_FAULTS


def test_what_a_stranger_names_is_not_remembered_with_the_names_of_all():
    names = Names(NAMES.entries)
    own("rule: a, when: train.lossless > 3 or q.zz > 3", names=names)
    assert not names._seen
    assert names.near("train.los") == "train.loss"


def test_beside_the_rules_for_all_they_are_heard_and_no_line_counts_twice():
    book = load_rulebook([], NAMES)
    mine = own("rule: oom, when: \"lines('out of memory') > 0\"")
    both = beside(
        beside(book, mine.book), own("rule: oom, when: \"lines('out of memory') + lines('killed') > 0\"").book
    )
    assert both.matcher.match("killed: out of memory") == ("out of memory", "killed")
    assert both.matcher.match("nothing") == ()


def test_without_any_the_rulebook_is_the_very_same():
    book = Rulebook()
    assert beside(book, own().book) is book
