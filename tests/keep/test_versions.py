"""One state, several versions of Sentinel: what each promises the others (upgrade, rollback, and upgrade again)."""

import json
import sqlite3

import pytest

from sentinel.core.records import RunInfo
from sentinel.core.stopping_plan import Plan, Stage
from sentinel.core.stopping_world import Level
from sentinel.core.telling_words import Saying, Scope, Word
from sentinel.daemon.assembly import store_in
from sentinel.keep import first_seen, opening, outbox, plans, words
from sentinel.keep.opening import VERSION
from sentinel.keep.store import Snapshot, Store
from sentinel.keep.words import Words

# The form of state version 1. A line may gain nothing, lose nothing and change nothing without another VERSION and a step
# in MIGRATIONS; a table of its own may be added freely.
FORM = {
    "runs": "key source info found_at over over_at listed",
    "snapshots": "run at data bookmarks",
    "briefs": "run brief",
    "wakings": "run waking rules",
    "alerts": "id run rule instance n phase change opened_at closed_at",
    "effects": "run rule instance n phase kind alert made_at",
    "meta": "key value",
    "deliveries": "n id channel topic kind letter made since due attempts state code detail done",
    "telling": "channel sort key body",
    "threads": "channel topic message at",
    "taken": "key at",
    "words": "n saying scope target who at until why over run rule fingerprint",
    "plans": "id run watch lead fingerprint stage rehearsal entered wall called plan",
    "carried": "boot run pid start",
}
ALL = [outbox.SCHEMA, words.SCHEMA, plans.SCHEMA, first_seen.SCHEMA]


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "state", ALL)
    yield opened
    opened.close()


def said(store):
    return [(word.saying, word.target) for word in Words(store).standing().words]


def word(saying, target, over=None):
    return Word(0, saying, Scope.RUN, target, "ana", 10.0, over=over)


def test_the_form_of_every_table_is_what_the_state_version_promises(store):
    assert VERSION == 1, "write the new form down here and test the way to it from the one above"
    for table, columns in FORM.items():
        found = " ".join(row["name"] for row in store.connection.execute(f"PRAGMA table_info({table})"))
        assert found == columns, table


def test_fields_that_only_a_newer_version_knows_are_left_out(store):
    info = RunInfo("t/a", "a", "/runs/a", "t")
    plan = Plan("p1", "t/a", "t", "s/r", "f", 1, Level.STOP, True, "boot", 1.0, entered=1.0)
    with store.turn() as connection:
        store.save_run(Snapshot(info, "t/a", 10.0, {}, {}, ""))
        store.list_run(RunInfo("t/b", "b", "/runs/b", "t", fresh=False), 10.0)
        plans.write_plan(connection, plan, 10.0)
        for table, column in (("runs", "info"), ("plans", "plan")):
            connection.execute(f"UPDATE {table} SET {column} = json_set({column}, '$.tomorrow', json('[1]'))")
    assert [snapshot.info for snapshot in store.snapshots()] == [info]
    assert [listed.name for listed in store.listed()] == ["b"]
    assert plans.plans_of(store.connection, "t/a") == [plan]
    assert plans.open_plans(store.connection)[0].stage is Stage.EVIDENCE


def test_a_sort_of_word_that_only_a_newer_version_knows_is_left_for_it(store):
    Words(store).say(word(Saying.KEEP, "t/a"))
    store.connection.execute(
        "INSERT INTO words (saying, scope, target, who, at) VALUES ('bless', 'run', 't/b', 'ana', 1)"
    )
    assert said(store) == [(Saying.KEEP, "t/a")]
    assert store.connection.execute("SELECT count(*) FROM words").fetchone()[0] == 2


def test_what_an_older_version_wrote_of_a_sleeping_run_does_not_outlive_the_run_s_own_record(store):
    """A version that knew no briefs leaves them standing: they would show a run as it was before."""
    with store.turn() as connection:
        store.save_run(Snapshot(RunInfo("t/a", "a", "", "t"), "t/a", 10.0, {"step": 1}, {}, "", ["", "fine"]))
        store.save_wakings([("t/a", [60.0, True], "mark")])
        assert [(kept.brief, kept.waking, kept.waking_by) for kept in store.snapshots()] == [
            (["", "fine"], [60.0, True], "mark")
        ]
        rows = connection.execute("SELECT data, bookmarks FROM snapshots").fetchone()
        connection.execute("INSERT OR REPLACE INTO snapshots VALUES ('t/a', 20.0, ?, ?)", tuple(rows))
        (snapshot,) = store.snapshots()
    assert (snapshot.brief, snapshot.data, snapshot.waking, snapshot.waking_by) == (None, {"step": 1}, None, "")


