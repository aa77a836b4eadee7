"""The store: one turn is one transaction, a key is made once, and no state is ever thrown away."""

import sqlite3

import pytest

from sentinel.core.records import Change, Effect, EffectKey, EffectKind, Phase, RunInfo, Severity
from sentinel.keep.opening import MIGRATIONS, RESERVE_NAME, VERSION
from sentinel.keep.store import ID_LETTERS, Snapshot, Store


def change(n=1, phase=Phase.FIRING, run="runs:a", rule="r"):
    return Change(
        id="", run=run, run_name="a", instance="", host="h", signature="s", family="dynamics", rule=rule,
        severity=Severity.HIGH, doom=0.5, phase=phase, at=1.0, step=1, epoch=None, progress=None, file="train.log", line=1,
        value=1.0, limit=2.0, evidence=(), say="x", n=n, reason="fired" if phase is Phase.FIRING else "cleared",
    )  # fmt: skip


def effect(**kind):
    made = change(**kind)
    return Effect(EffectKind.TELL, EffectKey(made.run, f"s/{made.rule}", "", made.n, made.reason), made)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "state")
    yield opened
    opened.close()


def test_an_effect_is_made_once_and_its_alert_has_one_id_for_life(store):
    with store.turn():
        first = store.record([effect()], 10.0)
        again = store.record([effect()], 11.0)
        cleared = store.record([effect(phase=Phase.CLEAR)], 12.0)
    assert len(first) == 1
    assert again == []
    assert first[0].change.id == cleared[0].change.id
    assert len(first[0].change.id) == 4
    assert set(first[0].change.id) <= set(ID_LETTERS)


def test_an_alert_is_open_until_it_clears(store):
    with store.turn():
        store.record([effect()], 10.0)
    assert [alert["phase"] for alert in store.alerts()] == ["firing"]
    with store.turn():
        store.record([effect(phase=Phase.CLEAR)], 11.0)
    assert store.alerts() == []
    assert [alert["phase"] for alert in store.alerts(open_only=False)] == ["clear"]


def test_a_turn_that_fails_leaves_nothing_behind(store):
    def broken_turn():
        with store.turn():
            store.record([effect()], 10.0)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        broken_turn()
    assert store.alerts() == []


def test_what_was_committed_is_there_after_a_restart(tmp_path):
    store = Store(tmp_path)
    info = RunInfo("runs:a", "a", "/data/a", "runs", {"team": "nlp"})
    with store.turn():
        store.record([effect()], 10.0)
        store.save_run(Snapshot(info, "runs:a", 10.0, {"x": [1.5, float("inf")]}, {"train.log": 7}, ""))
    store.connection.close()
    again = Store(tmp_path)
    (snapshot,) = again.snapshots()
    assert snapshot.info == info
    assert snapshot.data == {"x": [1.5, float("inf")]}
    assert snapshot.bookmarks == {"train.log": 7}
    with again.turn():
        assert again.record([effect()], 20.0) == []
    again.close()


def test_a_newer_state_is_kept_untouched_and_used_beside(tmp_path):
    store = Store(tmp_path)
    store.connection.execute(f"PRAGMA user_version={VERSION + 1}")
    store.close()
    before = (tmp_path / "sentinel.db").read_bytes()
    again = Store(tmp_path)
    assert "newer Sentinel" in again.told[0]
    assert again.newer == tmp_path / "sentinel.db"
    with again.turn():
        assert again.record([effect()], 10.0)
    again.close()
    assert (tmp_path / "sentinel.db").read_bytes() == before


def test_a_corrupt_state_is_set_aside_and_told(tmp_path):
    (tmp_path / "sentinel.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    store = Store(tmp_path)
    assert "corrupt" in store.told[0]
    assert (tmp_path / "sentinel.corrupt-1").exists()
    with store.turn():
        assert store.record([effect()], 10.0)
    store.close()


def test_a_folder_that_takes_nothing_still_lets_alerts_through(tmp_path):
    (tmp_path / "state").write_text("a file where the folder should be")
    store = Store(tmp_path / "state")
    assert not store.on_disk
    assert "takes nothing" in store.told[0]
    with store.turn():
        assert store.record([effect()], 10.0)
    store.close()


def test_a_reserve_is_kept_for_a_full_disk(store):
    assert (store.folder / RESERVE_NAME).stat().st_size == 8 * 1024 * 1024
    assert store.make_room()
    assert not store.make_room()


def test_a_disk_that_fills_up_moves_the_store_into_memory_and_back(store):
    with store.turn():
        store.record([effect()], 10.0)
    store.leave_disk("disk is full")
    with store.turn():
        assert store.record([effect()], 11.0) == []
        assert store.record([effect(rule="other")], 11.0)
    assert store.return_to_disk()
    assert store.on_disk
    assert len(store.alerts()) == 2
    assert isinstance(store.connection, sqlite3.Connection)


def test_every_version_knows_the_way_to_the_next():
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


def test_runs_that_ended_long_ago_are_forgotten_with_all_that_was_theirs(store):
    with store.turn():
        for name, over in (("old", "ended"), ("live", "")):
            info = RunInfo(name, name, "", "runs")
            store.save_run(Snapshot(info, name, 10.0, {}, {}, over))
        assert store.forget_runs(over_before=100.0) == ["old"]
    assert [snapshot.info.name for snapshot in store.snapshots()] == ["live"]
