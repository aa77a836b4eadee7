"""The kernel's hints wake the loop at once; configs are read when they come and when they change."""

import threading
import time

from sentinel.sources.configs import AT_ONCE, LARGEST, PATIENCE, Config
from sentinel.sources.hints import Hints, room_for_a_watch
from sentinel.sources.opening import open_file
from tests.sources.plain_eyes import PlainEyes


def test_a_written_file_wakes_the_loop_and_reading_it_does_not(tmp_path):
    woken = threading.Event()
    hints = Hints([str(tmp_path)], woken.set)
    (tmp_path / "new").mkdir()
    assert woken.wait(5)
    woken.clear()
    hints.take()
    (tmp_path / "train.log").write_text("words")
    assert woken.wait(5)
    assert hints.trouble == []
    hints.close()


def test_a_root_that_is_not_there_yet_is_listened_to_later(tmp_path):
    hints = Hints([str(tmp_path / "later")], lambda: None)
    (tmp_path / "later").mkdir()
    hints.listen()
    assert hints.trouble == []
    hints.close()


def test_a_config_gives_its_facts_once_and_again_when_they_change(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"lr": 0.1, "seed": 1}')
    config = Config(str(path), "config.json")

    def look():
        facts = config.look(lambda p: open_file([str(tmp_path)], p), PlainEyes())
        return [(fact.name, fact.value) for fact in facts if fact.name.startswith("config.")]

    assert look() == [("config.lr", 0.1), ("config.seed", 1)]
    assert look() == []
    path.write_text('{"lr": 0.25, "seed": 1}')
    assert look() == [("config.lr", 0.25)]


def test_of_a_huge_config_only_its_size_is_a_fact(tmp_path):
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    (fact,) = Config(str(path), "config.json").look(lambda p: open_file([str(tmp_path)], p), PlainEyes())
    assert (fact.name, fact.value) == ("config.size_bytes", LARGEST + 1)


def test_a_reached_limit_of_watches_is_told_once(tmp_path):
    assert room_for_a_watch(str(tmp_path))
    hints = Hints([str(tmp_path)], lambda: None, room=lambda _: False)
    hints.listen()
    assert len(hints.trouble) == 1
    assert "max_user_watches" in hints.trouble[0]
    hints.close()


def large(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("# " + "x" * AT_ONCE + "\nlr: 0.1\n")
    return path


def looked(config, tmp_path):
    return [fact.name for fact in config.look(lambda p: open_file([str(tmp_path)], p), None)]


def test_a_large_config_is_read_by_a_child_that_nobody_waits_for(tmp_path):
    config = Config(str(large(tmp_path)), "config.yaml")
    began = time.monotonic()
    assert looked(config, tmp_path) == []
    assert time.monotonic() - began < 1.0
    found = []
    while not found and time.monotonic() < began + 30:
        found = looked(config, tmp_path)
    assert "config.lr" in found
    assert looked(config, tmp_path) == []


def hang(name, data):
    time.sleep(3600)


def test_a_child_that_hangs_is_ended_and_the_config_left(tmp_path):
    now = [0.0]
    config = Config(str(large(tmp_path)), "config.yaml", work=hang, steady=lambda: now[0])
    assert looked(config, tmp_path) == []
    now[0] = PATIENCE + 1
    assert looked(config, tmp_path) == []
    assert config._child is None
    assert looked(config, tmp_path) == []
