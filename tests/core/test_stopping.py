"""The stop plan: each stage, each end, and the simulation that holds its conditions to be all needed."""

import random
from dataclasses import replace

import pytest

from sentinel.core.stopping import explained, stop_time, turn
from sentinel.core.stopping_birth import birth
from sentinel.core.stopping_conditions import CONDITIONS
from sentinel.core.stopping_plan import Deed, Route, Stage
from sentinel.core.stopping_world import Level, Mode, parse_limits
from tests.core.stopping_truths import BAD, GOOD, TOGETHER, random_switch, random_truth
from tests.core.stopping_worlds import Play, world_of

DOOMED = {**GOOD, "watch": Level.STOP, "consent": Level.STOP}


def played(switch=None, **changes):
    return Play({**DOOMED, **changes}, seed=1, switch=switch).play()


def deeds(play):
    return [deed for _, deed in play.sent]


def tick_of(stage):
    play = Play(GOOD, 1)
    return next(tick for tick in range(100) if play.play(1).end is stage)


JUST_ASKED = tick_of(Stage.ASKED) + 1
IN_GRACE = tick_of(Stage.GRACE) + 1


def test_with_all_leave_a_doomed_run_is_asked_proven_and_stopped():
    play = played()
    assert (play.end, deeds(play), play.harm) == (Stage.STOPPED, [Deed.ASK, Deed.END], "")


def test_what_the_stop_has_answered_asks_for_no_other_plan():
    stopped = played().stored[-1]
    world = world_of({**DOOMED, "fingerprint": "another rule of the same night"}, stopped.entered + 60.0, stopped.boot)
    assert all(sign.since < stopped.entered for sign in world.signs)
    assert birth(world, [stopped], "next") is None
    later = replace(world, signs=tuple(replace(sign, since=stopped.entered + 1.0) for sign in world.signs))
    assert birth(later, [stopped], "next") is not None


def test_a_run_that_ends_itself_after_its_save_is_not_signalled_again():
    assert deeds(played(exits="save")) == [Deed.ASK]


def test_level_checkpoint_asks_through_a_way_that_lets_the_run_go_on_and_leaves_it_alone():
    play = played(consent=Level.CHECKPOINT, ends=False)
    assert (play.end, deeds(play)) == (Stage.SAVED, [Deed.ASK])


def test_level_checkpoint_refuses_a_way_that_would_end_the_run():
    play = played(consent=Level.CHECKPOINT)
    assert play.end is Stage.REFUSED
    assert "gentle" in play.stored[-1].why


def test_a_run_with_broken_numbers_is_ended_on_its_last_good_checkpoint_without_being_asked():
    play = played(nonfinite=True)
    assert (play.end, deeds(play)) == (Stage.STOPPED, [Deed.END])
    assert play.stored[-1].proven.copy


def test_a_tainted_newest_checkpoint_forbids_asking():
    assert deeds(played(tainted=True)) == [Deed.END]


def test_a_run_that_hangs_is_never_asked_and_needs_level_kill():
    assert deeds(played(hung=True)) == []
    play = played(hung=True, watch=Level.KILL, consent=Level.KILL, exits="kill")
    assert (play.end, deeds(play)) == (Stage.STOPPED, [Deed.END, Deed.KILL])


def test_a_run_that_any_sign_says_hangs_is_never_asked_whichever_leads():
    assert (played(second_hung=True).end, deeds(played(second_hung=True))) == (Stage.REFUSED, [])
    killed = played(second_hung=True, watch=Level.KILL, consent=Level.KILL, exits="kill")
    assert deeds(killed) == [Deed.END, Deed.KILL]


def test_numbers_that_no_rule_calls_broken_forbid_asking_all_the_same_and_excuse_no_loss():
    assert deeds(played(broken=True)) == [Deed.END]
    assert (played(broken=True, save_age=9000.0).end, deeds(played(broken=True, save_age=9000.0))) == (
        Stage.REFUSED,
        [],
    )


def test_a_request_that_nobody_answered_is_taken_back_whatever_ended_the_plan():
    for changes in ({"saves": False, "consent": Level.STOP}, {}):
        plan = played(switch={JUST_ASKED: {"kept": "kept by ada"}}, **changes).stored[-1]
        assert (plan.stage, plan.step(Deed.WITHDRAW) is not None) == (Stage.VETOED, True)
    untouched = played(switch={JUST_ASKED - 3: {"kept": "kept by ada"}}).stored[-1]
    assert (untouched.stage, untouched.step(Deed.WITHDRAW)) == (Stage.VETOED, None)


