"""Bytes at which the daemon died twice are blanked for that file and told; the rest of the file goes on."""

from sentinel.sources.suspects import Guarded, Suspects, named
from sentinel.sources.timing import Arrivals
from tests.sources.one_log import lines, told
from tests.sources.plain_eyes import PlainReader


class DeadlyReader(PlainReader):
    """Dies of one line."""

    def feed(self, data, arrival):
        if b"deadly" in data:
            raise SystemExit
        return super().feed(data, arrival)


DATA = lines(1).encode() + b"x" * 5000 + b"\n" + b"deadly\n" + b"y" * 5000 + b"\n" + lines(2).encode()


def life(path, note):
    suspects = Suspects(path)
    told_of = []
    reader = Guarded(DeadlyReader("log", Arrivals(), None), "log", 0, suspects, told_of)
    try:
        items = reader.feed(DATA, 0.0)
    except SystemExit:
        return None, told_of
    finally:
        suspects.close()
    assert reader.settled == len(DATA)
    return told(items), told_of


def test_the_third_life_goes_on_without_them(tmp_path):
    path = tmp_path / "suspects"
    assert life(path, 1) == (None, [])
    assert life(path, 2) == (None, [])
    steps, told_of = life(path, 3)
    assert steps == [1, 2]
    assert "stopped us twice" in told_of[0]
    assert life(path, 4)[0] == [1, 2]


def test_bytes_that_do_no_harm_leave_no_trace(tmp_path):
    suspects = Suspects(tmp_path / "suspects")
    suspects.about_to_read(named("log"), 0, 100)
    suspects.survived()
    suspects.close()
    assert Suspects(tmp_path / "suspects").deaths("log", 0, 100) == 0


def test_a_damaged_note_is_no_trouble(tmp_path):
    (tmp_path / "suspects").write_bytes(b"\xff\xfe nonsense")
    (tmp_path / "suspects.deaths").write_text("nonsense")
    assert Suspects(tmp_path / "suspects").deaths("log", 0, 100) == 0


def test_the_note_of_suspects_has_its_room_on_the_disk_from_the_start(tmp_path):
    Suspects(tmp_path / "suspects").close()
    assert (tmp_path / "suspects").stat().st_blocks * 512 >= 4096
