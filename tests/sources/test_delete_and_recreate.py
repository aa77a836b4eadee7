"""A file deleted and made again, perhaps with the same inode; what the old one still held comes first."""

from tests.sources.one_log import lines


def test_the_new_file_is_read_from_its_start_after_what_was_left_of_the_old_one(one):
    one.append(1)
    one.steps()
    one.append(2)
    one.path.unlink()
    one.append(3)
    assert one.steps() == [2, "reset", 3]


def test_a_missing_file_gives_nothing_and_its_return_is_met(one):
    one.append(1)
    one.steps()
    one.path.unlink()
    assert one.steps() == []
    assert one.steps(seconds=100) == []
    one.append(2)
    assert one.steps() == ["reset", 2]


def test_a_used_inode_does_not_deceive(one):
    one.append(1, 2)
    one.steps()
    one.steps()
    one.steps(seconds=100)  # the descriptor is closed, so that the inode can be given out again
    inode = one.path.stat().st_ino
    one.path.unlink()
    one.write(lines(7, 8, 9))
    if one.path.stat().st_ino != inode:  # this file system gives out inodes otherwise: say the same by a rewrite
        one.log.parts[-1].track.mark = one.log.parts[-1].track.mark.__class__(
            **{**vars_of(one.log.parts[-1].track.mark), "inode": one.path.stat().st_ino}
        )
    assert one.steps() == ["reset", 7, 8, 9]


def vars_of(mark):
    return {name: getattr(mark, name) for name in mark.__slots__}


def test_a_writer_that_still_holds_the_deleted_file_is_read_for_a_while(one):
    one.append(1)
    one.steps()
    with one.path.open("a") as writer:
        one.path.unlink()
        one.append(3)
        assert one.steps() == ["reset", 3]
        writer.write(lines(2))
        writer.flush()
        assert one.steps() == [2]
    one.steps(seconds=10)
    one.steps(seconds=10)
    assert len(one.log.parts) == 1
