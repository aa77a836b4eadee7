"""A quiet run that sleeps costs nothing, and what is decided about it is what would have been decided had it stayed awake."""

import gc
import json
import weakref
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.asleep import asleep_from
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, How, Mark, MarkKind, Over
from sentinel.core.rule import Rulebook
from sentinel.core.sleepers import CREDIT, PACE, SURE
from tests.core.toy import INFO, Matches, Toy, above, feed, row, rule, silent_for, words_of

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
    assert bed.engine.sleepers.runs[KEY].waking.at == 2510.0  # silent for 900 s from 1910 on, and held for 10 minutes
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
    assert "could not be read back" in bed.engine.lost[KEY]


def test_a_run_that_is_found_again_sleeps_on():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    assert bed.nap()
    bed.engine.feed([Batch(KEY, (Found(INFO, 1010.0),))])
    assert KEY in bed.engine.sleepers.runs


def test_what_a_run_held_goes_with_it_when_it_lies_down_and_no_sweep_has_to_look_for_it():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    held = weakref.ref(bed.engine.runs[KEY].run)
    gc.disable()
    try:
        assert bed.nap()
        assert held() is None
    finally:
        gc.enable()


# --- over a restart ------------------------------------------------------------------------------------------------------


class Morning:
    """An engine after a restart, in which the run of a bed sleeps on, many times over."""

    def __init__(self, bed, count, now, *, keeps=True, rules=RULES):
        self.recalled = []
        self.saved, asleep = bed.saved[KEY], bed.engine.sleepers.runs[KEY]
        self.engine = Engine(Rulebook(rules, (), Matches()), Names(), "host", self.recall)
        brief, kept = json.loads(json.dumps([asleep.brief(), asleep.waking.kept() if keeps else None]))
        for number in range(count):
            info = replace(INFO, key=f"runs:{number:04}")
            self.engine.sleeps(info.key, asleep_from(info, brief, now, kept))
        self.engine.was_away(now)

    def recall(self, key):
        self.recalled.append(key)
        return self.saved

    def until(self, now, end, every=1.0):
        """What moved until then, and how many were brought back meanwhile."""
        before, effects = len(self.recalled), []
        while now < end:
            now = min(end, now + every)
            effects += self.engine.tick(now)
        return effects, len(self.recalled) - before


def night(*rules):
    bed = Bed(*rules)
    feed(bed.engine, row(1.0, 1, at=1000.0))
    assert bed.nap()
    return bed


def test_a_restart_with_thousands_of_quiet_runs_wakes_none_before_its_time_and_then_all_soon():
    morning = Morning(night(*RULES), 1000, 50_000.0)
    assert morning.until(50_000.0, 51_480.0, 10.0) == ([], 0)
    effects, recalled = morning.until(51_480.0, 51_510.0 + 1000 * SURE + 1.0)
    assert {effect.change.at for effect in effects} == {51_510.0}
    assert len(effects) == 1000
    assert recalled <= 2000  # once to find the time on the grid of this life, once to tell


def test_the_longest_overdue_is_woken_first_and_one_that_is_only_looked_through_again_after_all_those():
    morning = Morning(night(*RULES), 2, 50_000.0, keeps=False)
    some = morning.engine.sleepers.runs["runs:0000"]
    brief = some.brief()
    for key, after in (("runs:late", 90.0), ("runs:soon", 20.0)):
        info = replace(INFO, key=key)
        morning.engine.sleeps(key, asleep_from(info, brief, 50_000.0, [after, True]))
    morning.engine.tick(50_100.0)
    assert morning.recalled[:3] == ["runs:soon", "runs:late", "runs:0000"]


def test_of_those_that_are_looked_through_again_who_fires_comes_first_and_then_who_fell_silent_last():
    morning = Morning(night(*RULES), 3, 50_000.0)
    runs = morning.engine.sleepers.runs
    runs["runs:0001"].grew, runs["runs:0002"].firing = 2000.0, 1
    morning.engine.sleepers.look_again()
    morning.engine.tick(50_010.0)
    assert morning.recalled == ["runs:0002", "runs:0001", "runs:0000"]


def test_changed_rules_wake_all_at_a_pace_of_time_however_often_the_loop_turns():
    morning = Morning(night(*RULES), 500, 50_000.0)
    morning.engine.tick(50_001.0)
    morning.engine.adopt(Rulebook(RULES[:2], (), Matches()))
    most = (10.0 + CREDIT) / PACE + 1
    assert 10.0 / PACE - 1 <= morning.until(50_001.0, 50_011.0, 0.02)[1] <= most
    assert 10.0 / PACE - 1 <= morning.until(50_011.0, 50_021.0, 1.0)[1] <= most
    assert morning.until(50_021.0, 50_121.0)[1] + len(morning.recalled) >= 500
    assert not morning.engine.runs  # none had to stay awake
    assert morning.until(50_121.0, 50_500.0) == ([], 0)


def test_the_same_rules_taken_again_wake_nobody():
    morning = Morning(night(*RULES), 5, 50_000.0)
    morning.engine.adopt(Rulebook(tuple(replace(rule) for rule in RULES), (), Matches()))
    assert morning.until(50_000.0, 50_100.0) == ([], 0)


def test_what_ages_decide_is_looked_at_soon_after_a_restart_for_ages_go_on_while_nobody_watches():
    old = Toy(lambda run, _: run.elapsed > 40_000, timed=True, ages=True)
    morning = Morning(night(rule("old", old)), 1, 50_000.0, rules=(rule("old", old),))
    assert [effect.change.rule for effect in morning.until(50_000.0, 50_010.0)[0]] == ["old"]


def test_a_run_that_nobody_ever_saw_growing_is_never_woken_by_rules_on_silence():
    bed = Bed(*RULES)
    feed(bed.engine, row(1.0, 1))
    bed.engine.tick(1000.0)
    assert bed.nap()
    assert bed.engine.sleepers.runs[KEY].waking.at == float("inf")


def test_a_clock_that_is_set_back_holds_nobody_asleep_for_long():
    morning = Morning(night(*RULES), 5, 50_000.0, rules=RULES[:1])
    morning.engine.tick(90_000.0)
    morning.engine.sleepers.look_again()
    assert morning.until(50_000.0, 50_010.0)[1] == 5


@given(st.sampled_from([0.0, 5.0, 95.0, 1400.0, 4000.0, 90_000.0]), st.integers(0, 700), st.booleans())
def test_who_sleeps_on_by_the_wakening_that_was_kept_is_decided_about_as_one_that_is_looked_through_at_once(
    quiet, away, fires
):
    bed = Bed(*RULES)
    value = 9.0 if fires else 1.0
    feed(bed.engine, row(value, 1, at=1000.0), row(value, 2, at=1003.0))
    now = 1003.0
    while now < 1003.0 + quiet:
        now += 50.0
        bed.engine.tick(now)
    assert bed.nap()
    began = now + 1 + away
    told = []
    for keeps in (True, False):
        effects, _ = Morning(bed, 1, began, keeps=keeps).until(began, began + 9000.0, 7.0)
        told.append([(effect.key[1:], effect.change.at) for effect in effects])
    assert told[0] == told[1]
