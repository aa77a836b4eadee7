"""The loop puts quiet runs to sleep once they are written down, wakes them for a row, and forgets what the settings say."""

import sqlite3
from math import inf
from types import SimpleNamespace

import pytest

from sentinel.core.asleep import asleep_from
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, How, Over
from sentinel.core.rule import Rulebook
from sentinel.daemon.assembly import restore
from sentinel.daemon.loop import Daemon
from sentinel.daemon.resting import CROWD
from sentinel.keep import plans
from sentinel.keep.store import Store
from tests.core.toy import INFO, Matches, above, row, rule, silent_for

RULES = (rule("high", above("train.loss", 5)), rule("quiet", silent_for(3600)))


class House:
    """A daemon with a clock that we turn, and one source that says what we put into it."""

    name = "files"
    pending = False

    def __init__(self, folder, rules=RULES):
        self.now, self.items, self.told, self.reading = 1000.0, [], [], set()
        self.store = Store(folder, [plans.SCHEMA])
        self.recalled = []
        engine = Engine(Rulebook(rules, (), Matches()), Names(), "host", self.recall)
        restore(engine, self.store, list(self.store.snapshots()), self.now)
        self.daemon = Daemon(
            clock=SimpleNamespace(wall=lambda: self.now, steady=lambda: self.now),
            waker=SimpleNamespace(wake=lambda: None),
            store=self.store,
            engine=engine,
            sources=[self],
            files=self,
            delivering=SimpleNamespace(take=self.take, turn=lambda now: 1.0, close=lambda seconds: None),
            journal=self.told.append,
        )

    def recall(self, key):
        self.recalled.append(key)
        return self.store.state_of(key)

    def take(self, effects, now):
        self.told += [effect.change.rule for effect in effects]

    def read(self, now):
        items, self.items = self.items, []
        if items:
            yield Batch(INFO.key, tuple(items))

    def trouble(self):
        return []

    def close(self):
        pass

    def bookmarks_of(self, key):
        return {"logs": {}, "at": self.now}

    next_look = inf
    hears_all = True

    def be_patient(self, seconds):
        """Nothing waits."""

    def catching_up(self):
        return self.reading

    def turn(self, seconds, *items):
        self.now += seconds
        self.items = list(items)
        self.daemon.turn()
        return sorted(self.daemon.engine.runs), sorted(self.daemon.engine.sleepers.runs)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "state")
    made.turn(0.0, Found(INFO, 1000.0), row(1.0, 1, at=1000.0))
    yield made
    made.store.close()


AWAKE, ASLEEP = ([INFO.key], []), ([], [INFO.key])


def test_a_run_that_stood_still_for_a_minute_sleeps_and_a_row_wakes_it(house):
    assert house.turn(30.0) == AWAKE
    assert house.turn(31.0) == ASLEEP
    assert house.turn(5.0, row(9.0, 2, at=house.now + 5.0)) == AWAKE
    assert house.told == ["high"]


def test_while_all_runs_sleep_a_turn_may_be_waited_for_longer_unless_somebody_must_go_and_look(house):
    assert house.daemon.longest_wait == 1.0
    house.turn(61.0)
    assert house.daemon.longest_wait == 5.0
    house.hears_all = False
    assert house.daemon.longest_wait == 1.0


def test_memory_is_given_back_after_a_crowd_at_most_once_a_minute_and_for_the_last_of_them_too(house):
    times = []
    resting = house.daemon.resting
    resting.let_go = lambda: times.append(house.now)
    for _ in range(2):
        resting._gone = CROWD
        house.turn(1.0)
    assert times == [1001.0]
    house.turn(58.0)
    house.turn(1.0)
    house.turn(100.0)
    assert times == [1001.0, 1061.0]


def test_a_run_with_long_gaps_is_given_ten_of_them(house):
    house.turn(100.0, row(1.0, 2, at=1100.0))
    assert house.turn(900.0) == AWAKE
    assert house.turn(101.0) == ASLEEP


def test_time_wakes_it_for_what_time_alone_decides_and_it_sleeps_on(house):
    house.turn(61.0)
    assert house.turn(3500.0) == ASLEEP
    house.turn(100.0)
    assert house.told == ["quiet"]
    assert house.turn(10.0) == ASLEEP


def test_no_run_sleeps_while_its_history_is_being_read_or_while_nothing_can_be_written_down(house):
    house.reading = {INFO.key}
    assert house.turn(300.0) == AWAKE
    house.reading = set()
    assert house.turn(10.0) == ASLEEP


def test_a_run_that_is_over_sleeps_at_once_and_is_forgotten_when_the_settings_say_so(house):
    house.turn(10.0, Over(How.ENDED, 1010.0))
    assert house.turn(5.0) == ASLEEP
    house.daemon.snapshots.keep_runs = 7200.0
    house.turn(7200.0)
    assert house.turn(3600.0) == ([], [])
    assert list(house.store.snapshots()) == []
    assert house.store.connection.execute("SELECT count(*) FROM briefs").fetchone()[0] == 0


def test_a_daemon_that_starts_leaves_them_asleep(house, tmp_path):
    house.turn(61.0)
    house.daemon.close()
    again = House(tmp_path / "state")
    assert again.turn(0.0, row(9.0, 2, at=again.now)) == AWAKE
    assert again.told == ["high"]
    again.store.close()


def recalled_in_a_new_life(house, folder, rules=RULES, forget=""):
    house.turn(61.0)
    house.daemon.close()
    again = House(folder, rules)
    if forget:
        again.store.close()
        with sqlite3.connect(folder / "sentinel.db") as state:
            state.execute(forget)
        state.close()
        again = House(folder, rules)
    for _ in range(100):
        again.turn(1.0)
    again.store.close()
    return again.recalled


def test_a_daemon_that_starts_reads_no_state_of_those_whose_time_has_not_come(house, tmp_path):
    assert recalled_in_a_new_life(house, tmp_path / "state") == []


def test_under_other_rules_all_are_looked_through(house, tmp_path):
    others = (*RULES, rule("dead", silent_for(9000)))
    assert recalled_in_a_new_life(house, tmp_path / "state", others) == [INFO.key]


def test_after_a_version_that_kept_no_wakings_all_are_looked_through(house, tmp_path):
    assert recalled_in_a_new_life(house, tmp_path / "state", forget="DELETE FROM wakings") == [INFO.key]


def test_a_waking_goes_with_the_state_that_it_was_found_for(house, tmp_path):
    house.turn(61.0)
    house.turn(60.0)
    counted = "SELECT count(*) FROM wakings"
    assert house.store.connection.execute(counted).fetchone()[0] == 1
    house.turn(5.0, row(9.0, 2, at=house.now + 5.0))
    assert house.store.connection.execute(counted).fetchone()[0] == 0


def test_when_time_wakes_them_is_written_down_with_other_things_or_once_a_minute(house):
    house.turn(61.0)
    before = house.store.connection.total_changes
    house.turn(30.0)
    assert house.store.connection.total_changes == before
    house.turn(31.0)
    assert house.store.connection.total_changes == before + 1


def test_a_brief_of_a_run_that_is_over_never_wakes_it(house):
    house.turn(10.0, Over(How.DIED, 1010.0))
    house.turn(5.0)
    (snapshot,) = house.store.snapshots()
    assert snapshot.data is None
    assert asleep_from(INFO, snapshot.brief, 5.0).waking.at == float("inf")
