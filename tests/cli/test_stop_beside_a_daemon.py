"""A person's own stop beside a daemon that knows the run: what it knows counts, and nobody is signalled by both."""

import json
import socket
import subprocess
import sys
import threading

import pytest

pytest.importorskip("numpy")

from sentinel.cli.main import main
from tests.outlets.test_hands import TRAINING
from tests.outlets.test_reins import held
from tests.world.waiting import awaited


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "run"
    folder.mkdir()
    process = subprocess.Popen([sys.executable, str(TRAINING), str(folder), "handler,early"])
    awaited(lambda: (folder / "train.log").exists() and "step 35" in (folder / "train.log").read_text())
    yield folder, process
    process.kill()
    process.wait()


@pytest.fixture
def daemon(tmp_path):
    """A stand-in that gives one answer to whatever it is asked."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "control"))
    server.listen()
    answer = {"ok": True, "looked": True, "plan": "", "conditions": [], "not_asked": "", "acting": ""}

    def serve():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                peer.sendall(json.dumps(answer).encode() + b"\n")

    threading.Thread(target=serve, daemon=True).start()
    yield answer, str(tmp_path / "control")
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_where_the_daemon_has_signalled_it_already_nobody_does_so_again(run, daemon, capsys):
    (folder, process), (answer, path) = run, daemon
    answer["acting"] = "plan 4f12ab (s/r): asked"
    assert main(["stop", str(folder), "--yes", "--quiet-after", "0.5", "--socket", path]) == 2
    assert "the daemon is at it: plan 4f12ab" in capsys.readouterr().out
    assert process.poll() is None


def test_while_another_sentinel_acts_on_the_run_nobody_else_does(run, daemon, capsys):
    (folder, process), (_, path) = run, daemon
    with held(folder) as other:
        assert main(["stop", str(folder), "--dry-run", "--socket", path]) == 0
        assert f"pid {other.pid} of uid" in capsys.readouterr().out
        assert main(["stop", str(folder), "--yes", "--socket", path]) == 2
    assert f"pid {other.pid} of uid" in capsys.readouterr().err
    assert process.poll() is None


def test_what_it_knows_against_asking_holds_and_the_record_is_kept_among_the_users_state(run, daemon, tmp_path, capsys):
    (folder, process), (answer, path) = run, daemon
    answer["not_asked"] = "finite: its numbers are not finite: a save would save that"
    assert main(["stop", str(folder), "--yes", "--quiet-after", "0.5", "--socket", path]) == 0
    said = capsys.readouterr().out
    assert "not asked: finite" in said
    (record,) = (tmp_path / "home" / "sentinel" / "stops").glob("*/audit.jsonl")
    assert "signalled" in record.read_text()
    assert process.wait(5) == 0


def test_a_run_is_found_by_the_name_that_the_daemon_knows(run, daemon, capsys):
    (folder, _), (answer, path) = run, daemon
    answer["folder"] = str(folder)
    assert main(["stop", "swift-fox", "--dry-run", "--socket", path]) == 0
    assert "signal TERM" in capsys.readouterr().out
