"""How long calm lines may wait: not at all while little is spent, less than half a second under load, and never longer."""

from sentinel.daemon.patience import EVERY, HEAVY, LIGHT, LONGEST, SOON, Patience


class Spent:
    """CPU seconds by hand."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def weighed(*shares):
    """What lines may wait after stretches in which such shares of a core were spent."""
    spent = Spent()
    patience = Patience(spent)
    patience.weigh(0.0)
    said = []
    for number, share in enumerate(shares, 1):
        spent.seconds += share * EVERY
        said.append(patience.weigh(number * EVERY))
    return said


def test_while_little_is_spent_nothing_waits():
    assert weighed(0.0, LIGHT, HEAVY * 0.9) == [0.0, 0.0, 0.0]


def test_under_load_calm_lines_wait_for_less_than_a_second():
    assert weighed(HEAVY * 2) == [LONGEST]
    assert LONGEST < 1


def test_patience_does_not_end_because_it_saved_what_it_was_there_to_save():
    assert weighed(HEAVY * 1.1, HEAVY / 2.5, HEAVY / 2.5) == [LONGEST] * 3
    assert weighed(HEAVY * 1.1, LIGHT / 2) == [LONGEST, 0.0]


def test_a_short_burst_within_a_stretch_is_weighed_over_all_of_it():
    spent = Spent()
    patience = Patience(spent)
    patience.weigh(0.0)
    spent.seconds += 0.9 * HEAVY * EVERY
    assert patience.weigh(0.1) == 0.0
    assert patience.weigh(EVERY) == 0.0
    assert patience.pause == SOON
