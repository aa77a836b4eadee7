"""A link that is pointed elsewhere: the old target is read to its end, the new one from its start."""

import os

import pytest

from tests.sources.one_log import OneLog, lines


def point(one, target):
    (one.folder / "link~").symlink_to(target)
    os.replace(one.folder / "link~", one.path)


def test_a_swapped_link_is_a_rotation(one):
    (one.folder / "store").mkdir()
    first, second = one.folder / "store" / "a.txt", one.folder / "store" / "b.txt"
    first.write_text(lines(1))
    second.write_text(lines(3))
    point(one, first)
    assert one.steps() == [1]
    one.append(2, to=first)
    point(one, second)
    assert one.steps() == [2, 3]


def test_a_swapped_link_is_met_after_a_restart(one, tmp_path):
    (one.folder / "store").mkdir()
    first, second = one.folder / "store" / "a.txt", one.folder / "store" / "b.txt"
    first.write_text(lines(1))
    second.write_text(lines(2))
    point(one, first)
    one.steps()
    point(one, second)
    one.restart()
    assert one.steps()[-1] == 2


def test_a_link_out_of_the_watched_folder_is_refused(one, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "secret"
    outside.write_text(lines(1))
    one.path.symlink_to(outside)
    one_more = OneLog(one.folder)
    with pytest.raises(OSError, match="out of the watched folders"):
        one_more.look()
