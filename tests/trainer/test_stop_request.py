"""The gift for training scripts, without torch: asked, saved whole or not at all, left with its own exit code."""

import os

import pytest

from sentinel.trainer import LISTENS, STOP_FILE, STOPPED_ON_REQUEST, StopRequest


def test_it_says_who_listens_and_hears_what_was_asked(tmp_path):
    request = StopRequest(tmp_path)
    assert (tmp_path / LISTENS).read_text() == f"{os.getpid()}\n"
    assert request.poll(1) == ""
    (tmp_path / STOP_FILE).write_text("checkpoint\n")
    assert request.poll(2) == "checkpoint"
    (tmp_path / STOP_FILE).write_text("")
    assert request.poll(3) == "stop"


def test_it_looks_only_at_each_nth_step(tmp_path):
    request = StopRequest(tmp_path, every=10)
    (tmp_path / STOP_FILE).touch()
    assert (request.poll(9), request.poll(10)) == ("", "stop")


def test_a_save_that_fails_leaves_the_old_file_and_the_request(tmp_path):
    (tmp_path / "a.pt").write_text("good")
    request = StopRequest(tmp_path)
    (tmp_path / STOP_FILE).touch()

    def fail(path):
        path.write_text("half")
        raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        request.save(fail, tmp_path / "a.pt")
    assert ((tmp_path / "a.pt").read_text(), (tmp_path / STOP_FILE).exists()) == ("good", True)
    request.save(lambda path: path.write_text("new"), tmp_path / "a.pt")
    assert ((tmp_path / "a.pt").read_text(), (tmp_path / STOP_FILE).exists()) == ("new", False)


def test_leaving_says_that_it_was_on_request(tmp_path):
    with pytest.raises(SystemExit) as left:
        StopRequest(tmp_path).leave()
    assert left.value.code == STOPPED_ON_REQUEST


def test_what_an_earlier_run_was_asked_is_no_word_to_the_next_one(tmp_path):
    (tmp_path / STOP_FILE).write_text("stop\n")
    assert StopRequest(tmp_path).poll() == ""
    assert not (tmp_path / STOP_FILE).exists()
