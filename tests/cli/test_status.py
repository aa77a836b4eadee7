"""`sentinel status`: one line a run."""

import argparse

import pytest

from sentinel.cli import status
from sentinel.cli.status import where
from sentinel.keep import words
from sentinel.keep.store import Store


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        ({"step": 4150, "epoch": 2.0, "progress": 0.83}, "step 4,150 (83%)"),
        ({"step": None, "epoch": 12.0, "progress": 1.0}, "epoch 12 (100%)"),
        ({"epoch": 2.45}, "epoch 2.45"),
        ({"step": 0}, "step 0"),
        ({"progress": 0.5}, "(50%)"),
        ({}, ""),
    ],
)
def test_a_run_stands_at_its_step_or_epoch_and_its_share_of_the_plan(run, shown):
    assert where(run) == shown


# --- for monitoring systems --------------------------------------------------------------------------------------------


def nagios(capsys, *standings, troubles=(), names=None):
    runs = [{"run": f"r{n}", "standing": word} for n, word in enumerate(standings)]
    for run, name in zip(runs, names or (), strict=False):
        run["run"] = name
    code = status.nagios({"runs": runs, "troubles": list(troubles)})
    (line,) = capsys.readouterr().out.splitlines()
    return code, line


@pytest.mark.parametrize(
    ("standings", "troubles", "code", "line"),
    [
        ((), (), 0, "SENTINEL OK: 0 runs watched"),
        (("fine", "cannot tell", "ended", "died"), (), 0, "SENTINEL OK: 4 runs watched"),
        (("fine", "look"), (), 1, "SENTINEL WARNING: r1"),
        (("silent",), (), 1, "SENTINEL WARNING: r0"),
        (("look", "doomed", "fine"), (), 2, "SENTINEL CRITICAL: r1"),
        (("fine",), ("the state is in memory only",), 1, "SENTINEL WARNING: the state is in memory only"),
        (("doomed",) * 7, (), 2, "SENTINEL CRITICAL: r0, r1, r2, r3, r4 and 2 more"),
    ],
)
def test_monitoring_hears_of_every_state(capsys, standings, troubles, code, line):
    found, said = nagios(capsys, *standings, troubles=troubles)
    assert (found, said.partition(" | ")[0]) == (code, line)
    assert f"doomed={standings.count('doomed')}" in said.partition(" | ")[2]


def test_a_runs_name_cannot_forge_what_monitoring_reads(capsys):
    _, line = nagios(capsys, "doomed", names=["x | doomed=0\nSENTINEL OK: \x1b[2J"])
    assert line.count("|") == 1
    assert "\x1b" not in line


def test_a_watch_that_has_ended_is_unknown_to_monitoring_whatever_it_saw_last(tmp_path, capsys):
    Store(tmp_path, [words.SCHEMA]).close()
    parser = argparse.ArgumentParser()
    status.configure(parser)
    socket = tmp_path / "control"
    asked = ["--socket", str(socket), "--state", str(tmp_path)]
    assert status.run(parser.parse_args(asked)) == 0  # for people: the last word, with its age
    capsys.readouterr()
    assert status.run(parser.parse_args([*asked, "--nagios"])) == 3
    assert capsys.readouterr().out == f"SENTINEL UNKNOWN: no daemon listens at {socket}; start one with: sentinel run\n"
    socket.touch()
    assert status.run(parser.parse_args([*asked, "--nagios"])) == 3
    assert capsys.readouterr().out.startswith("SENTINEL UNKNOWN: ")
