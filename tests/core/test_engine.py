"""The engine: rows and facts in, changes out; time is handed in; live and replay are one path."""

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.engine import next_generation
from sentinel.core.grid import next_point
from sentinel.core.records import (
    Action,
    Batch,
    Fact,
    Found,
    How,
    Mark,
    MarkKind,
    Origin,
    Over,
    Phase,
    RunInfo,
    Severity,
)  # fmt: skip
from tests.core.toy import INFO, Toy, above, engine, fact_is, feed, heard, row, rule, silent_for, words_of


def test_a_rule_fires_with_its_place_its_step_and_its_evidence():
    made = engine(rule("high", above("train.loss", 5)))
    (change,) = feed(made, row(1.0, 1), row(9.0, 2, line=7))
    assert (change.phase, change.step, change.file, change.line, change.value) == (Phase.FIRING, 2, "train.log", 7, 9.0)
    assert change.run_name == "a"


def test_one_look_judges_a_rule_once_however_many_readings_it_has():
    made = engine(rule("high", above("train.loss", 5), hold="2 readings"))
    both = row(9.0, 1)._replace(names=("train.loss", "lr"), values=(9.0, 0.1))
    assert feed(made, both) == []
    assert words_of(feed(made, both._replace(step=2))) == ["high fired"]


def test_rules_that_read_nothing_of_a_row_are_not_looked_at():
    asked = []
    watching = above("val.loss", 5)
    spy = type(watching)(lambda run, _: asked.append(1), reads=watching.reads)
    feed(engine(rule("spy", spy)), row(9.0, 1))
    assert asked == []


def test_before_after_is_reached_a_rule_is_unknown():
    made = engine(rule("late", above("train.loss", 5), after="100 steps"))
    assert feed(made, row(9.0, 1), row(9.0, 99)) == []
    assert words_of(feed(made, row(9.0, 100))) == ["late fired"]


def test_silence_fires_at_the_same_moment_whenever_time_is_told():
    def first_change(*ticks):
        made = engine(rule("quiet", silent_for(60)))
        changes = feed(made, row(1.0, 1, at=1000.0))
        for tick in ticks:
            changes += [effect.change for effect in made.tick(tick)]
        return [(change.reason, change.at) for change in changes]

    assert first_change(1200.0) == first_change(*(1000.0 + i for i in range(200))) == [("fired", 1070.0)]


def test_a_row_after_a_long_silence_lets_the_silence_be_judged_first():
    made = engine(rule("quiet", silent_for(60)))
    changes = feed(made, row(1.0, 1, at=1000.0), row(1.0, 2, at=1200.0))
    assert words_of(changes)[0] == "quiet fired"


def test_text_that_matches_a_pattern_makes_its_rule_look():
    made = engine(rule("oom", heard("out of memory")), words=("out of memory",))
    assert words_of(feed(made, row(0, name=None, text="CUDA out of memory"))) == ["oom fired"]


def test_a_rule_over_facts_alone_is_judged_when_they_are_settled_and_once():
    made = engine(rule("vocab", fact_is("config.v", 7)))
    assert feed(made, Fact("config.v", 7, "c.yaml", 1)) == []
    assert words_of(feed(made, row(1.0, 1))) == ["vocab fired"]
    assert feed(made, row(1.0, 2), Fact("config.v", 8, "c.yaml", 1)) == []


def test_facts_are_settled_after_a_minute_without_a_reading():
    made = engine(rule("vocab", fact_is("config.v", 7)))
    feed(made, Fact("config.v", 7, "c.yaml", 1))
    made.runs["runs:a"].run.pass_time(1.0)
    assert [effect.change.rule for effect in made.tick(100.0)] == ["vocab"]


def test_a_fact_that_comes_late_is_judged_when_it_comes():
    made = engine(rule("vocab", fact_is("fact.v", 7)))
    assert feed(made, row(1.0, 1)) == []
    assert words_of(feed(made, Fact("fact.v", 7, "train.log", 2, Origin.LOG))) == ["vocab fired"]


def test_the_end_of_a_run_closes_its_alerts_as_ended_not_as_clear():
    made = engine(rule("high", above("train.loss", 5)))
    feed(made, row(9.0, 1))
    (change,) = feed(made, Over(How.DIED, None, "Traceback"))
    assert (change.phase, change.reason) == (Phase.ENDED, "run died")


