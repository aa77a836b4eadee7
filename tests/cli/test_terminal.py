"""Names and lines that others wrote steer no terminal, whatever command prints them."""

import json
import sys

from hypothesis import given
from hypothesis import strategies as st

from sentinel.cli import alerts, main, status
from sentinel.cli.terminal import guarded, harmless, one_line

HOSTILE = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\ud800\nfine  forged\r"


@given(st.text())
def test_nothing_that_is_printed_steers(text):
    shown = harmless(text)
    assert not set(shown) & set(map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066]))
    shown.encode()
    assert "\n" not in one_line(text)


def test_json_stays_json():
    assert json.loads(harmless(json.dumps("\x9b\u202e", ensure_ascii=False))) == "\x9b\u202e"


def test_a_stream_is_guarded_and_given_back(capsys):
    before = sys.stdout
    with guarded(True):
        print(HOSTILE)
        print(HOSTILE, file=sys.stderr)
        sys.stdout.flush()
    assert sys.stdout is before
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\\u001b[2J" in out


def test_status_and_alerts_show_a_hostile_run_on_one_line_each(monkeypatch, capsys):
    run = {"run": HOSTILE, "standing": "doomed", "step": 1, "firing": 1}
    alert = {
        "id": "x", "severity": "high", "run": HOSTILE, "signature": "s", "rule": "r", "step": 1, "say": HOSTILE,
        "phase": "firing",
    }  # fmt: skip
    answer = {"ok": True, "runs": [run], "alerts": [alert], "told": [HOSTILE], "troubles": [HOSTILE], "faults": []}
    monkeypatch.setattr(status, "ask", lambda *_: answer)
    monkeypatch.setattr(alerts, "ask_or_explain", lambda *_: answer)
    assert main.main(["status"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 5
    assert not any(line.startswith("fine") for line in out.splitlines())
    assert main.main(["alerts"]) == 0
    out += capsys.readouterr().out
    assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e", "\r"}
