"""Sentinel was away: the file grew, was rotated once or twice, was replaced, or is gone."""

from sentinel.sources.identity import Bookmark, bookmark_from, bookmark_json
from tests.sources.one_log import OneLog


def test_nothing_is_read_twice(one):
    one.append(1, 2)
    one.steps()
    one.restart()
    assert one.steps() == []


def test_growth_meanwhile_is_read(one):
    one.append(1)
    one.steps()
    one.append(2)
    one.restart()
    assert one.steps() == [2]


def test_a_rotation_meanwhile_loses_nothing(one):
    one.append(1)
    one.steps()
    one.append(2)
    one.path.rename(one.folder / "train.log.1")
    one.append(3)
    one.restart()
    assert one.steps() == [2, 3]


def test_two_rotations_meanwhile_lose_nothing(one):
    one.append(1)
    one.steps()
    one.append(2)
    one.path.rename(one.folder / "train.log.2")
    one.append(3, to=one.folder / "train.log.1")
    one.append(4)
    one.restart()
    assert one.steps() == [2, 3, 4]


def test_what_was_rotated_before_sentinel_went_is_not_read_again(one):
    one.append(1)
    one.steps()
    one.path.rename(one.folder / "train.log.1")
    one.append(2)
    one.steps()
    one.restart()
    assert one.steps() == []
    one.append(3)
    one.append(9, to=one.folder / "train.log.1")
    assert one.steps() == [9, 3]


def test_another_file_in_its_place_is_a_reset(one):
    one.append(1, 2)
    one.steps()
    one.path.unlink()
    one.append(5, 6, 7)
    one.restart()
    assert one.steps() == ["reset", 5, 6, 7]


def test_a_bookmark_survives_the_store(one):
    one.append(1)
    one.steps()
    (mark,) = one.log.bookmarks()
    assert bookmark_from(bookmark_json(mark)) == mark


def test_a_bookmark_of_another_version_is_none_rather_than_wrong():
    assert bookmark_from({"file": "a", "colour": "red"}) is None
    assert bookmark_from("words") is None
    assert bookmark_from(bookmark_json(Bookmark("a"))) == Bookmark("a")


def test_an_old_bookmark_reads_again_from_its_place(tmp_path):
    one = OneLog(tmp_path)
    one.append(1)
    one.steps()
    old = one.log.bookmarks()
    one.append(2)
    one.steps()
    one.log.close()
    again = OneLog(tmp_path)
    again.log.begin(old, 0.0)
    assert again.steps() == [2]
    again.log.close()
