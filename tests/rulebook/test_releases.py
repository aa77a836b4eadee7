"""What changed in the shipped rules since a release."""

import json
from dataclasses import replace
from pathlib import Path

from sentinel.cli.main import main
from sentinel.core.names import Names
from sentinel.core.records import Severity
from sentinel.rulebook.loading import parse_rules
from sentinel.rulebook.releases import differences, record

TEXT = """signature: sig
title: A title
family: dynamics
story: a story
rules:
  - {rule: a, when: step > 1, severity: warning, say: x}
  - {rule: b, when: step > 2, severity: warning, say: x}
  - {rule: c, when: step > 3, severity: warning, say: x, was: old}
  - {rule: d, when: step > 4, severity: warning, say: x}
"""


def rules_of(text):
    loaded = parse_rules(text, "sig.yml", Names())
    return [replace(rule, shipped=True) for rule in loaded.book.rules]


def test_new_changed_renamed_and_gone_rules_are_told_apart():
    before = record(rules_of(TEXT.replace("c,", "old,").replace(", was: old", "").replace("rule: d", "rule: gone")))
    rules = rules_of(TEXT.replace("step > 1", "step > 7"))
    rules = [replace(rule, severity=Severity.HIGH) if rule.name == "b" else rule for rule in rules]
    found = [(one.what, one.rule, one.details) for one in differences(before, rules)]
    assert found == [
        ("new", "sig/d", ("severity warning",)),
        ("changed", "sig/a", ("judges differently",)),
        ("changed", "sig/b", ("severity warning -> high",)),
        ("renamed", "sig/c", ("was sig/old",)),
        ("gone", "sig/gone", ()),
    ]


def test_the_rules_of_a_release_do_not_differ_from_themselves():
    rules = rules_of(TEXT.replace(", was: old", ""))
    assert differences(json.loads(json.dumps(record(rules))), rules) == []


def test_a_version_that_is_not_recorded_is_said_with_those_that_are(capsys):
    assert main(["check", "--since", "0.0.0"]) == 2
    assert "no rules are recorded for version 0.0.0" in capsys.readouterr().err


def test_what_check_reads_is_shipped():
    assert isinstance(json.loads((Path(__file__).parents[2] / "rules" / "releases.json").read_text()), dict)