def test_how_a_run_went_is_a_fact_that_rules_can_judge():
    made = engine(rule("died", fact_is("run.how", "died")))
    assert words_of(feed(made, row(1.0, 1), Over(How.DIED, None))) == ["died fired"]


def said_and_died(word):
    def ask(run, _):
        return run.lines(word).count > 0 and "run.how" in run.facts and run.facts["run.how"].value == "died"

    return Toy(ask, patterns=(word,), facts=frozenset(["run.how"]))


def test_a_rule_of_words_is_asked_again_when_it_is_known_how_the_run_went():
    made = engine(rule("memory", said_and_died("no room")), words=("no room",))
    assert feed(made, row(1.0, 1), row(None, name="", text="no room for it")) == []
    assert words_of(feed(made, Over(How.DIED, None))) == ["memory fired"]


def test_a_resumed_run_has_not_died_until_it_dies_again():
    made = engine(
        rule("died", fact_is("run.how", "died")), rule("memory", said_and_died("no room")), words=("no room",)
    )
    assert words_of(feed(made, row(1.0, 1), Over(How.DIED, None))) == ["died fired"]
    assert feed(made, row(1.0, 2), row(None, name="", text="no room for 64, so 32 it is"), row(1.0, 3)) == []
    assert words_of(feed(made, Over(How.DIED, None))) == ["died fired", "memory fired"]


def test_the_time_in_which_a_run_was_over_is_no_silence_of_its_own():
    made = engine(rule("quiet", silent_for(60)))
    feed(made, row(1.0, 1, at=10.0), Over(How.STOPPED, 20.0))
    assert feed(made, row(1.0, 2, at=5000.0), row(1.0, 3, at=5010.0)) == []
    assert words_of([effect.change for effect in made.tick(5200.0)]) == ["quiet fired"]


def test_a_pending_critical_alert_is_told_once_when_its_run_ends():
    made = engine(rule("nan", above("train.loss", 5), hold="3 readings", severity=Severity.CRITICAL))
    changes = feed(made, row(9.0, 1), row(9.0, 2), Over(How.DIED, None))
    assert words_of(changes) == ["nan ended before it was certain"]


def test_a_resumed_run_opens_again_what_was_firing():
    made = engine(rule("high", above("train.loss", 5)))
    feed(made, row(9.0, 1), row(9.0, 2), Over(How.STOPPED, None))
    assert words_of(feed(made, row(1.0, 3))) == ["high cleared"]


def test_a_new_start_in_the_same_files_is_a_new_generation():
    made = engine(rule("high", above("train.loss", 5)))
    feed(made, row(9.0, 1), row(9.0, 500))
    changes = feed(made, Mark(MarkKind.HEADER, "train.log", 3, None), row(9.0, 1))
    assert [(change.run_name, change.reason) for change in changes] == [("a", "run began anew"), ("a#2", "fired")]


def test_a_run_that_goes_back_to_its_first_step_begins_anew_however_long_it_was():
    made = engine(rule("high", above("train.loss", 50)))
    feed(made, *(row(1.0, step) for step in range(1, 2001)), *(row(9.0, step) for step in range(1, 41)))
    (watched,) = made.runs.values()
    assert set(watched.run.series["train.loss"].start) == {9.0}


def test_a_run_that_goes_back_half_way_keeps_its_start():
    made = engine(rule("high", above("train.loss", 50)))
    feed(made, *(row(1.0, step) for step in range(1, 2001)), *(row(9.0, step) for step in range(1000, 1041)))
    (watched,) = made.runs.values()
    assert set(watched.run.series["train.loss"].start) == {1.0}


def test_a_symptom_is_hidden_behind_its_cause_and_comes_to_light_when_the_cause_clears():
    made = engine(
        rule("symptom", above("train.loss", 5)),
        rule("cause", above("train.loss", 7), hides=("sig/symptom",)),
    )
    changes = feed(made, row(9.0, 1))
    assert [(change.rule, change.hidden_by) for change in changes] == [("cause", None), ("symptom", "sig/cause")]
    changes = feed(made, row(6.0, 2))
    assert words_of(changes) == ["cause cleared", "symptom came to light"]


