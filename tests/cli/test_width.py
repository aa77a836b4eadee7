"""What people read fits their terminal: help, status and alerts; into a pipe each thing stays on a line of its own."""

import pytest

from sentinel.cli import alerts
from sentinel.cli.main import COMMANDS, module_of, overview, parser_of
from sentinel.cli.status import text
from sentinel.cli.width import examples, folded

ALERT = {
    "id": "8np6", "severity": "critical", "run": "baseline_100ep", "signature": "probability-collapse", "rule": "collapsed",
    "step": 300, "phase": "firing", "hidden_by": None,
    "say": "both probabilities have fallen below a third of their beginning: 0.121 and 0.116, and they go on falling",
}  # fmt: skip
RUN = {
    "run": "baseline_100ep",
    "watch": "nlp",
    "folder": "/data/runs/baseline_100ep",
    "standing": "doomed",
    "firing": 1,
}
OTHER = {"run": "tiny", "watch": "nlp", "folder": "/data/runs/tiny", "standing": "fine"}
KEY = "nlp:/data/runs/baseline_100ep"
STATUS = {
    "ok": True, "version": "0.1.0", "host": "tesla-07", "since": "2026-11-21T06:53:38.038Z", "rules": 192,
    "troubles": ["/data/runs may not be read by the user sentinel: sudo sentinel install --rights see-all mends it"],
    "runs": [OTHER, RUN], "alerts": [ALERT, {**ALERT, "id": "t1ny", "run": "tiny"}],
    "words": [{"saying": "mute", "scope": "run", "target": KEY, "until": "2026-11-21T09:32:22.953Z", "who": "ana",
               "at": "2026-11-21T07:32:22.953Z", "why": "known since the morning, and looked after"}],
    "plans": [{"run": KEY, "line": "rehearsal 0ac79d (probability-collapse/collapsed): evidence; waits for lasting: for 12s, "
                                   "needs 5m; settled: Sentinel watches for 37s, needs 10m"}],
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_fits_eighty_columns_and_is_a_sentence(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    module = module_of(name)
    assert [line for line in parser_of(name, module).format_help().splitlines() if len(line) > 80] == []
    assert module.HELP[0].isupper()
    assert module.HELP.endswith(".")


def test_the_overview_fits_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in overview().splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("full", [False, True])
def test_status_fits_eighty_columns_and_loses_no_word(full):
    shown = text(STATUS, full, 80)
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert shown.split() == text(STATUS, full).split()


def test_in_a_pipe_each_thing_of_status_is_one_line():
    lines = text(STATUS).splitlines()
    assert len(lines) == 1 + 1 + 2 + 2 + 1 + 1
    assert lines[0] == "sentinel 0.1.0 on tesla-07, watching since 2026-11-21 06:53 UTC, 192 rules in force"
    assert lines[-1].startswith("  baseline_100ep: rehearsal 0ac79d")


def test_status_of_one_run_shows_nothing_of_others():
    shown = text({**STATUS, "runs": [OTHER]}, full=True)
    assert "[t1ny]" in shown
    assert "[8np6]" not in shown
    assert "mute" not in shown
    assert "rehearsal" not in shown


def test_an_alert_names_itself_first_and_says_under_it_what_it_saw():
    assert alerts.text({**ALERT, "hidden_by": "memorised/stored"}, 80).splitlines() == [
        "[8np6] critical baseline_100ep: probability-collapse/collapsed at step 300,",
        "       firing behind memorised/stored",
        "       both probabilities have fallen below a third of their beginning: 0.121",
        "       and 0.116, and they go on falling",
    ]


def test_what_an_example_says_hangs_in_its_own_column_and_its_command_is_never_broken():
    text = "examples:\n  sentinel x a    what it does to the one that is named\n  sentinel y --" + "long" * 10
    assert examples(text, 40) == [
        "examples:",
        "  sentinel x a    what it does to the",
        "                  one that is named",
        "  sentinel y --" + "long" * 10,
    ]


def test_a_line_that_fits_and_a_line_for_a_pipe_stay_as_they_are():
    assert folded("a b", 80) == ["a b"]
    assert folded("word " * 40, None) == ["word " * 40]
