"""A mistake in a rule file is shown, not suffered: the right fault at the right place, and the good rules go on."""

from pathlib import Path

import pytest

from sentinel.core.names import Name, Names
from sentinel.rulebook.files import RuleFolder
from sentinel.rulebook.loading import Loader, load_rulebook, parse_rules
from tests.rulebook.broken import BROKEN

NAMES = Names({n: Name(n, b) for n, b in (("train.loss", "lower"), ("val.loss", "lower"), ("grad_norm", ""))})


def expected():
    found, name = {}, ""
    for line in (Path(__file__).parent / "broken_faults.txt").read_text().splitlines():
        if line.startswith("    "):
            found[name].append(line.strip())
        else:
            name = line
            found[name] = []
    return found


def test_there_are_at_least_fifty_broken_files():
    assert len(BROKEN) >= 50
    assert set(BROKEN) == set(expected())


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_gives_exactly_its_faults(name):
    loaded = parse_rules(BROKEN[name], "f.yml", NAMES, shipped=name.startswith("shipped"))
    faults = [str(fault).removeprefix("f.yml:") for fault in loaded.book.faults if not fault.note]
    assert faults == expected()[name]


def write(folder, text, name="a.yml"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return RuleFolder(folder)


GOOD = """signature: s
family: dynamics
rules:
  - rule: one
    when: train.loss > 1
    severity: high
  - rule: two
    when: val.loss > 1
"""


def test_the_good_rules_of_a_broken_file_load(tmp_path):
    book = load_rulebook([write(tmp_path, GOOD.replace("val.loss", "val.los"))], NAMES)
    assert [rule.key for rule in book.rules] == ["s/one"]


def test_a_broken_file_keeps_its_last_good_version_in_force(tmp_path):
    loader = Loader([write(tmp_path, GOOD)], NAMES)
    first = loader.reload()
    write(tmp_path, GOOD.replace("val.loss > 1", "val.loss >").replace("train.loss > 1", "train.loss > 5"))
    second = loader.reload()
    assert [r.when.text for r in second.rules] == ["train.loss > 1", "val.loss > 1"]
    assert [r.fingerprint for r in second.rules] == [r.fingerprint for r in first.rules]
    assert loader.held
    assert second.faults
    write(tmp_path, GOOD.replace("train.loss > 1", "train.loss > 5"))
    third = loader.reload()
    assert third.rule("s/one").when.text == "train.loss > 5"
    assert third.rule("s/one").fingerprint != first.rule("s/one").fingerprint
    assert third.rule("s/two").fingerprint == first.rule("s/two").fingerprint
    assert not loader.held


def test_a_users_file_overrides_field_by_field(tmp_path):
    shipped = write(tmp_path / "shipped", GOOD)
    own = write(
        tmp_path / "own",
        "signature: s\nrules:\n  - rule: one\n    severity: critical\n  - rule: two\n    enabled: false\n",
    )
    book = load_rulebook([shipped, own], NAMES)
    assert [(rule.key, rule.severity.word, rule.when.text) for rule in book.rules] == [
        ("s/one", "critical", "train.loss > 1")
    ]


def test_an_override_of_a_rule_that_is_gone_is_a_fault_and_a_renamed_one_is_found(tmp_path):
    shipped = write(tmp_path / "shipped", GOOD.replace("  - rule: two", "  - rule: second\n    was: two"))
    own = write(
        tmp_path / "own",
        "signature: s\nrules:\n  - rule: two\n    severity: critical\n  - rule: onne\n    severity: info\n",
    )
    book = load_rulebook([shipped, own], NAMES)
    assert book.rule("s/second").severity.word == "critical"
    assert [fault.what for fault in book.faults] == ["there is no rule 'onne' in 's' to override; did you mean 'one'?"]


def test_a_name_that_no_run_has_given_is_a_note_and_the_rule_loads():
    loaded = parse_rules(GOOD.replace("val.loss", "quokka.level"), "f.yml", NAMES)
    assert [fault.note for fault in loaded.book.faults] == [True]
    assert loaded.book.rule("s/two")


def test_a_file_that_is_no_text_is_a_fault(tmp_path):
    (tmp_path / "a.yml").write_bytes(b"\xff\xfe\x00")
    assert load_rulebook([RuleFolder(tmp_path)], NAMES).faults[0].what == "is not UTF-8 text"


def test_yaml_is_read_as_version_1_2():
    text = GOOD + "  - rule: three\n    when: config.lr == 1e-4\n    labels: {on: no, at: 12:30}\n"
    assert dict(parse_rules(text, "f.yml", NAMES).book.rule("s/three").labels) == {"on": "no", "at": "12:30"}


def test_a_thousand_rules_load_in_two_seconds(tmp_path):
    import time

    for i in range(100):
        rules = "".join(
            f"  - rule: r{k}\n    when: mean(train.loss, '{k + 5} readings') > {k} and val.loss > 1\n"
            "    say: '{train.loss:.3f}'\n"
            for k in range(10)
        )
        write(tmp_path, f"signature: s{i}\nfamily: dynamics\nrules:\n{rules}", f"{i}.yml")
    began = time.process_time()
    book = load_rulebook([RuleFolder(tmp_path)], NAMES)
    assert len(book.rules) == 1000
    assert time.process_time() - began < 2.0