def test_a_hidden_alert_cannot_ask_for_a_stop():
    made = engine(
        rule("symptom", above("train.loss", 5), action=Action.STOP, doom=0.9),
        rule("cause", above("train.loss", 7), hides=("sig/*",), action=Action.CHECKPOINT, doom=0.9),
    )
    effects = made.feed([Batch("runs:a", (row(9.0, 1),))])
    assert [(e.kind.value, e.change.rule) for e in effects if e.kind.value != "tell"] == [("checkpoint", "cause")]


def test_a_rule_made_of_parts_fires_when_enough_of_them_do():
    parts = [rule(f"p{i}", above("train.loss", i)) for i in (1, 2, 3)]
    made = engine(*parts, rule("whole", parts=(2, ("sig/p1", "sig/p2", "sig/p3"))))
    assert words_of(feed(made, row(1.5, 1))) == ["p1 fired"]
    changes = feed(made, row(2.5, 2))
    assert {(c.rule, c.hidden_by) for c in changes} == {("whole", None), ("p2", "sig/whole"), ("p1", "sig/whole")}


def test_each_gpu_has_an_alert_of_its_own():
    made = engine(rule("hot", above("gpu.temperature", 90), each="gpu.*"))
    changes = feed(made, row(95.0, at=1.0, name="gpu.3.temperature"), row(50.0, at=2.0, name="gpu.4.temperature"))
    assert [(change.rule, change.instance) for change in changes] == [("hot", "gpu.3")]


def test_a_bug_in_one_rule_is_told_and_ends_no_other():
    broken = above("train.loss", 5)
    broken = type(broken)(lambda run, _: 1 / 0, reads=broken.reads)
    made = engine(rule("broken", broken), rule("high", above("train.loss", 5)))
    assert words_of(feed(made, row(9.0, 1), row(9.0, 2))) == ["high fired"]
    assert [(run, key) for run, key, _ in made.bugs] == [("runs:a", "sig/broken")]


def test_a_bug_in_what_ends_an_alert_is_told_once_and_ends_nothing():
    high = above("train.loss", 5)
    broken = type(high)(lambda run, _: 1 / 0, reads=high.reads)
    made = engine(rule("odd", high, clear=broken), rule("higher", above("train.loss", 7)))
    assert words_of(feed(made, row(6.0, 1), row(1.0, 2), row(9.0, 3))) == [
        "odd fired",
        "odd went stale",
        "higher fired",
    ]
    assert [(run, key) for run, key, _ in made.bugs] == [("runs:a", "sig/odd")]


def test_what_was_over_before_we_came_is_listed_and_never_judged():
    made = engine(rule("high", above("train.loss", 5)))
    old = RunInfo("runs:old", "old", "/data/old", "runs", fresh=False)
    effects = made.feed([Batch("runs:old", (Found(old, 0.0), row(9.0, 1)))])
    assert effects == []
    assert list(made.listed) == ["runs:old"]


def test_history_is_told_in_one_go_and_only_what_still_fires():
    made = engine(rule("high", above("train.loss", 5)), rule("higher", above("train.loss", 7)))
    made.feed([Batch("runs:b", (Found(RunInfo("runs:b", "b", "", "runs"), 0.0, history=True),))])
    assert made.feed([Batch("runs:b", (row(9.0, 1), row(6.0, 2)))]) == []
    effects = made.feed([Batch("runs:b", (Mark(MarkKind.CAUGHT_UP, "", 0, None),))])
    assert [(e.change.rule, e.change.reason) for e in effects] == [("high", "first look")]


def test_a_reload_of_an_unchanged_set_changes_nothing():
    rules = (rule("high", above("train.loss", 5), hold="3 readings"),)
    made = engine(*rules)
    feed(made, row(9.0, 1), row(9.0, 2))
    made.adopt(made.book)
    assert words_of(feed(made, row(9.0, 3))) == ["high fired"]


def test_the_time_that_nobody_watched_is_not_silence_and_no_hold():
    rules = (rule("quiet", silent_for(60), hold="30s"),)
    made = engine(*rules)
    feed(made, row(1.0, 1, at=1000.0))
    made.tick(1030.0)
    back = engine(*rules)
    back.restore("runs:a", INFO, made.save("runs:a"))
    back.was_away(9000.0)
    assert back.tick(9020.0) == []
    assert [effect.change.at for effect in back.tick(9200.0)] == [9070.0]


