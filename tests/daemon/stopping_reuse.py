"""The kernel gives a run's pid to an innocent stranger: python -m tests.daemon.stopping_reuse FOLDER STAGE STRANGER RESTART.

It runs as the first process of a pid namespace of its own (`unshare --pid --fork --mount-proc`), where the next pid can be
chosen without disturbing anybody. It prints one line of JSON: what became of the plan, the run and the stranger.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sentinel.core.stopping_plan import Stage
from sentinel.core.stopping_world import Level
from tests.daemon.stopping_night import TRAININGS, Night
from tests.world.waiting import awaited

NEXT = Path("/proc/sys/kernel/ns_last_pid")
# stage -> how the training behaves, how far its owner allows, the grace, whether people can be told yet
CASES = {
    Stage.ANNOUNCED: ("handler,early", Level.KILL, "60s", False),
    Stage.GRACE: ("handler,early", Level.KILL, "60s", True),
    Stage.ASKED: ("handler,early,slow,fresh", Level.KILL, "1s", True),
    Stage.VERIFIED: ("early", Level.KILL, "1s", True),
}


# It holds the log of the very run open and has written nothing yet, as a training does while it imports.
HEIR = """import signal, sys, time
log = open(sys.argv[1] + "/train.log", "a")
signal.signal(signal.SIGTERM, lambda *_: print("TERM", flush=True))
time.sleep(1000)
"""


def main(folder, stage, kind, restart):
    """One night, its reuse, and what came of it."""
    mode, level, grace, reachable = CASES[Stage(stage)]
    os.environ["SAVE_TAKES"] = "600"
    night = Night(Path(folder), grace=grace, host=True, waits={"save_wait": 30.0, "quiet_after": 4.0})
    night.deaf = not reachable
    try:
        print(json.dumps(told_of(night, Stage(stage), kind, (mode, level), bool(int(restart)))), flush=True)
    finally:
        night.close()


def told_of(night, stage, kind, how, restart):
    """The run is doomed; at that stage its process goes and another one gets its pid."""
    night.train("a", how[0], consent=how[1])
    victim = night.trainings["a"]
    daemon = night.watch()
    awaited(lambda: standing(night) is stage, 120, lambda: night.story("a"))
    awaited(lambda: stage not in (Stage.ASKED, Stage.VERIFIED) or night.signals("a"), 120, lambda: night.story("a"))
    awaited(lambda: holds_a_pidfd(daemon.pid), 120, lambda: "the daemon has not pinned its processes")
    if restart:
        daemon.kill()
        daemon.wait()
    if stage is not Stage.VERIFIED:  # there it has ended by itself, of the signal
        victim.kill()
    victim.wait()
    stranger = born_as(victim.pid, night, STRANGERS[kind](night))
    if restart:
        night.watch()
    before = night.signals("a")
    night.deaf = False
    plan = night.ended("a", 90)
    awaited(lambda: any(plan.why[:20] in str(message) for message in night.told), 120, lambda: night.story("a"))
    time.sleep(2.0)
    return {
        "stage": plan.stage.value, "why": plan.why, "pid": victim.pid, "stranger": stranger.pid, "code": stranger.poll(),
        "said": Path(night.folder, "b.out").read_text(), "saved": Path(night.folder, "runs/b/ckpt.pt").exists(),
        "before": before, "after": night.signals("a"), "plans": len(night.plans("a")),
        "strangers_plans": len(night.plans("b")),
    }  # fmt: skip


def holds_a_pidfd(pid):
    """Whether a process pins others."""
    handles = Path("/proc", str(pid), "fd").iterdir()
    return any("pidfd" in os.readlink(handle) for handle in handles if os.path.lexists(handle))


def standing(night):
    """Where the run's plan stands now."""
    return found[-1].stage if (found := night.plans("a")) else None


def healthy(night):
    """The same program, handler, user, watch and consent, for another run."""
    folder = night.folder / "runs" / "b"
    folder.mkdir()
    (folder / "config.yaml").write_text("max_steps: 100000000\n")
    (folder / "RECOVER").touch()
    (folder / ".sentinel-allow").write_text("level: kill\n")
    return [sys.executable, str(TRAININGS / "plain.py"), str(folder), "handler,recovers"]


def heir(night):
    """The owner starts his run again in the same folder."""
    return [sys.executable, "-c", HEIR, str(night.folder / "runs" / "a")]


STRANGERS = {"healthy": healthy, "heir": heir}


def born_as(pid, night, command):
    """Start it until it has that very pid."""
    for _ in range(200):
        NEXT.write_text(str(pid - 1))
        with (night.folder / "b.out").open("w") as out:
            process = subprocess.Popen(command, cwd=night.folder, stdout=out, stderr=out, start_new_session=True)
        night.processes.append(process)
        if process.pid == pid:
            night.trainings["b"] = process
            return process
        process.kill()  # a child of the daemon was faster
        process.wait()
    raise AssertionError("the pid could not be had")


def as_init(work):
    """Do the work in a child and bury whoever is left to the first process of a namespace."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as trouble:
            print(trouble, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    while True:
        pid, status = os.wait()
        if pid == child:
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    signal.alarm(300)
    as_init(lambda: main(*sys.argv[1:]))
