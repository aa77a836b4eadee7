"""What strangers' rules cost is measured, and what is too much is not asked."""

from sentinel.core.names import Names
from sentinel.daemon.metering import BURST, LONGEST, SHARE, Meter, MeteredMatcher
from sentinel.rulebook.own import metered, own_rules
from tests.core.toy import engine, row

TEXT = "signature: a\ntitle: a\nfamily: dynamics\nrules:\n  - {rule: big, when: train.loss > 3}\n"


class Clock:
    """CPU time: each answer costs as much as we say."""

    def __init__(self, cost):
        self.now, self.cost = 0.0, cost

    def __call__(self):
        self.now += self.cost / 2
        return self.now


def test_an_answer_beyond_the_budget_is_unknown_until_time_gives_it_anew():
    meter = Meter(Clock(2.0))
    judge = meter(lambda: True)
    asked = int(BURST) + 1
    assert [judge() for _ in range(asked)] == [True] * asked
    assert (judge(), meter.over) == (None, True)
    meter.grow((meter.spent - BURST) / SHARE)
    assert (judge(), judge()) == (True, None)
    meter.grow(meter.spent / SHARE)
    assert (meter.over, judge()) == (False, True)


def test_patterns_see_the_beginning_of_a_line_and_fall_silent_with_the_rest():
    class Matches:
        def match(self, text):
            return (str(len(text)),)

    meter = Meter(Clock(BURST * 4))
    matcher = MeteredMatcher(Matches(), meter)
    assert matcher.match("x" * 9000) == (str(LONGEST),)
    assert matcher.match("x") == ()


def test_a_metered_rule_says_what_it_said_and_explains_itself_even_when_it_is_not_asked():
    (rule,) = own_rules([("a.yml", TEXT)], Names()).book.rules
    meter = Meter()
    made = engine(metered(rule, meter))
    run = made.runs["runs:a"].run
    run.enter(row(5.0, 1))
    judge = metered(rule, meter).when.bind(run)
    assert judge() is True
    meter.spent = BURST + 1
    assert judge() is None
    assert metered(rule, meter).when.explain(run).answer is True
