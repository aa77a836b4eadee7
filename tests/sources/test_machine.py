"""The machine as one source: real processes on a pure-Python driver, and a kernel log that is a file."""

import os
import subprocess
import sys
import time

import pytest

from sentinel.core.records import Fact, Found, Over, Row
from sentinel.sources.gpu.keeper import Keeper
from sentinel.sources.gpu.source import GpuSource
from sentinel.sources.kernel import KernelLog
from sentinel.sources.machine import Machine, Watched
from sentinel.sources.processes.attach import KnownRun
from sentinel.sources.processes.process import FileId
from sentinel.sources.processes.source import ProcessSource
from tests.world import plain_nvml
from tests.world.fake_nvml import Driver
from tests.world.waiting import PATIENCE

HOST = "host:here"
WRITER = "import sys, time; f = open(sys.argv[1], 'a'); f.write('x\\n'); f.flush(); time.sleep(60)"


class World:
    """One machine with ranks that write a log each, and what it handed in."""

    def __init__(self, folder):
        self.folder, self.children, self.items, self.now = folder, [], [], 0.0
        self.kmsg = folder / "kmsg"
        self.kmsg.write_text("")
        self.driver = Driver(folder, folder / "none", 2)
        keeper = Keeper(0.05, 0.1, command=plain_nvml.command(self.driver.state))
        self.machine = Machine(
            HOST, GpuSource(keeper, HOST), ProcessSource(HOST, 1.0), kernel=KernelLog(str(self.kmsg))
        )

    def start(self, rank):
        log = self.folder / f"rank{rank}.log"
        env = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": "29999"}
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(log)], env=env)
        self.children.append(child)
        while not (log.exists() and log.stat().st_size):
            time.sleep(0.01)
        return child, log

    def watch(self, logs, grew):
        ids = frozenset(FileId(found.st_dev, found.st_ino) for found in map(os.stat, logs))
        self.machine.meet([Watched(KnownRun("run", "", ids), grew=grew)])

    def until(self, seen):
        end = time.monotonic() + PATIENCE
        while not seen():
            assert time.monotonic() < end, (self.machine.trouble(), self.items[-6:])
            self.now += 1.0
            for batch in self.machine.read(self.now):
                self.items += [(batch.run, item) for item in batch.items]
            time.sleep(0.02)

    def facts(self, key="run"):
        return {item.name: item.value for run, item in self.items if run == key and isinstance(item, Fact)}

    def kinds(self, kind):
        return [(run, item) for run, item in self.items if isinstance(item, kind)]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.machine.close()
    for child in made.children:
        child.kill()
        child.wait()


def processes_of(world, *children):
    """Who computes on GPU 0 and 1."""
    world.driver.set(
        **{f"gpu.{label}.procs": f"{child.pid}:1000" for label, child in zip("01", children, strict=False)}
    )


def test_a_mixed_hang_names_the_rank_that_is_stopped(world):
    (first, one), (second, two) = world.start(0), world.start(3)
    world.watch([one, two], grew=0.0)
    world.driver.set(**{"gpu.0.util.gpu": 100})
    world.until(lambda: "1" in world.machine.gpu.gpus)
    processes_of(world, first, second)
    second.send_signal(19)
    world.until(lambda: world.facts().get("process.odd", "").startswith("rank 3"))
    assert f"pid {second.pid}" in world.facts()["process.odd"]
    assert "stopped by a signal" in world.facts()["process.odd"]
    assert "rank 0" in world.facts()["process.witness"]
    rows = [row for run, row in world.kinds(Row) if run == "run" and "rank.3.others_util" in row.names]
    assert rows[-1].values[rows[-1].names.index("rank.3.others_util")] == 100
    second.send_signal(18)


def test_readings_of_a_gpu_follow_its_run(world):
    child, log = world.start(0)
    world.watch([log], grew=0.0)
    world.until(lambda: "0" in world.machine.gpu.gpus)
    processes_of(world, child)
    world.until(lambda: any(run == "run" and "gpu.0.util" in row.names for run, row in world.kinds(Row)))


def test_the_kernels_word_about_a_process_goes_to_its_run(world):
    child, log = world.start(0)
    world.watch([log], grew=0.0)
    world.until(lambda: "run" in world.machine.processes.followed)
    with open(world.kmsg, "a") as file:
        file.write(f"Out of memory: Killed process {child.pid} (python) total-vm:1kB\n")
        file.write("nfs: server files.example not responding, still trying\n")
    child.kill()
    child.wait()
    world.until(lambda: any(run == "run" for run, _ in world.kinds(Over)))
    over = next(item for run, item in world.kinds(Over) if run == "run")
    assert (over.how.value, "Out of memory" in over.detail) == ("died", True)
    assert any(run == HOST and row.names == ("kernel.nfs",) for run, row in world.kinds(Row))


def test_a_training_that_no_watch_names_is_found_and_its_end_told(world):
    child, log = world.start(0)
    world.until(lambda: "0" in world.machine.gpu.gpus)
    processes_of(world, child)
    world.until(lambda: world.kinds(Found))
    key, found = world.kinds(Found)[0]
    assert key.startswith(f"pid:{child.pid}:")
    assert found.info.name == f"pid {child.pid} of user {os.getuid()}"
    sentence = next(s for s in world.machine.trouble() if "named by no [[watch]]" in s)
    assert str(log) not in sentence  # paths are its user's alone
    world.until(lambda: any(run == key and "proc.rss_mb" in row.names for run, row in world.kinds(Row)))
    child.send_signal(11)
    child.wait()
    world.until(lambda: any(run == key for run, _ in world.kinds(Over)))


def test_a_training_that_a_watch_names_later_is_that_run_s_from_then_on(world):
    child, log = world.start(0)
    world.until(lambda: "0" in world.machine.gpu.gpus)
    processes_of(world, child)
    world.until(lambda: world.kinds(Found))
    world.watch([log], grew=0.0)
    world.until(lambda: world.kinds(Over))
    key, over = world.kinds(Over)[0]
    assert key.startswith("pid:")
    assert "a watch names now" in over.detail
    world.items.clear()
    world.until(lambda: any(run == "run" and "gpu.0.util" in row.names for run, row in world.kinds(Row)))
    assert not [run for run, row in world.kinds(Row) if run == key]