def test_no_rule_is_asked_for_a_record_and_afterwards_each_says_what_it_said():
    asked = []
    low = above("train.loss", 5)
    spy = type(low)(lambda run, _: asked.append(1) or low.bind(run, "")(), reads=low.reads)
    rules = (rule("high", above("train.loss", 5)), rule("spied", spy), rule("firing", above("train.loss", 1)))
    made = engine(*rules)
    feed(made, row(2.0, 1), row(2.5, 2))
    asked.clear()
    saved = made.save("runs:a")
    assert asked == []
    back = engine(*rules)
    back.restore("runs:a", INFO, saved)
    answers = {bound.key: bound.answer for bound in back.runs["runs:a"].bounds.values()}
    assert answers == {bound.key: bound.answer for bound in made.runs["runs:a"].bounds.values()}
    assert list(answers.values()) == [False, False, True]


def test_generations_are_counted():
    second = next_generation(INFO)
    assert (second.key, second.name) == ("runs:a#2", "a#2")
    assert next_generation(second).name == "a#3"


VALUES = st.lists(st.sampled_from([1.0, 6.0, 9.0, float("nan")]), min_size=1, max_size=30)


@given(VALUES, st.integers(min_value=0, max_value=30))
def test_a_restart_at_any_point_changes_nothing(values, cut):
    rules = (rule("high", above("train.loss", 5), hold="2 readings", keep="2 readings"), rule("quiet", silent_for(25)))
    whole, broken = engine(*rules), engine(*rules)
    for index, value in enumerate(values):
        if index == cut:
            saved = broken.save("runs:a")
            broken = engine(*rules)
            broken.restore("runs:a", INFO, saved)
        item = row(value, index, at=index * 20.0)
        assert words_of(feed(whole, item)) == words_of(feed(broken, item))


@given(VALUES, st.lists(st.integers(min_value=1, max_value=5), max_size=10))
def test_how_rows_are_cut_into_batches_changes_nothing(values, cuts):
    rules = (rule("high", above("train.loss", 5), hold="2 readings", keep="15s"), rule("quiet", silent_for(25)))
    rows = [row(value, index, at=index * 20.0) for index, value in enumerate(values)]
    at_once, in_pieces = engine(*rules), engine(*rules)
    pieces, rest = [], rows
    for cut in cuts:
        pieces, rest = [*pieces, rest[:cut]], rest[cut:]
    changes = [change for piece in [*pieces, rest] for change in feed(in_pieces, *piece)]
    assert words_of(feed(at_once, *rows)) == words_of(changes)


@given(VALUES, VALUES, st.randoms(use_true_random=False))
def test_any_interleaving_of_files_that_no_rule_reads_together_gives_the_same(losses, accuracies, random):
    rules = (
        rule("a", above("train.loss", 5), hold="2 readings"),
        rule("b", above("val.accuracy", 5), keep="2 readings"),
    )
    first = [row(value, index) for index, value in enumerate(losses)]
    second = [row(value, index, name="val.accuracy", file="v.csv") for index, value in enumerate(accuracies)]

    def changes(mixed):
        return sorted((c.rule, c.reason, c.step) for c in feed(engine(*rules), *mixed))

    mixed, left, right = [], list(first), list(second)
    while left or right:
        side = left if left and (not right or random.random() < 0.5) else right
        mixed.append(side.pop(0))
    assert changes(mixed) == changes([*first, *second])


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=0, max_value=1e6))
def test_the_grid_goes_forward_and_is_the_same_for_everyone(grew, later):
    point = next_point(grew + later, grew)
    assert point > grew + later
    assert point % 10 == 0


def test_a_run_that_is_over_is_revived_by_its_own_lines_alone():
    made = engine(rule("high", above("train.loss", 5)), rule("full", above("disk.a.free", 5)))
    feed(made, row(9.0, 1), Over(How.DIED, 10.0))
    assert feed(made, row(9.0, None, at=20.0, name="disk.a.free")._replace(file="")) == []
    (watched,) = made.runs.values()
    assert watched.over
    feed(made, row(9.0, 2, at=30.0))
    assert not watched.over
