"""Tricks with files in a watched folder: none makes the daemon read something else, hang, or fill its memory."""

import os
import socket

import pytest

from sentinel.sources.opening import RefusedError, open_file, open_watched

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "watched" / "run"
    folder.mkdir(parents=True)
    return folder


def opened(run, name):
    descriptor = open_watched([str(run.parent)], str(run / name))
    try:
        return os.pread(descriptor, 100, 0)
    finally:
        os.close(descriptor)


def refused(run, name):
    with pytest.raises(OSError):  # noqa: PT011 - which of the refusals it is depends on the trick
        opened(run, name)
    return True


def test_an_ordinary_log_is_read(run):
    (run / "train.log").write_text("loss=1\n")
    assert opened(run, "train.log") == b"loss=1\n"


def test_a_fifo_neither_hangs_nor_is_read(run):
    os.mkfifo(run / "train.log")
    assert refused(run, "train.log")


def test_a_socket_and_a_folder_are_no_logs(run):
    (run / "metrics.csv").mkdir()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(run / "train.log"))
    assert refused(run, "train.log")
    assert refused(run, "metrics.csv")


@as_root
def test_a_device_that_never_ends_is_not_read(run):
    os.mknod(run / "train.log", 0o20644, os.makedev(1, 5))
    assert refused(run, "train.log")


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "/proc/self/environ", "../../secret", "/dev/stdin"])
def test_a_link_out_of_the_watched_folders_is_not_followed(run, target):
    (run.parent.parent / "secret").write_text("secret")
    (run / "train.log").symlink_to(target)
    assert refused(run, "train.log")


def test_a_folder_that_is_a_link_leads_nowhere_else(run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "train.log").write_text("secret")
    (run / "logs").symlink_to(tmp_path / "other")
    assert refused(run, "logs/train.log")


def test_a_link_within_the_watch_is_followed(run):
    (run / "train-1.log").write_text("loss=1\n")
    (run / "latest.log").symlink_to("train-1.log")
    assert opened(run, "latest.log") == b"loss=1\n"


def test_links_in_a_circle_end(run):
    (run / "a.log").symlink_to("b.log")
    (run / "b.log").symlink_to("a.log")
    assert refused(run, "a.log")


@as_root
def test_a_link_to_another_users_file_is_not_followed(run):
    secret = run.parent / "theirs.log"
    secret.write_text("secret")
    os.chown(secret, 4711, 4711)
    (run / "train.log").symlink_to(secret)
    with pytest.raises(RefusedError, match="another owner"):
        opened(run, "train.log")


@as_root
def test_a_hard_link_to_another_users_file_is_not_read(run, tmp_path):
    secret = tmp_path / "shadow"
    secret.write_text("secret")
    os.chown(run, 4711, 4711)
    os.link(secret, run / "train.log")
    with pytest.raises(RefusedError, match="second name"):
        opened(run, "train.log")


def test_a_sparse_terabyte_costs_only_what_is_asked_for(run):
    with (run / "train.log").open("wb") as file:
        file.truncate(1 << 40)
    held = open_file([str(run.parent)], str(run / "train.log"))
    try:
        assert held.size == 1 << 40
        assert len(held.read(65536, 0)) == 65536
    finally:
        held.close()


def test_a_path_with_dots_does_not_climb_out(run):
    (run.parent.parent / "secret").write_text("secret")
    assert refused(run, "../../secret")
