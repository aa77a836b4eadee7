"""Rotation by rename: late writes to the old file, a name that is missing for a while, several rotations at once."""

from tests.sources.one_log import lines


def rotate(one, to="train.log.1"):
    one.path.rename(one.folder / to)


def test_the_new_file_is_read_from_its_start_without_a_reset(one):
    one.append(1, 2)
    one.steps()
    rotate(one)
    one.append(3)
    assert one.steps() == [3]


def test_late_writes_to_the_renamed_file_are_read(one):
    one.append(1)
    one.steps()
    with one.path.open("a") as writer:
        rotate(one)
        one.append(3)
        writer.write(lines(2))
        writer.flush()
        assert one.steps() == [2, 3]
        writer.write(lines(4))
        writer.flush()
        one.append(5)
        assert one.steps() == [4, 5]


def test_a_writer_that_never_notices_the_rotation_is_read_for_as_long_as_it_writes(one):
    one.append(1)
    one.steps()
    rotate(one)
    one.append(2)
    one.steps()
    for hour in range(5):
        one.steps(seconds=3600)
        one.append(10 + hour, to=one.folder / "train.log.1")
        assert one.steps() == [10 + hour]


def test_while_the_name_is_missing_the_renamed_file_is_read_on(one):
    one.append(1)
    one.steps()
    rotate(one)
    one.append(2, to=one.folder / "train.log.1")
    assert one.steps() == [2]
    one.append(3)
    assert one.steps() == [3]


def test_two_rotations_between_two_looks_lose_nothing(one):
    one.append(1)
    one.steps()
    one.append(2)
    rotate(one, "train.log.2")
    one.append(3)
    rotate(one)
    one.append(4)
    assert one.steps() == [2, 3, 4]


def test_a_file_that_was_read_before_and_is_rotated_on_is_not_read_again(one):
    for number in range(6):
        one.append(number)
        assert one.steps() == [number]
        for age in range(4, 0, -1):
            older = one.folder / f"train.log.{age}"
            if older.exists():
                older.rename(one.folder / f"train.log.{age + 1}")
        rotate(one)
        one.steps(seconds=100)


def test_a_rotated_file_that_is_packed_gives_nothing_twice(one):
    one.append(1, 2)
    one.steps()
    rotate(one)
    one.append(3)
    one.steps()
    (one.folder / "train.log.1").rename(one.folder / "train.log.1.gz")
    (one.folder / "train.log.1.gz").write_bytes(b"\x1f\x8b packed")
    assert one.steps() == []
    one.append(4)
    assert one.steps() == [4]


def test_the_last_line_of_a_rotated_file_counts_though_it_has_no_newline(one):
    one.write("step=1 loss=1")
    one.steps()
    rotate(one)
    one.append(2)
    one.steps()
    (one.folder / "train.log.1").unlink()
    assert one.steps(seconds=10) == [1]
    assert len(one.log.parts) == 1


def test_at_first_sight_the_rotated_parts_are_history_and_come_first(one):
    one.append(1, to=one.folder / "train.log.2")
    one.append(2, to=one.folder / "train.log.1")
    one.append(3)
    assert one.steps() == [1, 2, 3]
