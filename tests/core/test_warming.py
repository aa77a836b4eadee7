"""Rules that wait for their `after` are ready at the very look at which it is reached, however seldom they are asked."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.records import Batch, Fact, Row
from tests.core.toy import Toy, engine, rule

AFTERS = (
    "7 steps", "3 epochs", "9 readings", "25s", "40%", "40% or 5 steps", "30% or 2 epochs", "2 epochs or 6 readings",
    "12 steps or 4 readings", "90% or 12s", "1 epochs or 3 steps",
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(min_value=0, max_value=30),
        st.none() | st.floats(min_value=0, max_value=6),
        st.floats(min_value=0, max_value=5),
        st.sampled_from(["", "", "", "fact.planned_steps", "fact.planned_epochs"]),
    ),
    max_size=60,
)


def always():
    return Toy(lambda run, _: False, reads=frozenset(["train.loss"]))


@settings(max_examples=150)
@given(ROWS)
def test_a_rule_is_ready_at_the_look_at_which_its_after_is_reached(rows):
    made = engine(*(rule(f"r{i}", always(), after=after) for i, after in enumerate(AFTERS)))
    now, reached, before = 0.0, set(), (None, 0)
    for step, epoch, wait, planned in rows:
        now += wait
        items = [Fact(planned, 8.0, "", 0)] if planned else []
        made.feed([Batch("runs:a", (*items, Row(("train.loss",), (1.0,), step, epoch, now, "train.log", 1)))])
        watched = list(made.runs.values())[-1]
        (run, looks), before = before, (watched, watched.looks)
        if watched is not run:
            reached, looks = set(), 0  # it began anew
        looked = watched.looks > looks  # a reading that the series has is no look
        for bound in watched.bounds.values():
            if looked and watched.run.reached(bound.rule.after, bound.reads) is True:
                reached.add(bound.rule.name)
            assert bound.ready == (bound.rule.name in reached), bound.rule.after
