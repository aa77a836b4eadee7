"""A test set that stands in for a validation, as long as the run has none."""

from sentinel.core.names import Names
from sentinel.core.records import Row, RunInfo
from sentinel.core.run import Run


def run_of(*rows):
    run = Run(RunInfo("r", "r", "r", "w"), Names({}))
    for step, (names, values) in enumerate(rows, 1):
        run.enter(Row(names, values, step, None, None, "train.log", step))
    return run


def kept(run, name):
    series = run.series[name]
    return list(series.kept(series.values))


TEST, VAL = ("train.loss", "test.loss"), ("train.loss", "val.loss")


def test_a_run_without_validation_is_validated_by_its_test():
    run = run_of((TEST, (2.0, 2.1)), (TEST, (1.0, 1.2)))
    assert kept(run, "val.loss") == kept(run, "test.loss") == [2.1, 1.2]


def test_a_validation_of_its_own_ends_the_standing_in():
    run = run_of((TEST, (2.0, 2.1)), (VAL, (1.5, 1.6)), (TEST, (1.0, 1.2)), (VAL, (0.9, 1.1)))
    assert kept(run, "val.loss") == [1.6, 1.1]
    assert kept(run, "test.loss") == [2.1, 1.2]


def test_a_restart_remembers_who_stands_in():
    before = run_of((TEST, (2.0, 2.1)))
    after = Run(before.info, before.names)
    after.load(before.save())
    after.enter(Row(VAL, (1.5, 1.6), 5, None, None, "train.log", 5))
    assert kept(after, "val.loss") == [1.6]
