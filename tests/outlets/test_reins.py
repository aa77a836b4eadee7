"""Who acts on a run: one at a time, by the kernel's lock on its folder."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sentinel.outlets.hands.reins import Reins
from tests.world.waiting import awaited

HOLDS = "import fcntl,os,sys,time; h=os.open(sys.argv[1],os.O_RDONLY); fcntl.flock(h,fcntl.LOCK_EX); print(flush=True); time.sleep(60)"


@contextmanager
def held(folder, name="sentinel"):
    """Another process that has the folder's lock, and that name on its command line."""
    other = subprocess.Popen([sys.executable, "-X", name, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        yield other
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


@pytest.fixture
def reins(tmp_path):
    mine = Reins()
    yield mine
    mine.drop(str(tmp_path))


def test_nobody_else_has_the_reins_of_a_run_that_is_left_alone(reins, tmp_path):
    assert reins.rival(str(tmp_path), os.getuid()) == ""
    assert reins.take(str(tmp_path), os.getuid()) == ""
    assert str(tmp_path) in reins._held


def test_whom_another_sentinel_forestalled_is_told_by_whom(reins, tmp_path):
    with held(tmp_path) as other:
        for said in (reins.rival(str(tmp_path), os.getuid()), reins.take(str(tmp_path), os.getuid(), 0.1)):
            assert f"pid {other.pid} of uid {os.getuid()} is at it" in said


def test_the_reins_of_one_that_was_killed_are_free(reins, tmp_path):
    with held(tmp_path) as other:
        other.kill()
        awaited(lambda: reins.take(str(tmp_path), os.getuid()) == "")
    assert str(tmp_path) in reins._held


def test_looking_takes_nothing(reins, tmp_path):
    looks = Reins()
    looks.rival(str(tmp_path), os.getuid())
    assert reins.take(str(tmp_path), os.getuid()) == ""
    assert str(tmp_path) in reins._held


def test_taking_twice_is_taking_once_and_what_is_dropped_is_free(reins, tmp_path):
    assert [reins.take(str(tmp_path), os.getuid()) for _ in range(2)] == ["", ""]
    reins.drop(str(tmp_path))
    other = Reins()
    assert other.take(str(tmp_path), os.getuid()) == ""
    assert str(tmp_path) in other._held
    other.drop(str(tmp_path))


def test_a_lock_of_any_other_program_keeps_nobody_from_acting(reins, tmp_path):
    """Such as `flock runs/a python train.py`, the training's own."""
    with held(tmp_path, name="dev"):
        assert reins.rival(str(tmp_path), os.getuid()) == ""
        assert reins.take(str(tmp_path), os.getuid(), 5.0) == ""


def test_a_folder_that_is_gone_holds_nobody_up(reins, tmp_path):
    assert reins.take(str(tmp_path / "gone"), os.getuid()) == ""
    assert reins.rival(str(tmp_path / "gone"), os.getuid()) == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_stranger_s_sentinel_keeps_nobody_from_acting(reins, tmp_path):
    code = HOLDS.replace("; h=", "; os.setuid(4321); h=")
    readable = f"/tmp/reins-of-a-stranger-{os.getpid()}"  # the fixture's folders are closed to others
    os.mkdir(readable, 0o755)
    other = subprocess.Popen([sys.executable, "-X", "sentinel", "-c", code, readable], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        assert reins.take(readable, 0, 5.0) == ""
        assert "is at it" in reins.take(readable, 4321, 0.1)  # the run's owner is no stranger
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
        os.rmdir(readable)
