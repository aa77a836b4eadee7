"""Runs are written down in small portions, and each portion is paid back with time in which none is."""

from types import SimpleNamespace

from sentinel.core.records import Batch
from sentinel.daemon.snapshots import AT_ONCE, EVERY, LONGEST, Snapshots

KEYS = [f"run-{number:03}" for number in range(3 * AT_ONCE)]


def of_many(written):
    """Snapshots of many runs that were all fed at the start of time."""
    watched = SimpleNamespace(run=SimpleNamespace(info=SimpleNamespace(kind="host")), save=dict, over="")
    sleepers = SimpleNamespace(runs={}, planned=set())
    engine = SimpleNamespace(
        runs=dict.fromkeys(KEYS, watched), keys=lambda: dict(zip(KEYS, KEYS, strict=True)), sleepers=sleepers
    )
    return fed(Snapshots(engine, SimpleNamespace(save_run=written.append), None), 0.0)


def fed(snapshots, now):
    for key in KEYS:
        snapshots.note(Batch(key, ()), now)
    return snapshots


def test_those_that_were_never_written_down_are_so_turn_by_turn():
    snapshots, turns = of_many([]), 0
    while due := snapshots.due((), 0.0):
        assert len(due) <= AT_ONCE
        snapshots.save(due, 0.0)
        turns += 1
    assert (turns, snapshots.all_dirty()) == (3, [])


def test_after_some_were_written_down_again_the_others_wait_until_that_is_paid_back_but_never_for_ever():
    snapshots = of_many([])
    snapshots.save(KEYS, 0.0)
    fed(snapshots, 1.0)
    assert snapshots.due((), EVERY - 1) == []
    first = snapshots.due((), EVERY)
    snapshots.save(first, EVERY)
    assert (len(first), snapshots.due((), EVERY)) == (AT_ONCE, [])
    assert snapshots.due([KEYS[-1]], EVERY) == [KEYS[-1]]  # an alert of it moved
    assert len(snapshots.due((), EVERY + LONGEST)) == AT_ONCE
