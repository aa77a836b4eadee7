"""The kernel's hints wake the loop at once; configs are read when they come and when they change."""

import errno
import select
import time

from sentinel.sources.configs import AT_ONCE, LARGEST, PATIENCE, Config
from sentinel.sources.hints import Hints
from sentinel.sources.opening import open_file
from tests.sources.plain_eyes import PlainEyes


def test_a_written_file_wakes_the_loop_and_reading_it_does_not(tmp_path):
    hints = Hints([str(tmp_path)])
    log = tmp_path / "train.log"
    (tmp_path / "new").mkdir()
    assert woken(hints)
    assert hints.take() == (set(), {str(tmp_path / "new")})
    log.write_text("words")
    assert woken(hints)
    assert hints.take() == ({str(log)}, {str(log)})
    log.read_text()
    assert not woken(hints)
    assert hints.trouble == []
    hints.close()


def woken(hints):
    """Whether a loop that sleeps on the hints would wake up; the kernel has spoken before a write returns."""
    return bool(select.select([hints.descriptor], [], [], 0)[0])


def test_folders_that_come_are_listened_to_and_their_files_named_even_those_that_were_there_before_us(tmp_path):
    hints = Hints([str(tmp_path)])
    inner = tmp_path / "run" / "logs"
    inner.mkdir(parents=True)
    (inner / "early.log").write_text("")
    _, changed = hints.take()
    assert str(inner / "early.log") in changed
    (inner / "late.log").write_text("words")
    assert str(inner / "late.log") in hints.take()[0]
    (tmp_path / "run").rename(tmp_path / "moved")
    hints.take()
    (tmp_path / "moved" / "logs" / "late.log").write_text("more")
    assert hints.take()[0] == {str(tmp_path / "moved" / "logs" / "late.log")}
    hints.close()


def test_hidden_folders_and_folders_that_want_to_be_left_alone_are_not_listened_to(tmp_path):
    for name in (".git", "mine/inner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mine" / ".nosentinel").write_text("")
    hints = Hints([str(tmp_path)])
    (tmp_path / ".git" / "index").write_text("")
    (tmp_path / "mine" / "inner" / "a.log").write_text("")
    assert hints.take() == (set(), set())
    hints.close()


def test_only_where_the_kernel_is_listened_to_it_is_sure_to_tell(tmp_path):
    (tmp_path / "run").mkdir()
    hints = Hints([str(tmp_path)])
    assert hints.tells(str(tmp_path / "run"))
    assert not hints.tells(str(tmp_path / "elsewhere"))
    hints.close()
    assert not hints.tells(str(tmp_path / "run"))


def test_it_is_sure_to_tell_of_a_pattern_with_one_folder_to_watch(tmp_path):
    (tmp_path / "run" / "logs").mkdir(parents=True)
    hints = Hints([str(tmp_path)])
    assert hints.tell_of([f"{tmp_path}/*", f"{tmp_path}/run/*.log"])
    assert not hints.tell_of([f"{tmp_path}/*", f"{tmp_path}/*/logs"])
    assert not hints.tell_of([f"{tmp_path}/run"])
    hints.close()


def test_a_root_that_is_not_there_yet_is_listened_to_later(tmp_path):
    hints = Hints([str(tmp_path / "later")])
    (tmp_path / "later").mkdir()
    hints.listen()
    assert hints.trouble == []
    assert hints.tells(str(tmp_path / "later"))
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


def test_a_kernel_that_takes_no_more_watches_is_told_once_with_its_cure(tmp_path):
    hints = Hints([str(tmp_path)])

    def full(folder):
        raise OSError(errno.ENOSPC, "no space", folder)

    hints._kernel.watch = full
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        hints.take()
    (trouble,) = hints.trouble
    assert "max_user_watches" in trouble
    assert not hints.tells(str(tmp_path / "a"))
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
    assert time.monotonic() - began < PATIENCE / 2
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
