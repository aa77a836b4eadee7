"""`os.replace`: another inode under the same name, with the same content and more, or with another."""

import os

from tests.sources.one_log import lines


def replace(one, text):
    (one.folder / "new~").write_text(text)
    os.replace(one.folder / "new~", one.path)


def test_the_same_content_and_one_more_row_gives_that_row(one):
    one.append(1, 2)
    one.steps()
    replace(one, lines(1, 2, 3))
    assert one.steps() == [3]
    one.append(4)
    assert one.steps() == [4]


def test_another_content_is_a_reset(one):
    one.append(1, 2)
    one.steps()
    replace(one, "header\n" + lines(1, 2, 3))
    assert one.steps() == ["reset", 1, 2, 3]


def test_it_is_known_again_after_the_descriptor_was_closed(one):
    one.append(1, 2)
    one.steps()
    one.steps()
    one.steps(seconds=100)
    replace(one, lines(1, 2, 3))
    assert one.steps() == [3]


def test_it_is_known_again_after_a_restart(one):
    one.append(1, 2)
    one.steps()
    replace(one, lines(1, 2, 3))
    one.restart()
    assert one.steps() == [3]
