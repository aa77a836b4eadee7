"""A daemon reduced to its stopping: python stopping_driver.py FOLDER STATE DIE_AT CHANNELS SECONDS HUNG."""

import os
import signal
import sqlite3
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from sentinel.core.records import Action, Severity
from sentinel.core.stopping_plan import Deed
from sentinel.core.stopping_world import Level, Limits, Mode, People, RunView, Sign, Tally, World
from sentinel.daemon.stopping import Place, Stopping
from sentinel.keep import plans
from sentinel.outlets.hands.consent import write_consent

folder, state = Path(sys.argv[1]), Path(sys.argv[2])
die_at, channels, seconds = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
state.mkdir(exist_ok=True)
connection = sqlite3.connect(state / "plans.db", isolation_level=None)
connection.execute("PRAGMA synchronous=FULL")
connection.executescript(plans.SCHEMA)
steps = 0
last = None
LIMITS = Limits(
    surveyed=6, grace=0.5, settle=0, lasting=0, save_wait=5, exit_wait=3, still=0.5, quiet_after=0.5, rehearsals=0
)


def step():
    """One more step has been taken; perhaps it is the one to die at."""
    global steps
    steps += 1
    if steps == die_at:
        os.kill(os.getpid(), signal.SIGKILL)


class Paper:
    connection = connection

    @contextmanager
    def turn(self):
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        if changed():
            step()
        connection.execute("COMMIT")
        if changed(forget=True):
            step()


def changed(forget=False):
    """Whether the plan in the store is another than at the last turn."""
    global last
    now = [(p.stage, tuple((s.deed, s.ended) for s in p.steps)) for p in plans.plans_of(connection, "nlp:run")]
    moved = now != last
    if forget:
        last = now
    return moved


def tell(plan, deed, _world):
    marker = state / "announced"
    if deed is Deed.ANNOUNCE and channels:
        marker.write_text(str(time.monotonic()))
    return True


def world():
    now = time.monotonic()
    marker = state / "announced"
    announced = float(marker.read_text()) if marker.exists() and marker.read_text() else None
    sign = Sign(
        "numerics/x", "x", "f", Action.STOP, 0.9, Severity.CRITICAL, 0.0, terminal=True, files=frozenset({"train.log"})
    )
    owner = folder.stat().st_uid
    return World(
        now, "boot", 0.0, Mode.ARMED, Level.STOP, LIMITS,
        RunView("nlp:run", "run", "nlp", owner, warm=True, began=0.0, newest=now, left=100.0), (sign,),
        people=People(announced=announced, channels=channels), tally=Tally(matching=1, runs=1),
    )  # fmt: skip


write_consent(folder, Level.STOP)
stopping = Stopping(state, Paper(), tell, lambda: f"p{len(plans.plans_of(connection, 'nlp:run'))}", lambda *_: None)
place = Place(str(folder), folder.stat().st_uid, files=("train.log",))
end = time.monotonic() + seconds
while time.monotonic() < end:
    plan = stopping.turn(world(), place, time.time())
    if plan is not None and not plan.open and all(s.ended for s in plan.steps):
        sys.exit(0)
    time.sleep(0.05)
print(plans.plans_of(connection, "nlp:run"))
sys.exit(3)
