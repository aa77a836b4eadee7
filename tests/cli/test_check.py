"""`sentinel check` without words looks at what `sentinel run` would take."""

import pytest

from sentinel.cli.main import main
from sentinel.cli.status import text


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_words_it_checks_the_settings_here_and_the_rules_they_name(here, capsys):
    assert main(["check"]) == 0
    (here / "rules").mkdir()
    (here / "rules" / "mine.yml").write_text("signature: mine\nrules:\n  - {rule: a, wenn: train.loss > 1, say: x}\n")
    (here / "sentinel.toml").write_text(f'[sentinel]\nrules = ["{here}/rules"]\n')
    capsys.readouterr()
    assert main(["check"]) == 1
    assert "'wenn' is no key here; did you mean 'when'?" in capsys.readouterr().out


def test_a_fault_of_a_rule_file_stands_once_in_status():
    fault = "mine.yml:3:5: 'wenn' is no key here"
    answer = {
        "runs": [],
        "faults": [fault],
        "told": [f"rule file: {fault}", "something else"],
        "version": "1",
        "host": "h",
    }
    shown = text(answer)
    assert shown.count("wenn") == 1
    assert "told: something else" in shown
