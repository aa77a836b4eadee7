"""How commands find the daemon, and whom they do not trust."""

import argparse
import os
from pathlib import Path

import pytest

from sentinel.cli.asking import SYSTEM, NoDaemon, ask, candidates

NOBODY = argparse.Namespace(socket=None)


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("SENTINEL_SOCKET", raising=False)
    return tmp_path


def test_a_named_socket_is_the_only_place_to_look(somewhere, monkeypatch):
    assert candidates(argparse.Namespace(socket="/x")) == [Path("/x")]
    monkeypatch.setenv("SENTINEL_SOCKET", "/y")
    assert [str(path) for path in candidates(NOBODY)] == ["/y"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_socket_that_another_user_laid_out_is_not_spoken_to(somewhere):
    folder = somewhere / "run" / "sentinel"
    folder.mkdir(parents=True)
    assert folder / "control" in candidates(NOBODY)
    os.chown(folder, 12345, 12345)
    assert folder / "control" not in candidates(NOBODY)
    assert candidates(NOBODY)[-1] == SYSTEM


def test_without_a_daemon_the_places_are_named_and_what_to_do(somewhere):
    with pytest.raises(NoDaemon, match="start one with: sentinel run"):
        ask(NOBODY, {"ask": "status"})
