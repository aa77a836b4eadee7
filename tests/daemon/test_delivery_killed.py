"""kill -9 of the loop and of its senders: nothing is lost, order is kept, at most one repetition a channel and crash."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.outlets.servers import Web

KILLS = [pytest.param(12, id="12"), pytest.param(200, marks=[pytest.mark.torture, pytest.mark.timeout(900)], id="200")]


@pytest.mark.parametrize("kills", KILLS)
def test_nothing_is_lost_whatever_is_killed(tmp_path, kills):
    web, chance = Web(), random.Random(kills)
    count, path = kills * 2, str(tmp_path / "state.db")
    try:
        crashes = sum(one_life(path, web.port, count, kill, chance) for kill in range(kills))
        end = start(path, web.port, count, 0)
        with end.stdout:
            assert end.wait(100) == 0
        assert crashes >= kills * 0.6  # on a busy machine some lives are over before their fault point
        for channel in ("/one", "/two"):
            bodies = web.bodies(channel)
            runs = [body["change"]["run"] for body in bodies]
            firsts = list(dict.fromkeys(runs))
            assert firsts == [f"run-{i}" for i in range(count)]
            assert len(runs) - len(firsts) <= crashes
            again = [body for body in bodies if body["attempt"] > 1]
            assert all("attempt" in body["text"] for body in again)
        print(f"{crashes} crashes, repeated {len(web.requests) - 2 * count} of {2 * count}")
    finally:
        web.close()


def start(path, port, count, fault):
    command = [sys.executable, "-m", "tests.daemon.told_and_killed", path, str(port), str(count), str(fault)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def one_life(path, port, count, kill, chance):
    """Run a loop and kill it: at a fault point, at some moment, or its senders; 1 if something died."""
    fault = chance.randint(1, 12) if kill % 2 == 0 else 0
    life = start(path, port, min(count, (kill + 1) * 2), fault)
    with life.stdout:
        life.stdout.readline()
        if not fault:
            time.sleep(chance.uniform(0.0, 0.5))
            if kill % 8 == 1:
                kill_senders(path)
                time.sleep(0.05)
            life.kill()
        try:
            return int(life.wait(2.5) != 0)
        except subprocess.TimeoutExpired:
            life.kill()
            life.wait()
            return 1


def kill_senders(path):
    try:
        with open(f"{path}.pids") as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
    except (OSError, ValueError):
        pass