def test_a_run_that_cannot_be_asked_is_ended_only_if_little_work_is_lost():
    assert deeds(played(way="")) == [Deed.END]
    refused = played(way="", save_age=9000.0)
    assert (refused.end, deeds(refused)) == (Stage.REFUSED, [])
    assert "send it yourself" in refused.stored[-1].why


def test_a_run_that_does_not_save_when_asked_is_ended_on_its_last_good_checkpoint():
    play = played(saves=False)
    assert (play.end, play.stored[-1].route, deeds(play)) == (Stage.STOPPED, Route.DIRECT, [Deed.ASK, Deed.END])


def test_a_run_that_ignores_term_is_not_killed_without_level_kill():
    play = played(exits="kill")
    assert (play.end, deeds(play)) == (Stage.FAILED, [Deed.ASK, Deed.END])


def test_a_run_that_cannot_be_killed_is_told_and_not_fought():
    play = played(exits="never", watch=Level.KILL, consent=Level.KILL)
    assert (play.end, deeds(play)) == (Stage.FAILED, [Deed.ASK, Deed.END, Deed.KILL])


def test_a_run_that_comes_back_is_told_and_not_fought():
    play = played(comes_back=True)
    assert (play.end, deeds(play)) == (Stage.FAILED, [Deed.ASK, Deed.END])


@pytest.mark.parametrize("dead", [{"channels": 0}, {"delivers": False}, {"muted": True}, {"quiet": True}])
def test_without_a_person_who_reads_an_armed_plan_never_leaves_announced(dead):
    play = Play({**DOOMED, **dead}, seed=1).play(2000)
    assert (play.end, deeds(play)) == (Stage.ANNOUNCED, [])
    assert play.stored[-1].waits


def test_hours_in_which_nobody_reads_are_no_time_to_object():
    play = played(switch={20: {"quiet": True}, 40: {"quiet": False}})
    assert play.end is Stage.STOPPED
    assert not play.harm


@pytest.mark.parametrize("veto", [{"kept": "by ada"}, {"wrong": True}, {"fires": False}, {"fingerprint": "b"}])
@pytest.mark.parametrize("tick", [1, 3, 20])
def test_keep_wrong_recovery_and_a_changed_rule_end_a_plan_until_the_last(veto, tick):
    play = played(switch={tick: veto})
    assert (play.stored[0].stage, deeds(play)) == (Stage.VETOED, [])


def test_time_in_which_sentinel_itself_was_away_is_no_time_to_object():
    in_grace = Play(DOOMED, 1).play(IN_GRACE)
    plan = in_grace.stored[-1]
    assert plan.stage is Stage.GRACE
    back = world_of(DOOMED, plan.graced + 5000.0, "boot", announced=plan.graced)
    after = turn(plan, replace(back, present=back.now - 700.0))
    assert (after.plan.stage, after.plan.graced) == (Stage.GRACE, back.now - 700.0)
    assert after.deeds == (Deed.ANNOUNCE,)  # what people were told is no longer so
    world = world_of(DOOMED, back.now + 300.0, "boot", announced=plan.graced)
    later = turn(after.plan, replace(world, present=back.now - 700.0))
    assert Deed.PROVE in later.deeds


def test_beside_a_plan_that_cannot_be_read_no_other_is_made():
    unread = replace(played().stored[-1], stage=Stage.UNREAD, run="nlp:/runs/a", n=-1)
    world = world_of(DOOMED, 200_000.0, "boot")
    assert birth(world, [], "p") is not None
    assert birth(world, [unread], "p") is None


def test_a_rehearsal_touches_nothing_and_says_what_leave_was_missing():
    play = played(mode=Mode.REHEARSE, consent=Level.NEVER)
    plan = play.stored[-1]
    assert (plan.stage, play.sent, plan.step(Deed.TELL)) == (Stage.REHEARSED, [], None)
    assert [missing.partition(":")[0] for missing in plan.missing] == ["mode", "consent"]


