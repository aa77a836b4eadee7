"""Only regular files below the watched folders are opened, whatever somebody puts in their place."""

import os

import pytest

from sentinel.sources.opening import open_file


def opened(tmp_path, name):
    content = open_file([str(tmp_path)], str(tmp_path / name))
    data = content.read(100, 0)
    content.close()
    return data


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "log").write_bytes(b"words")
    assert opened(tmp_path, "a/b/log") == b"words"


def test_a_pipe_is_refused_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="no regular file"):
        opened(tmp_path, "log")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "log").mkdir()
    with pytest.raises(OSError, match="no regular file"):
        opened(tmp_path, "log")


def test_a_link_inside_the_watch_is_followed_and_a_linked_folder_too(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "log").write_bytes(b"words")
    (tmp_path / "link").symlink_to("real/log")
    (tmp_path / "folder").symlink_to("real")
    assert opened(tmp_path, "link") == b"words"
    assert opened(tmp_path, "folder/log") == b"words"


@pytest.mark.parametrize("name", ["link", "folder/passwd"])
def test_a_link_out_of_the_watch_is_refused(tmp_path, name):
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    with pytest.raises(OSError, match="out of the watched folders"):
        opened(tmp_path, name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_to_a_file_of_another_owner_is_refused(tmp_path):
    (tmp_path / "log").write_bytes(b"words")
    os.chown(tmp_path / "log", 1234, -1)
    (tmp_path / "link").symlink_to("log")
    with pytest.raises(OSError, match="another owner"):
        opened(tmp_path, "link")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        opened(tmp_path, "log")
