"""What holds for every shipped signature, beside the trials in its own file."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "rules").glob("*/*.yml"))
ACTING = {"checkpoint", "stop"}


def load(path):
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_signature_tells_its_whole_story_and_stands_in_its_familys_folder(path):
    found = load(path)
    assert found["family"] == path.parent.name
    for key in ("title", "story", "why", "try", "wrong_if", "sources", "rules", "trials"):
        assert found.get(key), key


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_rule_has_a_trial_in_which_it_fires_and_one_signature_trial_is_quiet(path):
    found = load(path)
    expected = [trial["expect"] for trial in found["trials"]]
    fires = {name for e in expected if isinstance(e, dict) for name, word in e.items() if str(word).startswith("fires")}
    assert {rule["rule"] for rule in found["rules"]} <= fires
    assert any(e == "quiet" or "quiet" in e.values() for e in expected)


def test_at_least_eight_signatures_may_act_and_each_of_those_rules_is_nearly_certain():
    acting = [(path.stem, rule) for path in FILES for rule in load(path)["rules"] if rule.get("action") in ACTING]
    assert len({stem for stem, _ in acting}) >= 8
    assert all(rule["doom"] >= 0.7 for _, rule in acting)


def test_no_line_of_a_rule_file_is_longer_than_a_screen():
    long = [
        (path.name, n) for path in FILES for n, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 200
    ]
    assert not long
