"""A file written anew in place: longer, shorter, of the same length; with the same beginning it is mere growth."""

import os

from tests.sources.one_log import lines


def test_a_longer_table_under_a_new_header_is_a_reset(one):
    one.write("header\n" + lines(1, 2))
    assert one.steps() == [1, 2]
    one.write("header, one more\n" + lines(1, 2, 3))
    assert one.steps() == ["reset", 1, 2, 3]


def test_the_reset_is_said_once_though_the_table_is_rewritten_before_anything_was_read(one):
    one.append(1, 2)
    one.steps()
    one.write("")
    assert one.steps() == []
    one.write("other\n" + lines(1))
    assert one.steps() == ["reset", 1]
    one.append(2)
    assert one.steps() == [2]


def test_a_shorter_file_is_a_reset(one):
    one.append(1, 2, 3)
    one.steps()
    one.write(lines(7))
    assert one.steps() == ["reset", 7]


def test_truncated_and_grown_beyond_the_old_size_between_two_looks_is_a_reset(one):
    one.append(1, 2)
    one.steps()
    one.write(lines(*range(50, 70)))
    assert one.steps() == ["reset", *range(50, 70)]


def test_a_rewrite_of_the_same_length_is_seen_even_if_the_clock_stood_still(one):
    one.append(1, 2)
    one.steps()
    before = os.stat(one.path)
    one.write(lines(1, 3))
    os.utime(one.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert one.steps() == ["reset", 1, 3]


def test_a_rewrite_with_the_same_rows_and_more_is_growth(one):
    one.append(1, 2)
    one.steps()
    one.write(lines(1, 2, 3))
    assert one.steps() == [3]


def test_a_change_behind_the_head_and_before_the_anchor_moves_the_anchor_too(one):
    one.append(*range(100))
    one.steps()
    text = one.path.read_text().replace("step=50 loss=0.5", "step=50 loss=0.55")
    one.write(text + lines(100))
    assert one.steps()[0] == "reset"
