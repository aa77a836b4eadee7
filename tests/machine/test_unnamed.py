"""Processes on a GPU that no watch names, and notebooks: what is said of them, and which rules are off."""

import os
import sys

import pytest

from tests.world.room import text_of

IDLE = {"gpu.*.util.gpu": 0, "gpu.*.mem.used_mib": 40000, "gpu.*.power_mw": 90000}
HOUR = 3600
KERNEL = (sys.executable, "-c", "import time; time.sleep(600)", "ipykernel_launcher", "-f", "kernel.json")


@pytest.fixture
def terminal():
    """A terminal of its own; its name as /proc shows it."""
    master, slave = os.openpty()
    yield slave, os.ttyname(slave).removeprefix("/dev/")
    os.close(slave)
    os.close(master)


def on_terminal(r, slave):
    child = r.start_alone(("sleep", "600"), stdout=slave)
    r.put_on({0: child})
    return child


def test_a_process_that_writes_to_a_terminal_only_is_listed_with_the_command_that_gives_it_a_file(room, terminal):
    r = room(1, **IDLE)
    slave, name = terminal
    child = on_terminal(r, slave)
    r.pass_time(120)
    (sentence,) = (each for each in r.machine.trouble() if str(child.pid) in each)
    assert f"cannot tell: writes to {name} only" in sentence
    assert "tmux pipe-pane -o 'cat >> FILE'" in sentence


def test_it_is_judged_by_the_rules_of_the_machine_alone(room, terminal):
    r = room(1, **IDLE)
    child = on_terminal(r, terminal[0])
    r.pass_time(2 * HOUR, step=60.0)
    assert r.told() == []  # idle for two hours with its memory held, and nobody can tell whether that is a hang
    r.driver.lose(0)
    r.until(lambda: r.fired("gpu-health/lost"))
    (change,) = r.fired("gpu-health/lost")
    assert change.run_name == f"pid {child.pid} of user {os.getuid()}"
    assert "GPU 0" in text_of(r, change)


def test_when_it_goes_nobody_claims_to_know_how(room, terminal):
    r = room(1, **IDLE)
    child = on_terminal(r, terminal[0])
    r.pass_time(120)
    child.kill()
    child.wait()
    r.driver.clear("gpu.0.procs")
    r.driver.set(**{"gpu.*.mem.used_mib": 0})
    r.pass_time(120)
    (run,) = (watched for watched in r.engine.runs.values() if watched.run.info.key.startswith("pid:"))
    assert run.over
    assert not {"run-over/cannot-tell", "process-died/ended-early", "process-died/died"} & {
        rule for rule, _, _ in r.told()
    }


def test_a_notebook_may_idle_and_end_as_its_user_likes(room):
    r = room(1, **IDLE)
    kernel = r.start_alone(KERNEL)
    r.put_on({0: kernel})
    r.pass_time(3 * HOUR, step=60.0)
    (run,) = (watched for watched in r.engine.runs.values() if watched.run.info.key.startswith("pid:"))
    assert run.run.info.kind == "notebook"
    assert any("is a notebook kernel" in sentence for sentence in r.machine.trouble())
    kernel.send_signal(9)
    kernel.wait()
    r.driver.clear("gpu.0.procs")
    r.driver.set(**{"gpu.*.mem.used_mib": 0})
    r.pass_time(120)
    assert r.told() == []
    assert run.over


def test_a_log_that_a_notebook_writes_is_not_a_training_that_hangs(room):
    r = room(1, **IDLE)
    kernel = r.start("cells", command=KERNEL)
    r.put_on({0: kernel})
    r.pass_time(600, step=15.0, every=lambda n: r.print("cells", n))
    r.pass_time(2 * HOUR, step=60.0)
    assert r.told() == []
