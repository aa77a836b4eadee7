"""A quiet run that sleeps costs nothing, and what is decided about it is what would have been decided had it stayed awake."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.asleep import asleep_from
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, How, Mark, MarkKind, Over
from sentinel.core.rule import Rulebook
from tests.core.toy import INFO, Matches, above, feed, row, rule, silent_for, words_of

KEY = INFO.key
RULES = (
    rule("high", above("train.loss", 5), hold="2 readings", keep="2 readings"),
    rule("quiet", silent_for(900), hold="10m"),
    rule("dead", silent_for(7000)),
)


class Bed:
    """An engine, and the store in which its runs sleep."""

    def __init__(self, *rules):
        self.saved = {}
        self.engine = Engine(Rulebook(rules, (), Matches()), Names(), "host", self.saved.__getitem__)
        self.engine.feed([Batch(KEY, (Found(INFO, 0.0),))])

    def nap(self):
        if self.engine.may_sleep(KEY):
            self.saved[KEY] = json.loads(json.dumps(self.engine.save(KEY)))
            self.engine.lay_down(KEY)
        return KEY in self.engine.sleepers.runs


@given(
    st.lists(
        st.tuples(st.sampled_from([1.0, 6.0, 9.0]), st.sampled_from([5.0, 30.0, 300.0, 1000.0, 9000.0]), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_sleep_at_any_point_changes_nothing(life):
    awake, sleepy = Bed(*RULES), Bed(*RULES)
    now = 1000.0
    for step, (value, gap, sleeps) in enumerate(life):
        item = row(value, step, at=now)
        assert words_of(feed(awake.engine, item)) == words_of(feed(sleepy.engine, item))
        if sleeps:
            sleepy.nap()
        end = now + gap
        while now < end:
            now = min(end, now + 40.0)
            moved = [[(e.key, e.change.at) for e in bed.engine.tick(now)] for bed in (awake, sleepy)]
            assert moved[0] == moved[1]


def test_a_run_that_sleeps_is_woken_by_a_row_and_by_the_time_at_which_an_alert_moves_and_by_nothing_else():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    assert bed.nap()
    assert bed.engine.sleepers.runs[KEY].wakes == 2510.0  # silent for 900 s from 1910 on, and held for 10 minutes
    assert bed.engine.tick(2500.0) == []
    assert not bed.engine.runs
    assert [effect.change.rule for effect in bed.engine.tick(2510.0)] == ["quiet"]
    assert KEY in bed.engine.runs
    assert bed.nap()
    feed(bed.engine, row(1.0, 2, at=2600.0))
    assert [effect.change.reason for effect in bed.engine.tick(2610.0)] == ["cleared"]


def test_who_asks_about_a_sleeping_run_learns_how_it_stands_without_waking_it():
    bed = Bed(*RULES)
    feed(bed.engine, row(9.0, 1, at=1000.0), row(9.0, 2, at=1010.0))
    assert bed.nap()
    asleep = bed.engine.sleepers.runs[KEY]
    assert (asleep.firing, asleep.step, asleep.series, asleep.standing(1020.0)) == (1, 2, 1, "look")
    assert bed.engine.infos() == {KEY: INFO}
    assert bed.engine.named("a").run.step == 2
    assert KEY in bed.engine.runs


def test_a_fine_run_that_sleeps_is_silent_after_ten_minutes_and_one_that_is_over_never():
    bed = Bed(rule("high", above("train.loss", 5)))
    feed(bed.engine, row(1.0, 1, at=1000.0))
    bed.nap()
    asleep = bed.engine.sleepers.runs[KEY]
    assert (asleep.standing(1500.0) != "silent", asleep.standing(1601.0)) == (True, "silent")
    bed.engine.feed([Batch(KEY, (Over(How.ENDED, 1700.0),))])
    assert bed.nap()
    assert bed.engine.sleepers.runs[KEY].standing(9000.0) != "silent"
    assert bed.engine.tick(1e9) == []


def test_a_run_that_the_machine_shows_alive_stays_awake():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0), row(1.0, None, at=1300.0, name="proc.cpu", file=""))
    assert not bed.nap()
    bed.engine.tick(1430.0)
    assert bed.nap()


def test_sleep_keeps_what_no_snapshot_holds():
    bed = Bed(*RULES)
    mark = Mark(MarkKind.SAVED, "train.log", 1, 1000.0, "checkpoint-1")
    feed(bed.engine, row(1.0, 5, at=1000.0), mark)
    bed.nap()
    feed(bed.engine, row(1.0, 2, at=1100.0))
    watched = bed.engine.runs[KEY]
    assert list(watched.marks) == [mark]
    assert watched.run.resumes == 1  # the course that it was on knows that it went back


def test_with_other_rules_in_force_time_is_looked_through_again():
    bed = Bed(rule("dead", silent_for(7000)))
    feed(bed.engine, row(1.0, 1, at=1000.0))
    bed.nap()
    bed.engine.adopt(Rulebook(RULES, (), Matches()))
    assert [effect.change.rule for effect in bed.engine.tick(3000.0)] == ["quiet"]


def test_over_a_restart_a_run_sleeps_on_and_the_time_that_nobody_watched_is_not_its_silence():
    bed, back = Bed(*RULES), Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    bed.nap()
    back.saved, back.engine = bed.saved, Engine(bed.engine.book, Names(), "host", bed.saved.__getitem__)
    brief = json.loads(json.dumps(bed.engine.sleepers.runs[KEY].brief()))
    back.engine.sleeps(KEY, asleep_from(INFO, brief, 50_000.0))
    assert back.engine.keys() == {KEY: KEY}
    assert back.engine.tick(50_010.0) == []
    assert [effect.change.at for effect in back.engine.tick(52_000.0)] == [51_510.0]


def test_a_record_that_cannot_be_read_back_is_told_and_the_run_begins_anew():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    bed.nap()
    bed.saved.clear()
    feed(bed.engine, row(9.0, 2, at=1100.0), row(9.0, 3, at=1110.0))
    assert bed.engine.runs[KEY].run.rows == 2
    assert "could not be read back" in bed.engine.bugs[0][2]


def test_a_run_that_is_found_again_sleeps_on():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    assert bed.nap()
    bed.engine.feed([Batch(KEY, (Found(INFO, 1010.0),))])
    assert KEY in bed.engine.sleepers.runs
