"""Bytes at which the daemon died twice are blanked for that file and told; the rest of the file goes on."""

from sentinel.sources.suspects import Careful, Guarded, Suspects
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
        suspects.survived()
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
    suspects.about_to_read("log", 0, 100)
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


def test_what_was_read_is_suspect_until_it_was_judged(tmp_path):
    for _ in range(2):
        suspects = Suspects(tmp_path / "suspects")
        suspects.about_to_read("log", 0, 100)
        suspects.was_read()
        suspects.about_to_read("log", 100, 200)
        suspects.was_read()
        suspects.close()  # died while the rules looked at it
    known = Suspects(tmp_path / "suspects")
    assert known.deaths("log", 0, 10) == known.deaths("log", 190, 200) == 2
    assert known.careful("log", 0)
    assert not known.careful("log", 200)


def test_who_dies_while_reading_suspects_that_stretch_alone(tmp_path):
    suspects = Suspects(tmp_path / "suspects")
    suspects.about_to_read("other", 0, 100)
    suspects.was_read()
    suspects.about_to_read("log", 0, 100)
    suspects.close()
    known = Suspects(tmp_path / "suspects")
    assert (known.deaths("other", 0, 100), known.deaths("log", 0, 100)) == (0, 1)


def test_a_config_that_killed_twice_is_left_out_and_told(tmp_path):
    for _ in range(2):
        suspects = Suspects(tmp_path / "suspects")
        suspects.about_to_read("run/config.yaml", 0, 1)
        suspects.close()
    told_of = []
    careful = Careful(Suspects(tmp_path / "suspects"), "run", told_of)
    assert careful.tried("config.yaml", lambda: ["fact"]) is None
    assert careful.tried("config.yaml", lambda: ["fact"]) is None
    assert careful.tried("other.yaml", lambda: ["fact"]) == ["fact"]
    assert told_of == ["run/config.yaml: reading it stopped us twice; it is left out"]
