"""The real daemon in a process of its own: it starts, sees, tells, answers and ends."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.world.settings import settings_in
from tests.world.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
NAN = "".join(f"step={n} loss={'nan' if n > 5 else 2.5 - n / 10}\n" for n in range(1, 12))


def sentinel(*words, **more):
    command = [sys.executable, "-m", "sentinel", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **more)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "sentinel.toml").write_text(settings_in(tmp_path))
    return tmp_path


@pytest.fixture
def daemon(place):
    out = (place / "out.txt").open("w")
    command = [sys.executable, "-m", "sentinel", "run", "--settings", str(place / "sentinel.toml")]
    running = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    assert until((place / "state" / "control").exists), (place / "out.txt").read_text()
    yield running
    running.kill()
    running.wait()
    out.close()


def ask(place, *words):
    return sentinel(*words, "--socket", place / "state" / "control")


def test_a_run_that_turns_to_nan_is_told_on_the_terminal_and_shown_by_status(place, daemon):
    (place / "runs" / "a").mkdir()
    (place / "runs" / "a" / "train.log").write_text(NAN)
    assert until(lambda: "NaN" in (place / "out.txt").read_text()), (place / "out.txt").read_text()
    status = json.loads(ask(place, "status", "--json").stdout)
    assert [(run["run"], run["standing"]) for run in status["runs"]] == [("a", "doomed")]
    (alert,) = [json.loads(line) for line in ask(place, "alerts", "--json").stdout.splitlines()]
    assert alert["signature"] == "loss-nonfinite"
    assert alert["file"] == "train.log"
    assert "nonfinite" in ask(place, "explain", alert["id"]).stdout
    assert ask(place, "ack", alert["id"]).returncode == 0
    assert ask(place, "status", "--nagios").returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_is_asked_to_end_ends_in_under_two_seconds_with_nothing_lost(place, daemon, number):
    (place / "runs" / "a").mkdir()
    (place / "runs" / "a" / "train.log").write_text("step=1 loss=2.0\n")
    assert until(lambda: '"a"' in ask(place, "status", "--json").stdout)
    begun = time.monotonic()
    os.kill(daemon.pid, number)
    assert daemon.wait(PATIENCE) == 0
    assert time.monotonic() - begun < 2.0
    offline = sentinel("status", "--state", place / "state", "--socket", place / "none")
    assert " a " in offline.stdout
    assert "old" in offline.stderr


def test_a_second_daemon_on_the_same_state_is_refused_with_the_pid_of_the_first(place, daemon):
    second = sentinel("run", "--settings", place / "sentinel.toml")
    assert second.returncode == 2
    assert f"pid {daemon.pid}" in second.stderr
    assert "--state" in second.stderr


def test_a_faulty_settings_file_is_shown_with_line_and_caret_and_nothing_starts(place):
    (place / "sentinel.toml").write_text("[tell]\nrepet = '4h'\n")
    done = sentinel("run", "--settings", place / "sentinel.toml")
    assert done.returncode == 2
    assert "sentinel.toml:2:1: 'tell.repet' is no key here; did you mean 'repeat'?" in done.stderr
    assert "^" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_are_named_but_missing_are_a_fault(place):
    done = sentinel("run", "--settings", place / "nowhere.toml")
    assert done.returncode == 2
    assert "nowhere.toml: cannot be read" in done.stderr


def test_a_rules_folder_that_is_not_there_does_not_keep_the_daemon_from_watching(place):
    (place / "sentinel.toml").write_text(settings_in(place, sentinel={"rules": [f"{place}/none"]}))
    command = [sys.executable, "-m", "sentinel", "run", "--settings", str(place / "sentinel.toml")]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until((place / "state" / "control").exists)
        assert "there is no such folder of rules" in ask(place, "status").stdout
    finally:
        running.terminate()
        running.wait(PATIENCE)


def test_a_rule_file_that_changes_is_taken_into_force_without_a_restart(place):
    (place / "rules").mkdir()
    (place / "sentinel.toml").write_text(settings_in(place, rules=True))
    command = [sys.executable, "-m", "sentinel", "run", "--settings", str(place / "sentinel.toml")]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until((place / "state" / "control").exists)
        before = json.loads(ask(place, "status", "--json").stdout)["rules"]
        rule = "  - {rule: big, when: train.loss > 100, severity: high, say: big}"
        text = f"signature: mine\ntitle: t\nfamily: dynamics\nrules:\n{rule}\n"
        (place / "rules" / "mine.yml").write_text(text)
        running.send_signal(signal.SIGHUP)
        assert until(lambda: json.loads(ask(place, "status", "--json").stdout)["rules"] == before + 1)
    finally:
        running.terminate()
        running.wait(PATIENCE)


def test_a_run_whose_record_cannot_be_read_back_is_read_again_and_not_told_again(place):
    command = [sys.executable, "-m", "sentinel", "run", "--settings", str(place / "sentinel.toml")]
    (place / "runs" / "a").mkdir()
    for life in range(2):
        with (place / "out.txt").open("a") as out:
            running = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        try:
            assert until(lambda: (place / "out.txt").read_text().count("is up") == life + 1)  # noqa: B023
            (place / "runs" / "a" / "train.log").touch()
            if not life:
                (place / "runs" / "a" / "train.log").write_text(NAN)
            assert until(lambda: '"doomed"' in ask(place, "status", "--json").stdout), (place / "out.txt").read_text()
        finally:
            running.terminate()
            running.wait(PATIENCE)
        with sqlite3.connect(place / "state" / "sentinel.db") as state:
            state.execute("UPDATE snapshots SET data = x'00'")
            state.execute("DELETE FROM briefs")
    out = (place / "out.txt").read_text()
    assert "runs/a could not be read back, its files are read again" in out
    assert out.count("DOOMED") == 1
