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
