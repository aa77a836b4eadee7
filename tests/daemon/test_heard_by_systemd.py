"""What systemd hears of the daemon: ready, reloading, and the watchdog, which is fed by work and not by living."""

import os
import socket
import threading
from types import SimpleNamespace

import pytest

from sentinel.daemon.alive import WORKER, Alive
from sentinel.daemon.progress import Progress
from sentinel.daemon.settings import Tell
from tests.world.waiting import until


class Manager:
    """systemd's end of the notification socket."""

    def __init__(self, place, monkeypatch):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(place / "notify"))
        self.socket.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(place / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    def heard(self):
        lines = []
        while True:
            try:
                lines += self.socket.recv(8192).decode().split("\n")
            except BlockingIOError:
                return lines


@pytest.fixture
def manager(house, monkeypatch):
    made = Manager(house.place, monkeypatch)
    yield made
    made.socket.close()


def test_ready_comes_with_what_the_first_sweep_has_found(house, manager):
    for n in range(40):
        house.log(f"r{n}", "step=1 loss=2.0\n")
    house.begin()
    heard = manager.heard()
    while house.daemon.sweeping or not house.daemon.turns:
        assert "READY=1" not in heard
        house.turn()
        heard += manager.heard()
    ready = heard.index("READY=1")
    assert heard[ready + 1].startswith("STATUS=40 runs, ")
    assert house.daemon.turns > 2
    assert heard[:2] == ["STATUS=looking for runs", "EXTEND_TIMEOUT_USEC=300000000"]


def test_while_the_first_sweep_goes_on_the_manager_hears_how_far_it_is_and_to_wait_longer(house, manager):
    for n in range(40):
        house.log(f"r{n}", "step=1 loss=2.0\n")
    house.begin()
    manager.heard()
    house.turn()
    assert manager.heard() == [
        "STATUS=first sweep: 28 of 40 runs are still to be read", "EXTEND_TIMEOUT_USEC=300000000", "WATCHDOG=1",
    ]  # fmt: skip
    house.daemon.ask_reload()
    house.turn(2)
    assert "READY=1" not in manager.heard()


def test_a_bug_in_reading_files_holds_ready_up_no_longer_than_the_first_turn(house, manager):
    house.log("r", "step=1 loss=2.0\n")
    house.begin()

    def broken(_now):
        house.daemon.files.watcher._new["gone"] = None
        raise RuntimeError("a bug")
        yield

    house.daemon.sources[0] = SimpleNamespace(name="files", read=broken, trouble=list, close=lambda: None)
    house.turn()
    assert "READY=1" in manager.heard()


def test_a_reload_is_announced_and_closed_whether_it_is_taken_or_not(house, manager):
    house.start()
    manager.heard()
    for text in (house.settings.read_text(), "[[watch]\n"):
        house.settings.write_text(text)
        house.reload()
        heard = manager.heard()
        assert heard.index("RELOADING=1") < heard.index("READY=1")
        assert heard[heard.index("RELOADING=1") + 1].startswith("MONOTONIC_USEC=")
    house.turn()
    assert any("last reload not taken" in line for line in [*heard, *manager.heard()])


def test_the_watchdog_is_fed_by_turns_and_starves_while_a_worker_stands_still(house, manager):
    """The ping's server takes the connection and never answers: its thread stands still, the loop does not."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        house.write(tell={"alive": f"http://127.0.0.1:{deaf.getsockname()[1]}/"})
        house.start()
        office = house.daemon.delivering
        office._alive._within = 0.3
        office._alive._due = 0.0
        house.until(lambda: "WATCHDOG=1" in manager.heard())
        until(lambda: office._alive._thread is None or not office._alive._thread.is_alive(), 0.1)
        office._progress.began(WORKER, 0.0, 0.0)  # long ago
        manager.heard()
        house.turn(10)
        assert "WATCHDOG=1" not in manager.heard()
        connection, _ = deaf.accept()
        connection.close()
        house.until(lambda: "WATCHDOG=1" in manager.heard())


def test_a_ping_that_never_ends_breaks_its_promise_and_one_that_ends_keeps_it():
    progress, held, now = Progress(), threading.Event(), [0.0]
    alive = Alive(Tell(alive="http://127.0.0.1:1/"), lambda: now[0], progress, within=60.0)
    alive._ping = lambda: held.wait(10)
    alive.beat(True)
    now[0] = 61.0
    alive.beat(True)
    assert progress.late(61.0)[WORKER].seconds == 61.0
    held.set()
    alive._thread.join()
    alive.beat(False)
    assert progress.late(61.0) == {}
