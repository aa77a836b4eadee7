import argparse
import io
import json

from sentinel.cli import tail


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
    assert " . hello" in out
    assert " + step 3" in out
    assert " = fact.world_size 2" in out


def test_a_file_that_cannot_be_read_is_told(tmp_path, capsys):
    assert call("--once", str(tmp_path / "none.log")) == 2
    assert "none.log" in capsys.readouterr().err
