"""Whether a run's next checkpoint fits: its size, how often it comes, and what else eats the disk."""

from sentinel.sources.host.disks import Disk, Space
from sentinel.sources.host.saves import Save, cadence, readings, size_of

GIB = 1 << 30


def disk(*looks):
    made = Disk("data", "/data")
    made.looks.extend(Space(at, 1, free * GIB, 1000 * GIB, None) for at, free in looks)
    return made


def test_a_file_and_a_folder_are_measured_and_what_belongs_to_others_is_not(tmp_path):
    (tmp_path / "step_1.pt").write_bytes(b"x" * 500)
    (tmp_path / "step_2" / "global").mkdir(parents=True)
    (tmp_path / "step_2" / "model.bin").write_bytes(b"x" * 300)
    (tmp_path / "step_2" / "global" / "optim.bin").write_bytes(b"x" * 200)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert size_of(Save(str(tmp_path / "step_1.pt"))) == 500
    assert size_of(Save(str(tmp_path / "step_2"))) == 500
    assert size_of(Save(str(tmp_path / "step_1.pt"), uid=4711)) is None
    assert size_of(Save(str(tmp_path / "link"))) is None
    assert size_of(Save(str(tmp_path / "gone"))) is None


def test_the_usual_time_between_saves_is_their_median():
    assert cadence([]) is None
    assert cadence([5.0]) is None
    assert cadence([0.0, 600.0, 1200.0, 9000.0]) == 600


def test_room_is_counted_in_saves():
    assert readings(Save("/data/a"), 10.0 * GIB, disk((0, 35)))["saves_left"] == 3.5
    assert readings(Save("/data/a"), None, disk((0, 35))) == {}
    assert readings(Save("/data/a"), 10.0 * GIB, disk()) == {}


def test_what_others_write_until_the_next_save_is_taken_off_and_its_own_saves_are_not():
    # 30 GiB go in ten minutes between two saves of 10 GiB: 20 of them are somebody else's.
    left = readings(Save("/data/a", every=600.0), 10.0 * GIB, disk((0, 65), (600, 35)))["saves_left"]
    assert abs(left - 1.5) < 1e-9
    alone = readings(Save("/data/a", every=600.0), 10.0 * GIB, disk((0, 45), (600, 35)))["saves_left"]
    assert abs(alone - 3.5) < 1e-9