def test_a_rehearsal_is_followed_by_the_real_thing_once_leave_is_given():
    play = played(rehearsed=2, switch={50: {"rehearsed": 3}})
    assert [plan.stage for plan in play.stored] == [Stage.REHEARSED, Stage.STOPPED]


def test_mode_off_makes_no_plan():
    assert played(mode=Mode.OFF).stored == []


def test_an_ack_is_answered_with_the_time_of_the_stop():
    play = Play(DOOMED, seed=1).play(10)
    plan = play.stored[-1]
    assert plan.stage is Stage.GRACE
    assert stop_time(plan, 900.0) == plan.graced + 900.0


def test_every_condition_can_be_printed_with_its_value():
    play = Play(DOOMED, seed=1)
    play.play(3)
    from tests.core.stopping_worlds import world_of

    lines = explained(play.stored[-1], world_of(play.truth, play.now, "boot"))
    assert len(lines) == len(CONDITIONS)
    assert all(line.condition.says for line in lines)


def test_limits_are_read_as_the_settings_write_them():
    limits = parse_limits("15m", "4 GPU-hours", "1h", "1 at once, 2 an hour, 6 a day", "30 %", "10m")
    assert (limits.grace, limits.worth, limits.lose, limits.an_hour, limits.crowd) == (900, 4, 3600, 2, 0.3)
    with pytest.raises(ValueError, match="1 at once"):
        parse_limits("15m", "4 GPU-hours", "1h", "two", "30 %", "10m")


# --- the simulation ----------------------------------------------------------------------------------------------


def played_at_random(seed, conditions=CONDITIONS, factor=None):
    rng = random.Random(seed)
    truth = random_truth(rng, factor)
    switch = random_switch(rng) if rng.random() < 0.5 else None
    crashes = rng.choice((0.0, 0.0, 0.1, 0.4))
    return Play(truth, seed, conditions, switch, crashes).play()


def check_worlds(seeds):
    stopped = 0
    for seed in seeds:
        play = played_at_random(seed)
        assert not play.harm, f"world {seed}: {play.harm}"
        assert len(set(play.sent)) == len(play.sent), f"world {seed}: sent twice"
        stopped += bool(play.sent)
    return stopped


def test_in_random_worlds_no_run_is_harmed_and_nothing_is_sent_twice():
    assert check_worlds(range(300)) > 25


@pytest.mark.torture
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("thousand", range(10))
def test_in_ten_thousand_random_worlds_no_run_is_harmed_and_nothing_is_sent_twice(thousand):
    assert check_worlds(range(thousand * 1000, thousand * 1000 + 1000)) > 100


@pytest.mark.parametrize("seed", range(40))
def test_where_all_allow_it_the_run_is_stopped_whatever_crashes(seed):
    play = Play(DOOMED, seed, crashes=0.3).play(400)
    assert play.end in (Stage.STOPPED, Stage.VETOED, Stage.FAILED) or play.sent
    assert play.sent, "nothing was stopped though all allow it"


def suspects():
    """Worlds with one or two things wrong, each by name, and the same with the change on the way."""
    for factor, values in BAD.items():
        for value in values:
            for level in (Level.STOP, Level.KILL):
                yield {**GOOD, "watch": level, factor: value}, None
                yield {**GOOD, "watch": level}, {16: {factor: value}}
                yield {**GOOD, "watch": level, "exits": "kill"}, {JUST_ASKED: {factor: value}}
    for pair in TOGETHER:
        yield {**GOOD, **pair}, None
        yield GOOD, {16: pair}


@pytest.fixture(scope="module")
def suspected():
    """Every suspect, played with the whole table: what was harmed, and which conditions counted."""
    return [(truth, switch, Play(truth, 1, CONDITIONS, switch).play(110)) for truth, switch in suspects()]


def test_with_all_conditions_no_suspect_is_harmed(suspected):
    assert not [(play.harm, switch) for _, switch, play in suspected if play.harm]


@pytest.mark.parametrize("name", [condition.name for condition in CONDITIONS])
def test_each_condition_is_needed(name, suspected):
    fewer = tuple(condition for condition in CONDITIONS if condition.name != name)
    counted = [(truth, switch) for truth, switch, play in suspected if name in play.counted]
    assert any(Play(truth, 1, fewer, switch).play(110).harm for truth, switch in counted), "nothing fails without it"