# --- another form ----------------------------------------------------------------------------------------------------


@pytest.fixture
def next_version(monkeypatch):
    """A Sentinel whose state has another form."""

    def become(step="ALTER TABLE meta ADD COLUMN since REAL"):
        monkeypatch.setattr(opening, "VERSION", VERSION + 1)
        monkeypatch.setitem(opening.MIGRATIONS, VERSION, step)

    return become


def older(folder):
    """A state of this version as a crash leaves it: the last turns stand in the log beside the file."""
    store = Store(folder, ALL)
    with store.turn():
        store.remember("said", "yes")
    copy = folder.with_name("crashed")
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    store.close()
    return copy


def read(path, query):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def test_an_older_state_is_copied_whole_and_taken_along(tmp_path, next_version):
    folder = older(tmp_path / "state")
    next_version()
    store = Store(folder, ALL)
    assert store.recall("said") == "yes"
    assert "since" in {row["name"] for row in store.connection.execute("PRAGMA table_info(meta)")}
    assert "taken along from version 1 to 2" in store.told[0]
    copy = folder / f"sentinel.before-v{VERSION + 1}.db"
    assert str(copy) in store.told[0]
    assert read(copy, "SELECT value FROM meta WHERE key = 'said'") == [("yes",)]
    assert read(copy, "PRAGMA user_version") == [(VERSION,)]
    assert copy.stat().st_mode & 0o777 == 0o600
    store.close()
    again = Store(folder, ALL)
    assert again.told == []
    again.close()


def test_of_the_copies_of_older_states_the_newest_two_are_kept_and_no_other_file_goes(tmp_path, next_version):
    folder = older(tmp_path / "state")
    others = ["sentinel.before-v1.db", "sentinel.before-vacation.db", "sentinel.corrupt-1"]
    for name in (*others, "sentinel.before-v0.db"):
        (folder / name).write_text("kept")
    next_version()
    Store(folder, ALL).close()
    left = {path.name for path in folder.iterdir()}
    assert {*others, f"sentinel.before-v{VERSION + 1}.db"} <= left
    assert "sentinel.before-v0.db" not in left


def test_a_step_that_fails_leaves_the_older_state_as_it_was(tmp_path, next_version):
    folder = older(tmp_path / "state")
    next_version("ALTER TABLE meta ADD COLUMN since REAL; INSERT INTO nowhere VALUES (1)")
    store = Store(folder, ALL)
    assert not store.on_disk
    assert "no such table: nowhere" in store.told[0]
    store.close()
    assert read(folder / "sentinel.db", "PRAGMA user_version") == [(VERSION,)]
    assert len(read(folder / "sentinel.db", "PRAGMA table_info(meta)")) == 2


def test_back_to_the_older_version_it_says_what_to_do_and_words_go_both_ways(tmp_path, next_version, monkeypatch):
    state = tmp_path / "state"
    with monkeypatch.context():
        next_version()
        first = store_in(state)
        Words(first).say(word(Saying.KEEP, "t/a"))
        first.close()
    monkeypatch.undo()
    back = store_in(state)
    assert said(back) == [(Saying.KEEP, "t/a")]
    told = back.told[0]
    assert "newer Sentinel (state version 2)" in told
    assert f"mv {state}/sentinel.before-v2.db {state}/sentinel.db" in told
    Words(back).say(word(Saying.MUTE, "t/b"))
    back.close()
    next_version()
    for _ in range(2):
        again = store_in(state)
        assert said(again) == [(Saying.KEEP, "t/a"), (Saying.MUTE, "t/b")]
        assert again.told == []
        again.close()


def test_what_the_advice_says_brings_the_older_state_back(tmp_path, next_version, monkeypatch):
    folder = older(tmp_path / "state")
    next_version()
    Store(folder, ALL).close()
    monkeypatch.undo()
    for companion in ("sentinel.db-wal", "sentinel.db-shm"):
        (folder / companion).unlink(missing_ok=True)
    (folder / f"sentinel.before-v{VERSION + 1}.db").rename(folder / "sentinel.db")
    store = Store(folder, ALL)
    assert (store.recall("said"), store.told) == ("yes", [])
    store.close()


def test_a_letter_with_fields_of_tomorrow_is_still_sent(store):
    from sentinel.core.telling_letter import Letter, Occasion, letter_from, letter_json

    letter = Letter(Occasion.NOTE, 1.0, "h", head="x")
    thing = json.loads(json.dumps(letter_json(letter))) | {"tomorrow": 1}
    assert letter_from(thing) == letter
