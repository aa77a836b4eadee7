"""Who worked for which run is remembered over restarts, each process for the run that wrote while it lived."""

import os
from types import SimpleNamespace

from sentinel.daemon.stopping_workers import SEVERAL, Workers
from sentinel.keep import plans
from sentinel.keep.store import Store

TICKS = os.sysconf("SC_CLK_TCK")


def looked(store, runs, attached, steady=1000.0):
    engine = SimpleNamespace(
        runs={key: SimpleNamespace(run=SimpleNamespace(grew=grew)) for key, grew in runs.items()},
        keys=lambda: {"w:/a": "w:/a#2"} if "w:/a#2" in runs else {},
    )
    clock = SimpleNamespace(steady=lambda: steady, wall=lambda: steady + 5000.0)
    Workers(store, engine, clock, "boot", lambda: attached).look()
    return plans.processes_by_run(store.connection, "boot")


def test_a_process_is_written_down_for_its_run_and_stays_so(tmp_path):
    store = Store(tmp_path, [plans.SCHEMA])
    pid = (7, 100 * TICKS)
    assert looked(store, {"w:/a": 5900.0}, {"w:/a": {pid}, SEVERAL: {(9, 1)}}) == {"w:/a": {pid}, SEVERAL: {(9, 1)}}
    store.close()
    store = Store(tmp_path, [plans.SCHEMA])
    assert looked(store, {}, {}) == {"w:/a": {pid}, SEVERAL: {(9, 1)}}
    assert plans.processes_by_run(store.connection, "another boot") == {}
    store.close()


def test_a_process_that_began_after_the_last_word_of_a_run_did_not_work_for_it(tmp_path):
    store = Store(tmp_path, [plans.SCHEMA])
    assert (
        looked(store, {"w:/a": 5900.0}, {"w:/a": {(8, 950 * TICKS)}}) == {}
    )  # it wrote last at 900 of the steady clock
    assert looked(store, {"w:/a#2": 5990.0}, {"w:/a": {(8, 950 * TICKS)}}) == {"w:/a#2": {(8, 950 * TICKS)}}
    store.close()


def left(store, restarted, over="", boot="boot"):
    run = SimpleNamespace(info=SimpleNamespace(folder="/a"), files=("log",))
    engine = SimpleNamespace(
        runs={"w:/a": SimpleNamespace(run=run, over=over)},
        keys=lambda: {"w:/a": "w:/a"},
        sleepers=SimpleNamespace(runs={}),
    )
    clock = SimpleNamespace(steady=lambda: 0.0, wall=lambda: 5000.0)
    workers = Workers(store, engine, clock, boot, dict)
    return {source: (each.pids, each.restarted) for source, each in workers.left_behind(restarted)}


def test_runs_that_were_going_are_known_over_a_restart_of_sentinel_and_of_the_machine(tmp_path):
    store = Store(tmp_path, [plans.SCHEMA])
    looked(store, {"w:/a": 5900.0}, {"w:/a": {(7, 100 * TICKS)}})
    assert left(store, 4000.0) == {"w:/a": (frozenset({(7, 100 * TICKS)}), None)}
    assert left(store, 4000.0, boot="the next") == {"w:/a": (frozenset(), 4000.0)}
    assert left(store, None, boot="the next") == {}  # the state may have come from another machine
    assert left(store, 4000.0, over="ended", boot="the next") == {}
    store.close()


def test_processes_of_boots_before_are_forgotten_once_their_ends_were_told(tmp_path):
    store = Store(tmp_path, [plans.SCHEMA])
    looked(store, {"w:/a": 5900.0}, {"w:/a": {(7, 100 * TICKS)}})
    now = [0.0]
    engine = SimpleNamespace(runs={}, keys=dict, sleepers=SimpleNamespace(runs={}))
    workers = Workers(store, engine, SimpleNamespace(steady=lambda: now[0], wall=lambda: 0.0), "the next", dict)
    workers.look()
    assert plans.processes_before(store.connection, "the next") == {"w:/a": {(7, 100 * TICKS)}}
    now[0] = 61.0
    workers.look()
    assert plans.processes_before(store.connection, "the next") == {}
    store.close()
