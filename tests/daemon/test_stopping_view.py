"""What the stop plan sees of the daemon: sleepers that may be doomed, and time in which nobody looked."""

from types import SimpleNamespace

import pytest

from sentinel.core.stopping_world import Mode
from sentinel.daemon.settings import Watch
from sentinel.daemon.stopping_view import AWAY, View


class Engine:
    def __init__(self, **sleepers):
        self.runs, self.woken = {}, []
        self.sleepers = SimpleNamespace(runs=sleepers)

    def awake(self, key):
        self.woken.append(key)


def asleep(watch, firing=1, over=""):
    return SimpleNamespace(info=SimpleNamespace(watch=watch), firing=firing, over=over)


def view(engine, clock=None, mode=Mode.ARMED):
    watches = {"w": Watch(name="w", runs="/x/*", stop="stop"), "tells": Watch(name="tells", runs="/y/*")}
    return View(engine, clock, "boot", 0.0, None, mode, watches=watches)


@pytest.mark.parametrize(("mode", "woken"), [(Mode.OFF, []), (Mode.REHEARSE, ["doomed"]), (Mode.ARMED, ["doomed"])])
def test_a_run_that_sleeps_with_something_firing_is_woken_where_it_may_be_stopped(mode, woken):
    engine = Engine(doomed=asleep("w"), calm=asleep("w", 0), over=asleep("w", 1, "ended"), other=asleep("tells"))
    view(engine, mode=mode).rouse()
    assert engine.woken == woken


def test_after_a_sleep_of_the_machine_sentinel_counts_as_just_started():
    now = [100.0]
    seen = view(Engine(), SimpleNamespace(steady=lambda: now[0]))
    for now[0] in (100.0, 101.0, 101.0 + AWAY):
        seen.look()
        assert seen.started == 0.0
    now[0] += AWAY + 1
    seen.look()
    assert seen.started == now[0]
