"""Who stands still is named, and the watchdog starves only where a restart would free somebody. The children are real."""

import os
import signal
import socket
import sys
import time
import typing

import pytest

from sentinel.core.telling_answers import Code
from sentinel.daemon.journal import Journal
from sentinel.daemon.machines import Machinery
from sentinel.daemon.progress import Progress, Then
from sentinel.daemon.sending import DEADLINE, PROMISED, Sending
from sentinel.daemon.service import Service
from sentinel.daemon.settings import Gpu, Host, Settings
from sentinel.daemon.stopping_children import DEADLINE as ABANDONED
from sentinel.daemon.stopping_children import PROMISED as STOPPING
from sentinel.daemon.stopping_children import SURVEY, Children
from sentinel.daemon.systemd import Notifier
from sentinel.sources.gpu.keeper import Keeper
from tests.world import plain_nvml
from tests.world.fake_nvml import Driver
from tests.world.waiting import PATIENCE, until

HELD = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); print('{}')"  # a child that somebody stopped


class Engine:
    host = "h"
    runs: typing.ClassVar[dict[str, object]] = {}
    book = type("Book", (), {"rules": ()})
    sleepers = type("Sleepers", (), {"runs": {}})


class Watchdog:
    """A service over workers, with time handed in; what systemd, the journal and people hear."""

    def __init__(self, folder):
        self.now, self.progress, self.told, self.lines = 0.0, Progress(), [], []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        environ = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000"}
        clock = lambda: self.now  # noqa: E731
        journal = Journal(lambda _priority, text, _fields: self.lines.append(text), clock)
        daemon = type("Daemon", (), {"engine": Engine, "sweeping": False})
        self.service = Service(daemon, Notifier(environ, clock), journal, self.progress, clock)
        self.service.tell = lambda head, lines: self.told.append(" / ".join((head, *lines)))

    def fed_at(self, now):
        """Whether a turn at that time feeds the watchdog."""
        self.now = now
        self.service.speak()
        heard = []
        try:
            while True:
                heard.append(self._socket.recv(4096))
        except BlockingIOError:
            return b"WATCHDOG=1" in heard

    def close(self):
        self._socket.close()


@pytest.fixture
def watchdog(tmp_path):
    made = Watchdog(tmp_path)
    yield made
    made.close()


def test_a_worker_that_keeps_its_promise_or_rests_is_not_late():
    progress = Progress()
    progress.began("sender", now=10.0, within=30.0)
    progress.began("ping", now=10.0, within=5.0)
    progress.rests("ping")
    assert progress.late(40.0) == {}


def test_one_that_stands_still_inside_us_starves_the_watchdog_until_it_moves(watchdog):
    assert watchdog.fed_at(0.0)
    watchdog.progress.began("sender slack", now=0.0, within=30.0)
    assert watchdog.fed_at(30.0)
    assert not watchdog.fed_at(40.0)
    assert not watchdog.fed_at(50.0)
    assert watchdog.told == [f"h: sender slack has stood still for 40 s / {Then.RESTART.value}"]
    assert watchdog.service.standstills() == [f"sender slack has stood still for 50 s; {Then.RESTART.value}"]
    watchdog.progress.rests("sender slack")
    assert watchdog.fed_at(60.0)
    assert watchdog.lines[-1] == "sender slack no longer stands still"
    assert watchdog.service.standstills() == []


def test_one_that_is_slow_and_takes_up_piece_after_piece_is_never_late(watchdog):
    for now in range(0, 3600, 10):
        watchdog.progress.began("sender slack", now=float(now), within=30.0)
        assert watchdog.fed_at(now + 9.0)
    assert watchdog.told == []


def test_a_stopped_look_at_processes_is_told_by_name_and_the_watch_goes_on(watchdog):
    children = Children(watchdog.progress, HELD)
    children.start("nlp/run-7", "", {"deed": SURVEY}, 0.0)
    (work,) = children._work
    assert watchdog.fed_at(STOPPING[SURVEY])
    assert watchdog.fed_at(STOPPING[SURVEY] + 5)
    assert children.ended("nlp/run-7", 65.0) == []
    (told,) = watchdog.told
    assert f"the look at the processes of nlp/run-7 (pid {work.process.pid}) has stood still for 65 s" in told
    assert f"kill {work.process.pid}" in told
    ((_, answer),) = children.ended("nlp/run-7", ABANDONED + 1)
    assert answer["ended"] == "unsure"
    assert until(
        lambda: children.ended("nlp/run-7", ABANDONED + 2) == [] and not children._abandoned
    )  # looks are ended
    assert watchdog.fed_at(ABANDONED + 10)
    assert "no longer stands still" in watchdog.lines[-1]


