"""A watched folder whose disk does not answer: the others are watched, people are told, and the watch comes back with it.

Real: a file system that the kernel asks and that never answers, as a network folder whose server is away.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sentinel.daemon.dead_disks import DeadDisks, silent, without
from sentinel.daemon.settings import Settings, Watch
from tests.daemon.test_running import NAN, ROOT, until
from tests.outlets.servers import Web

SETTINGS = """[sentinel]
state = "{0}/state"
[[watch]]
name = "far"
runs = "{0}/far/runs/*"
poll = "100ms"
[[watch]]
name = "near"
runs = "{0}/near/*"
poll = "100ms"
[[channel]]
name = "hook"
url = "json://127.0.0.1:{1}/x"
[gpu]
enabled = false
[host]
enabled = false
[tell]
group = "0s"
digest = "never"
"""
DEAD = Path(__file__).with_name("dead_disk.py")


class Disk:
    """The far folder, which can be let die and come back."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def dies(self):
        self.process = subprocess.Popen(
            [sys.executable, DEAD, self.folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if self.process.stdout.readline() != b"dead\n":
            pytest.skip(f"nothing can be mounted here: {self.process.stderr.read().decode()[-200:]}")

    def comes_back(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            subprocess.run(["umount", "-l", self.folder], check=True)
            self.process = None


@pytest.fixture
def world(tmp_path):
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("mounting needs root and /dev/fuse")
    web = Web()
    for run in ("far/runs/a", "near/b"):
        (tmp_path / run).mkdir(parents=True)
    (tmp_path / "sentinel.toml").write_text(SETTINGS.format(tmp_path, web.port))
    disk = Disk(tmp_path / "far")
    yield tmp_path, disk, web
    disk.comes_back()
    web.close()


class Daemon:
    def __init__(self, place):
        self.place = place
        self.out = place / "out.txt"
        command = [sys.executable, "-P", "-m", "sentinel", "run", "--settings", str(place / "sentinel.toml")]
        with self.out.open("a") as out:
            self.process = subprocess.Popen(
                command, cwd="/", stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )

    def __enter__(self):
        return self

    def __exit__(self, *_trouble):
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(15) == 0, self.out.read_text()
        finally:
            self.process.kill()
            self.process.wait()

    def says(self, *words):
        command = [sys.executable, "-m", "sentinel", *words, "--json", "--socket", str(self.place / "state/control")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []

    def status(self):
        return (self.says("status") or [{"runs": [], "troubles": []}])[0]

    def runs(self):
        return {run["run"].rpartition("/")[2]: run["standing"] for run in self.status()["runs"]}


@pytest.mark.timeout(180)
def test_the_others_are_watched_and_the_watch_comes_back_with_its_disk_as_it_was(world):
    place, disk, web = world
    (place / "far/runs/a/train.log").write_text(NAN)
    (place / "near/b/train.log").write_text("step=1 loss=2.0\n")
    with Daemon(place) as daemon:
        assert until(lambda: daemon.runs().get("a") == "doomed", 60), daemon.out.read_text()
        (alert,) = daemon.says("alerts")
    disk.dies()
    with Daemon(place) as daemon:
        assert until(lambda: "b" in daemon.runs(), 60), daemon.out.read_text()
        assert "a" not in daemon.runs()
        assert any(
            f"watch far is not looked into, for {place}/far/runs does not answer" in t
            for t in daemon.status()["troubles"]
        )
        assert until(lambda: any("does not answer" in json.dumps(body.decode()) for _, _, body in web.requests), 30)
        with (place / "near/b/train.log").open("a") as log:
            log.write(NAN)
        assert until(lambda: daemon.runs().get("b") == "doomed", 60)
        pid = daemon.process.pid
        disk.comes_back()
        assert until(lambda: daemon.runs().get("a") == "doomed", 60), daemon.out.read_text()
        assert daemon.process.pid == pid  # the same process to whoever started it
        assert daemon.process.poll() is None
        assert daemon.status()["troubles"] == []
        assert alert["id"] in {each["id"] for each in daemon.says("alerts")}
    told = [body.decode() for _, _, body in web.requests]
    assert sum(alert["id"] in body and "first look" not in body for body in told) <= 1, told


@pytest.mark.torture
@pytest.mark.timeout(120)
def test_a_reload_that_would_touch_a_dead_disk_is_not_taken_and_says_why(world):
    place, disk, _ = world
    text = (place / "sentinel.toml").read_text()
    (place / "sentinel.toml").write_text(text.replace("/far/runs/*", "/elsewhere/*"))
    (place / "near/b/train.log").write_text("step=1 loss=2.0\n")
    with Daemon(place) as daemon:
        assert until(lambda: "b" in daemon.runs(), 60), daemon.out.read_text()
        disk.dies()
        (place / "sentinel.toml").write_text(text)
        daemon.process.send_signal(signal.SIGHUP)
        assert until(lambda: "reload not taken" in daemon.out.read_text(), 30), daemon.out.read_text()
        assert f"{place}/far/runs does not answer" in daemon.out.read_text()
        assert "b" in daemon.runs()


@pytest.mark.torture
@pytest.mark.timeout(60)
def test_doctor_names_a_dead_disk_and_does_not_wait_for_it(world):
    place, disk, _ = world
    disk.dies()
    began = time.monotonic()
    command = [sys.executable, "-m", "sentinel", "doctor", "--json", "--settings", str(place / "sentinel.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert time.monotonic() - began < 40
    (far,) = [thing for thing in found if thing["check"] == "watch far"]
    assert (far["state"], f"{place}/far/runs does not answer" in far["what"]) == ("missing", True)
    assert far["cure"].startswith(f"sudo umount -fl {place}/far; sudo mount {place}/far ")
    assert [thing["state"] for thing in found if thing["check"] == "watch near"] == ["ok"]


# --- the parts, with a disk that a test holds ------------------------------------------------------------------------


def test_only_a_disk_that_does_not_answer_is_left_out_and_it_is_seen_when_it_does():
    held, now = threading.Event(), [0.0]
    watches = [
        Watch(name="far", runs="/far/*"),
        Watch(name="near", runs="/near/*"),
        Watch(name="both", files=["/near/x", "/far/y"]),
    ]
    dead = DeadDisks(
        silent(watches, 0.05, lambda root: held.wait(30) if root.startswith("/far") else None), lambda: now[0]
    )
    assert list(dead.open) == ["far", "both"]
    assert not dead.came_back()
    held.set()
    for them in dead.open.values():
        assert all(one.answers(10) for one in them)
    assert not dead.came_back()  # it was looked at a moment ago
    now[0] = 11.0
    assert dead.came_back()


def test_where_every_watch_is_left_out_nothing_else_is_watched_in_their_stead():
    settings = Settings(watch=[Watch(name="far", runs="/far/*")])
    assert [watch.runs for watch in without(settings, ["far"]).watches()] == ["/dev/null/*"]
    assert without(settings, []) is settings
