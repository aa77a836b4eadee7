"""Bytes at which a real daemon died twice are set aside and told; what stands before and after them is watched."""

import argparse
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.cli.asking import NoDaemon, ask
from tests.daemon.jumps import RULES
from tests.world.settings import CHANNELS_ONLY, settings_in
from tests.world.waiting import PATIENCE, awaited

ROOT = Path(__file__).parents[2]


def prepare(folder):
    (folder / "rules").mkdir()
    (folder / "rules/jumps.yml").write_text(RULES)
    (folder / "runs").mkdir()
    settings = folder / "sentinel.toml"
    settings.write_text(settings_in(folder, rules=True, tell=CHANNELS_ONLY))
    return settings


def life(settings, where):
    command = [sys.executable, "-m", "tests.daemon.deadly_bytes", str(settings), where]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answer(folder, **request):
    with contextlib.suppress(NoDaemon, OSError):
        return ask(argparse.Namespace(socket=str(folder / "state/control")), request)
    return None


def alerts(folder):
    told = answer(folder, ask="alerts")
    return [each for each in (told or {}).get("alerts", ()) if each["rule"] == "high"]


def write(folder, where):
    run = folder / "runs/one"
    run.mkdir()
    padding = "".join(f"step={step} toy.high=1\n" for step in range(1, 400))
    deadly = "a deadly line\n" if where != "config" else ""
    (run / "train.log").write_text(f"{padding}{deadly}{padding}step=900 toy.high=9\n")
    if where == "config":
        (run / "config.yaml").write_text("name: deadly\n")


@pytest.mark.parametrize("where", ["reader", "rules", "config"])
def test_the_third_life_goes_on_and_says_what_it_left_out(tmp_path, where):
    settings = prepare(tmp_path)
    daemon = life(settings, where)
    try:
        awaited(lambda: answer(tmp_path, ask="status"))
        write(tmp_path, where)
        assert daemon.wait(PATIENCE) == -signal.SIGKILL
        daemon = life(settings, where)
        assert daemon.wait(PATIENCE) == -signal.SIGKILL
        daemon = life(settings, where)
        awaited(lambda: alerts(tmp_path))
        status = str(awaited(lambda: answer(tmp_path, ask="status")))
        assert "stopped us twice" in status
        assert daemon.poll() is None
    finally:
        daemon.kill()
        daemon.wait()
