"""The control socket: one line each way, served inside the loop."""

import json
import os
import socket
import stat

import pytest

from sentinel import __version__
from sentinel.daemon.control import LONGEST, Control, Refused
from sentinel.daemon.waiting import SelectorWaker


def refuse(request, peer):
    raise Refused("only root may")


def bug(request, peer):
    raise RuntimeError("oops")


HANDLERS = {"who": lambda request, peer: {"uid": peer.uid, "pid": peer.pid}, "no": refuse, "bug": bug}


@pytest.fixture
def waker():
    made = SelectorWaker()
    yield made
    made.close()


@pytest.fixture
def control(tmp_path, waker):
    made = Control(tmp_path / "state" / "control", waker, HANDLERS)
    yield made
    made.close()


def talk(control, waker, data, rounds=4):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(str(control.path))
        client.sendall(data)
        for _ in range(rounds):
            waker.wait(0.01)
        heard = client.recv(1 << 17)
    return json.loads(heard) if heard else None


def test_an_answer_is_one_line_and_the_kernel_vouches_for_the_peer(control, waker):
    answer = talk(control, waker, b'{"ask": "who"}\n')
    assert answer == {"v": 1, "ok": True, "version": __version__, "uid": os.getuid(), "pid": os.getpid()}


def test_an_unknown_word_says_that_the_daemon_may_be_older(control, waker):
    answer = talk(control, waker, b'{"ask": "dance"}\n')
    assert not answer["ok"]
    assert "restart it" in answer["why"]


def test_a_refusal_says_why_and_a_bug_does_not_end_the_watch(control, waker):
    assert talk(control, waker, b'{"ask": "no"}\n')["why"] == "only root may"
    assert "RuntimeError" in talk(control, waker, b'{"ask": "bug"}\n')["why"]
    assert talk(control, waker, b'{"ask": "who"}\n')["ok"]


@pytest.mark.parametrize("rude", [b"hello\n", b"[1]\n", b"\xff\xfe\n", b'{"ask": 5}\n'])
def test_rude_words_are_answered_with_a_reason(control, waker, rude):
    assert talk(control, waker, rude)["ok"] is False


def test_a_line_that_does_not_end_is_cut_off(control, waker):
    answer = talk(control, waker, b"x" * (LONGEST + 10), rounds=8)
    assert answer["why"].startswith("a request is one line")


def test_many_silent_clients_do_not_keep_others_out(control, waker):
    silent = []
    for _ in range(40):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(control.path))
        silent.append(client)
        waker.wait(0.01)
    assert talk(control, waker, b'{"ask": "who"}\n')["ok"]
    for client in silent:
        client.close()


def test_the_socket_is_for_owner_and_group_only(control):
    assert stat.S_IMODE(control.path.stat().st_mode) == 0o660


def test_waking_ends_a_wait(waker):
    waker.wake()
    waker.wait(60)