def test_a_proof_that_never_ends_is_told_is_not_killed_and_is_let_go_when_it_ends_after_all(watchdog):
    children = Children(watchdog.progress, HELD)
    children.start("nlp/run-7", "p1", {"deed": "prove"}, 0.0)
    (work,) = children._work
    try:
        assert until(lambda: stopped(work.process.pid))
        assert watchdog.fed_at(500.0)
        assert watchdog.told == []  # a large checkpoint takes its time
        assert watchdog.fed_at(ABANDONED - 1)
        assert "the proof of the checkpoint of nlp/run-7" in watchdog.told[0]
        ((_, answer),) = children.ended("nlp/run-7", ABANDONED + 1)
        assert answer["detail"] == "it did not end in time"
        assert work.process.poll() is None
        assert watchdog.fed_at(2 * ABANDONED)
        assert len(watchdog.told) == 1
    finally:
        os.kill(work.process.pid, signal.SIGCONT)
    assert until(lambda: children.ended("nlp/run-7", 3 * ABANDONED) == [] and not children._abandoned)
    assert watchdog.progress.late(4 * ABANDONED) == {}


def test_a_task_and_an_answer_larger_than_a_pipe_hold_up_nobody():
    echo = "import json, sys; print(json.dumps({'long': 'y' * 300_000, 'got': len(json.load(sys.stdin)['more'])}))"
    children = Children(code=echo)
    held = Children(code=HELD)
    began = time.monotonic()
    held.start("r", "", {"deed": SURVEY, "more": "x" * 3_000_000}, 0.0)
    assert time.monotonic() - began < PATIENCE
    held._work[0].process.kill()
    children.start("r", "", {"deed": SURVEY, "more": "x" * 3_000_000}, 0.0)
    answers = []
    assert until(lambda: answers.extend(children.ended("r", 1.0)) or answers)
    assert answers[0][1]["got"] == 3_000_000
    assert until(lambda: held.ended("r", 1.0))


def test_a_stopped_delivery_child_is_ended_at_its_deadline_long_before_its_promise(watchdog):
    one = Sending("slack", lambda: None, (sys.executable, "-c", HELD))
    one.start(7, {}, 0.0)
    watchdog.progress.began("sender slack", 0.0, PROMISED)
    assert until(lambda: stopped(one.pid))
    n, answer = one.collect(DEADLINE)
    assert (n, answer.code) == (7, Code.TIMEOUT)
    assert watchdog.fed_at(DEADLINE)
    assert watchdog.told == []


def stopped(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


# --- the NVML child --------------------------------------------------------------------------------------------------


@pytest.fixture
def machinery(tmp_path, watchdog):
    driver = Driver(tmp_path, None, 2)
    host = Machinery(Settings(gpu=Gpu(enabled=True), host=Host(enabled=False)), "host:h", "h", watchdog.progress)
    keeper = host.machine.gpu.keeper = Keeper(
        0.03, 0.06, command=plain_nvml.command(driver.state), deadline=0.3, quiet=0.5
    )
    host.driver = driver
    yield host
    hung = [each.child.process for each in keeper.hanging] + [child.process for child, _ in keeper.leaving]
    for process in hung:
        process.kill()
    host.machine.close()
    for process in hung:
        process.wait()


def turns(machinery, condition):
    def turn():
        list(machinery.machine.read(time.time()))
        machinery._report(machinery.machine)
        return condition()

    return until(turn)


def test_a_hung_nvml_child_is_named_and_neither_starves_the_watchdog_nor_is_told_twice(machinery, watchdog):
    gpu = machinery.machine.gpu
    assert turns(machinery, lambda: gpu.samples > 2)
    machinery.driver.set(**{"gpu.1.hang.nvmlDeviceGetPowerUsage": 1})
    assert turns(machinery, lambda: watchdog.progress.late(time.monotonic()))
    (name,) = watchdog.progress.late(time.monotonic())
    assert name == f"NVML child (pid {gpu.keeper.hanging[0].child.process.pid}) in nvmlDeviceGetPowerUsage of GPU 1"
    assert watchdog.progress.late(time.monotonic())[name].then is Then.LOG
    assert watchdog.fed_at(time.monotonic())
    assert name in watchdog.lines[-1]
    assert watchdog.told == []  # the rule on a GPU that does not answer tells of it
    machinery.driver.clear("gpu.1.hang.nvmlDeviceGetPowerUsage")
    assert turns(machinery, lambda: not watchdog.progress.late(time.monotonic()))


def test_an_nvml_child_that_somebody_stopped_is_replaced_and_the_readings_go_on(machinery):
    gpu = machinery.machine.gpu
    assert turns(machinery, lambda: gpu.samples > 2)
    first = gpu.keeper.child.process.pid
    os.kill(first, signal.SIGSTOP)
    assert turns(machinery, lambda: gpu.keeper.child is not None and gpu.keeper.child.process.pid != first)
    seen = gpu.samples
    assert turns(machinery, lambda: gpu.samples > seen + 2)
    os.kill(first, signal.SIGCONT)
    assert turns(machinery, lambda: not gpu.keeper.leaving)
