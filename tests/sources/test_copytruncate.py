"""Rotation by copy and cut: the file begins anew under its writer; what came just before the cut is in the copy."""

import os
import shutil


def cut(one, copy="train.log.1"):
    shutil.copyfile(one.path, one.folder / copy)
    os.truncate(one.path, 0)


def test_lines_after_the_cut_are_read_from_the_start(one):
    one.append(1, 2)
    one.steps()
    cut(one)
    one.append(3)
    assert one.steps() == [3]


def test_what_was_written_between_the_last_look_and_the_cut_comes_from_the_copy(one):
    one.append(1)
    one.steps()
    one.append(2)
    cut(one)
    one.append(3)
    assert one.steps() == [2, 3]


def test_a_cut_that_is_seen_before_anything_new_was_written(one):
    one.append(1)
    one.steps()
    cut(one)
    assert one.steps() == []
    one.append(2)
    assert one.steps() == [2]


def test_a_cut_without_a_copy_is_a_reset(one):
    one.append(1, 2)
    one.steps()
    os.truncate(one.path, 0)
    one.append(3)
    assert one.steps() == ["reset", 3]


def test_a_second_cut_finds_the_second_copy(one):
    for number in range(4):
        one.append(10 * number)
        one.steps()
        one.append(10 * number + 1)
        old = one.folder / "train.log.1"
        if old.exists():
            old.rename(one.folder / f"train.log.{5 - number}")
        cut(one)
        assert one.steps() == [10 * number + 1]
