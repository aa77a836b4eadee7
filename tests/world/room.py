"""One machine under the engine with all shipped rules: scripted GPUs, real processes, real logs, and time by hand.

A step asks the NVML child for a sample at once and moves the engine's time by what the test says; nothing sleeps.
"""

import os
import select
import subprocess
import time
from functools import cache

from sentinel.core.engine import Engine
from sentinel.core.records import EffectKind
from sentinel.core.telling_letter import Letter, Occasion
from sentinel.daemon.books import open_books
from sentinel.daemon.machines import Meetings, host_run
from sentinel.daemon.stories import story_of
from sentinel.outlets.words import wording
from sentinel.sources.gpu.source import GpuSource
from sentinel.sources.host.source import HostSource
from sentinel.sources.kernel import KernelLog
from sentinel.sources.machine import Machine
from sentinel.sources.mounts import mounts
from sentinel.sources.plan import WatchPlan
from sentinel.sources.processes.source import ProcessSource
from sentinel.sources.watcher import Watcher
from tests.world.waiting import PATIENCE

NAME = "gpu-box"
HOST = f"host:{NAME}"
ON_DEMAND = 3600.0  # the child polls when it is asked
HEALTH = 60.0


@cache
def books():
    return open_books([])


class Room:
    """What stands in it: `driver` says what the GPUs show, `start` puts a training on them."""

    def __init__(self, folder, keeper, driver=None, proc=None, *, name=NAME, processes="/proc", mounted=mounts):
        self.folder, self.driver, self.name, host = folder, driver, name, f"host:{name}"
        self.runs = folder / "runs"
        self.runs.mkdir(exist_ok=True)
        self.kmsg = folder / "kmsg"
        self.kmsg.write_text("")
        self.now, self.health_at = time.time(), 0.0
        self.children, self.logs, self.changes, self.seen = [], {}, [], []
        self.engine = Engine(books().book, books().names, name)
        self.engine.feed([host_run(host, name, self.now)])
        self.gpu = GpuSource(keeper, host)
        self.machine = Machine(
            host,
            self.gpu,
            ProcessSource(host, 15.0, root=str(processes)),
            HostSource(host, 15.0, root=str(proc or "/proc")),
            KernelLog(str(self.kmsg)),
        )
        plan = WatchPlan("nlp", runs=f"{self.runs}/*")
        self.watcher = Watcher([plan], books().names, host=name, mounted=mounted)
        self.meetings = Meetings()

    # --- trainings -----------------------------------------------------------------------------------------------

    def start(self, run, rank=None, world=1, command=("sleep", "600")):
        """A process that holds its log open and does nothing; what it "prints" comes by `print`."""
        log = self.runs / run / ("train.log" if rank is None else f"rank{rank}.log")
        log.parent.mkdir(exist_ok=True)
        more = {} if rank is None else {"RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_PORT": f"{os.getpid()}"}
        with log.open("a") as out:
            child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env={**os.environ, **more})
        self.children.append(child)
        self.logs.setdefault(run, []).append(log)
        return child

    def start_alone(self, command, **more):
        """A process that belongs to no watched folder."""
        output = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | more
        self.children.append(subprocess.Popen(command, cwd=self.folder, **output))
        return self.children[-1]

    def bus(self, gpu):
        """A GPU's PCI address as the kernel log writes it, without the domain."""
        _, bus, device = self.gpu.gpus[str(gpu)].bus
        return f"{bus:02x}:{device:02x}"

    def print(self, run, step, loss=None):
        """One line of progress in every log of the run."""
        for log in self.logs[run]:
            with log.open("a") as out:
                out.write(f"step={step} loss={loss if loss is not None else 2.0 / (1 + step / 50):.4f}\n")

    def put_on(self, gpus):
        """Which process computes on which GPU: {0: child, ...}."""
        self.driver.set(**{f"gpu.{gpu}.procs": f"{child.pid}:30000" for gpu, child in gpus.items()})

    # --- time ----------------------------------------------------------------------------------------------------

    def step(self, seconds=5.0):
        """Time moves on, and everybody is asked once."""
        self.now += seconds
        self._take(self.watcher)
        before = self.gpu.samples
        health = self.now >= self.health_at
        self.health_at = self.now + HEALTH if health else self.health_at
        self.gpu.keeper.ask(health)
        end = time.monotonic() + PATIENCE
        while True:
            self._take(self.machine)
            child = self.gpu.keeper.child
            if self.gpu.samples > before or self.gpu.cannot or time.monotonic() > end:
                break
            if child is not None:
                select.select([child.process.stdout], [], [], 0.02)
        self._note(self.engine.tick(self.now))
        self.meetings.keep(self.machine, self.engine, self.now)

    def pass_time(self, seconds, step=5.0, every=None):
        """Many steps; `every(n)` is called before each."""
        for n in range(int(seconds / step)):
            if every is not None:
                every(n)
            self.step(step)

    def until(self, seen, step=5.0, most=400):
        for _ in range(most):
            if seen():
                return
            self.step(step)
        raise AssertionError((self.told(), self.machine.trouble()))

    def _take(self, source):
        for batch in source.read(self.now):
            self.seen.append(batch)
            self._note(self.engine.feed([batch]))

    def _note(self, effects):
        self.changes += [effect.change for effect in effects if effect.kind is EffectKind.TELL]
        assert not self.engine.bugs, self.engine.bugs

    # --- what was told -------------------------------------------------------------------------------------------

    def fired(self, rule=""):
        """Alerts that began to fire in the light, of one rule or of all."""
        lit = [c for c in self.changes if c.reason in ("fired", "came to light") and c.hidden_by is None]
        return [c for c in lit if not rule or f"{c.signature}/{c.rule}" == rule]

    def lit(self):
        """What fires now and is hidden by nothing."""
        return {bound.rule.key for watched in self.engine.runs.values() for bound in watched.firing()}

    def told(self):
        return [(f"{c.signature}/{c.rule}", c.run_name, c.instance) for c in self.fired()]

    def close(self):
        keeper = self.gpu.keeper
        held = [*(h.child for h in keeper.hanging), *(child for child, _ in keeper.leaving), keeper.child]
        try:
            self.watcher.close()
            self.machine.close()
        finally:
            for process in [*(child.process for child in held if child), *self.children]:
                process.kill()
                process.wait()


def text_of(room, change):
    """All that a person reads of an alert: head, finding, what to try, where."""
    said = wording(Letter(Occasion.NEW, room.now, NAME, change, story_of(room.engine, change)), None)
    return "\n".join((said.head, said.finding, *said.attempts, *said.place))


def head_of(room, change):
    """The title: what a locked phone shows."""
    return wording(Letter(Occasion.NEW, room.now, NAME, change, story_of(room.engine, change)), None).head
