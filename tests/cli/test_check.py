"""`sentinel check` without words looks at what `sentinel run` would take."""

import pytest

from sentinel.cli.main import main
from sentinel.cli.status import text
from sentinel.daemon.doctor import running
from sentinel.daemon.doctor.findings import State


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


OWN = "signature: mine\ntitle: a\nfamily: dynamics\nrules:\n  - {rule: a, when: train.loss > 1, doom: 0.9, action: stop}\n  - {rule: b, when: train.loss > 1}\n"


@pytest.mark.parametrize(
    "named", ["runs/a", "runs/a/.sentinel/rules", "runs/a/.sentinel/rules/", "runs/a/.sentinel/rules/own.yml"]
)
def test_rules_that_a_run_brings_itself_are_checked_as_the_daemon_reads_them(here, capsys, named):
    rules = here / "runs" / "a" / ".sentinel" / "rules"
    rules.mkdir(parents=True)
    (rules / "own.yml").write_text(OWN)
    (rules / "link.yml").symlink_to(rules / "own.yml")
    assert main(["check", named]) == 1
    shown = capsys.readouterr().out
    column = OWN.splitlines()[4].index("stop") + 1
    assert f"{rules}/own.yml:5:{column}: rules from this folder may tell, not act, in own:mine/a" in shown
    assert f"{rules}/link.yml: is no plain file" in shown
    assert f"{here}/runs/a brings 1 rule of its own: in force for it alone, to tell" in shown
    (rules / "link.yml").unlink()
    (rules / "own.yml").write_text(OWN.replace(", doom: 0.9, action: stop", ""))
    assert main(["check", named]) == 0


def test_replay_judges_by_the_rules_that_the_run_brings(here, capsys):
    rules = here / "a" / ".sentinel" / "rules"
    rules.mkdir(parents=True)
    (rules / "own.yml").write_text(OWN)
    (here / "a" / "train.log").write_text("step=1 loss=2.0\nstep=2 loss=3.0\n")
    assert main(["replay", "a"]) == 0
    shown = capsys.readouterr()
    assert "own:mine/b" in shown.out
    assert "own:mine/a" not in shown.out
    assert "may tell, not act" in shown.err


def test_faults_of_a_runs_own_rules_stand_in_status_and_as_a_note_in_doctor():
    answer = {"runs": [], "version": "1", "host": "h", "own_faults": [{"run": "/r/a", "fault": "own.yml:5:3: wrong"}]}
    assert "fault in a run's own rules: own.yml:5:3: wrong" in text(answer)
    (finding,) = running._own_rules(answer)
    assert (finding.state, finding.cure) == (State.NOTE, "sentinel check /r/a/.sentinel/rules")
