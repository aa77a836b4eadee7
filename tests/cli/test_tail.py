import argparse
import io
import json

from sentinel.cli import tail
from tests.formats.test_binary import event


def call(*words):
    parser = argparse.ArgumentParser()
    tail.configure(parser)
    return tail.run(parser.parse_args(words))


def test_each_reading_is_one_json_object(tmp_path, capsys):
    log = tmp_path / "train.log"
    log.write_text("step=3 epoch=1 loss=0.5 lr=0.1\nstep=4 epoch=1 loss=nan lr=0.1\n")
    assert call("--once", "--json", str(log)) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["name"], r["value"], r["step"]) for r in found[:2]] == [("train.loss", 0.5, 3), ("lr", 0.1, 3)]
    assert found[2]["value"] == "nan"
    assert found[2]["line"] == 2


def test_standard_input_is_read(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"step 3 | loss 0.5 | lr 0.1")))
    assert call("-") == 0
    assert "train.loss 0.5" in capsys.readouterr().out


def test_explain_tells_what_was_not_understood(tmp_path, capsys):
    log = tmp_path / "train.log"
    log.write_text("hello\nstep=3 loss=0.5\nWorld size: 2\n")
    assert call("--explain", str(log)) == 0
    out = capsys.readouterr().out
    assert "1 . hello" in out
    assert "2 + step=3 loss=0.5\n          > train.loss 0.5  (step 3)" in out
    assert "3 = World size: 2\n          = fact.world_size 2" in out
    assert "3 lines: 1 gave 1 readings, 1 facts alone, 0 say something of the run, 1 are mere text" in out


def test_explain_shows_no_control_characters_and_takes_records_of_binary_files(tmp_path, capsys):
    log = tmp_path / "train.log"
    log.write_bytes(b"\x1b]0;evil\x07red\n step=3 own_thing=0.5\n")
    assert call("--explain", str(log)) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "own_thing *" in out
    events = tmp_path / "events.out.tfevents.1.box"
    events.write_bytes(event(10, 1.8e9, train__loss=0.5))
    assert call("--explain", str(events)) == 0
    assert "1 + a record\n          > train.loss 0.5  (step 10)" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_told(tmp_path, capsys):
    assert call("--once", str(tmp_path / "none.log")) == 2
    assert "none.log" in capsys.readouterr().err
