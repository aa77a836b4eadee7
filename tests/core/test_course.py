"""When a run goes back: per-epoch steps, resumes, new starts."""

from sentinel.core.course import Back, Course
from sentinel.core.records import Mark, MarkKind, Row

NAMES = ("train.loss",)


def row(step, epoch=None, file="train.log", names=NAMES):
    return Row(names, (1.0,), step, epoch, None, file, 1)


def follow(*rows):
    course = Course()
    return course, [course.follow(item) for item in rows]


def test_going_forward_is_nothing():
    assert follow(row(1), row(2), row(2), row(9))[1] == [None] * 4


def test_steps_that_begin_again_in_a_rising_epoch_are_steps_per_epoch():
    course, backs = follow(row(100, 1.0), row(200, 1.0), row(100, 2.0))
    assert backs[-1] is Back.PER_EPOCH
    assert course.counts_per_epoch("train.log")


def test_a_step_that_falls_within_the_same_plan_is_a_resume():
    assert follow(row(100), row(900), row(500), row(501))[1] == [None, None, Back.RESUME, None]


def test_a_step_that_falls_to_the_start_after_a_new_header_is_a_new_start():
    course, _ = follow(row(10), row(900))
    course.note(Mark(MarkKind.HEADER, "train.log", 3, None))
    assert course.follow(row(10)) is Back.NEW


def test_a_header_alone_does_not_make_a_resume_a_new_start():
    course, _ = follow(row(10), row(900))
    course.note(Mark(MarkKind.HEADER, "train.log", 3, None))
    assert course.follow(row(600)) is Back.RESUME


def test_two_files_that_lag_behind_each_other_are_no_going_back():
    assert follow(row(100), row(50, file="val.csv"), row(110), row(60, file="val.csv"))[1] == [None] * 4


def test_a_table_that_is_rewritten_from_its_first_row_is_no_going_back():
    course, _ = follow(row(1), row(2), row(3))
    course.note(Mark(MarkKind.RESET, "train.log", 0, None))
    assert [course.follow(row(step)) for step in (1, 2, 3, 4)] == [None] * 4


def test_epochs_that_begin_again_without_any_step_are_the_next_fold():
    rows = [row(None, float(epoch)) for epoch in (1, 2, 3, 4, 1, 2)]
    assert follow(*rows)[1] == [None, None, None, None, Back.RESUME, None]


def test_epochs_without_steps_that_only_waver_go_nowhere():
    rows = [row(None, float(epoch)) for epoch in (1, 2, 1, 2, 3, 4, 3, 4)]
    assert follow(*rows)[1] == [None] * 8


def test_a_second_loop_within_an_epoch_of_counted_epochs_is_no_resume():
    _course, backs = follow(row(100, 1.0), row(200, 1.0), row(100, 2.0), row(200, 2.0), row(10, 2.0))
    assert backs[-1] is Back.PER_EPOCH


def test_the_next_trial_may_write_another_column():
    wide, narrow = ("train.loss", "val.loss", "val.weight"), ("train.loss", "val.loss")
    rows = [row(None, float(epoch), names=wide) for epoch in (1, 2, 3, 4)]
    rows += [row(None, float(epoch), names=narrow) for epoch in (1, 2, 3, 4)]
    rows += [row(None, float(epoch), names=wide) for epoch in (1, 2)]
    assert follow(*rows)[1] == [None] * 4 + [Back.RESUME] + [None] * 3 + [Back.RESUME, None]


def test_a_table_beside_the_training_tells_of_earlier_epochs_without_going_back():
    rows = [row(None, float(epoch)) for epoch in (1, 2, 3, 4)]
    assert follow(*rows, row(None, 1.0, names=("val.best_loss",)), row(None, 5.0))[1] == [None] * 6


def test_a_validation_that_joins_late_does_not_go_back():
    rows = [row(None, float(epoch)) for epoch in (1, 2, 3)]
    rows += [row(None, float(epoch), names=("train.loss", "val.loss")) for epoch in (4, 8)]
    assert follow(*rows, row(None, 5.0), row(None, 9.0))[1] == [None] * 7
