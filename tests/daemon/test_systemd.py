"""What systemd hears: a real datagram socket stands in for its own."""

import socket
from contextlib import contextmanager

import pytest

from sentinel.daemon.systemd import Notifier


@contextmanager
def manager(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.setblocking(False)
        yield lambda: received(sock)


def received(sock):
    heard = []
    while True:
        try:
            heard.append(sock.recv(4096).decode())
        except BlockingIOError:
            return heard


@pytest.fixture
def heard(tmp_path):
    with manager(str(tmp_path / "notify")) as listen:
        yield listen


def notifier(tmp_path, clock=lambda: 0.0, **more):
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}
    return Notifier(environ, clock, pid=7), environ


def test_ready_carries_the_status_in_one_datagram(tmp_path, heard):
    notifier(tmp_path)[0].ready("3 runs")
    assert heard() == ["READY=1\nSTATUS=3 runs"]


def test_a_reload_says_when_it_began_and_then_ready(tmp_path, heard):
    speaker = notifier(tmp_path)[0]
    speaker.reloading(123456)
    speaker.ready()
    assert heard() == ["RELOADING=1\nMONOTONIC_USEC=123456", "READY=1"]


def test_a_status_is_sent_once_and_cannot_smuggle_a_line_in(tmp_path, heard):
    speaker = notifier(tmp_path)[0]
    speaker.status("2 runs\nWATCHDOG=1")
    speaker.status("2 runs\nWATCHDOG=1")
    assert heard() == ["STATUS=2 runs WATCHDOG=1"]


def test_the_watchdog_is_fed_four_times_a_period_however_often_the_loop_turns(tmp_path, heard):
    now = [0.0]
    speaker = notifier(tmp_path, lambda: now[0], WATCHDOG_USEC="60000000", WATCHDOG_PID="7")[0]
    for second in range(60):
        now[0] = float(second)
        speaker.watchdog()
    assert heard() == ["WATCHDOG=1"] * 4


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "8"}])
def test_a_watchdog_that_is_not_ours_is_not_fed(tmp_path, heard, more):
    notifier(tmp_path, **more)[0].watchdog()
    assert heard() == []


def test_children_inherit_no_way_to_speak_for_us(tmp_path, heard):
    environ = notifier(tmp_path, WATCHDOG_USEC="1000000", WATCHDOG_PID="7")[1]
    assert environ == {}


def test_an_abstract_socket_is_understood():
    with manager("\0sentinel-test-notify") as listen:
        Notifier({"NOTIFY_SOCKET": "@sentinel-test-notify"}).stopping("bye")
        assert listen() == ["STOPPING=1\nSTATUS=bye"]


def test_without_systemd_and_after_its_death_nothing_happens(tmp_path):
    assert not Notifier({}).listening
    Notifier({}).ready()
    notifier(tmp_path)[0].ready("nobody listens")
