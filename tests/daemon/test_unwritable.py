"""The real daemon on a state folder that takes nothing: a read-only mount, and a disk that fills up while alerts fire."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.daemon.test_running import NAN, ROOT, ask
from tests.outlets.servers import Web
from tests.world.settings import channel_at, settings_in
from tests.world.waiting import until


def refused():
    """Why this machine lets nobody mount in a namespace of their own, or ""."""
    if shutil.which("unshare") is None:
        return "there is no unshare here"
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=20)
    return done.stderr.strip() if done.returncode else ""


NO_MOUNTS = refused()
pytestmark = pytest.mark.skipif(bool(NO_MOUNTS), reason=f"mounts are not allowed here: {NO_MOUNTS}")


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


@pytest.fixture
def begin(tmp_path, web):
    """The daemon in a mount namespace of its own, its state folder mounted with these options."""
    for folder in ("runs", "state"):
        (tmp_path / folder).mkdir()
    text = settings_in(tmp_path, sentinel={"socket": f"{tmp_path}/control"}, channel=[channel_at(web.port)])
    (tmp_path / "sentinel.toml").write_text(text)
    living = []

    def start(options):
        run = f"{sys.executable} -m sentinel run --settings {tmp_path}/sentinel.toml"
        script = f"mount -t tmpfs -o {options} tmpfs {tmp_path}/state && exec {run}"
        with (tmp_path / "out.txt").open("w") as out:
            daemon = subprocess.Popen(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, stdout=out, stderr=out)
        living.append(daemon)
        assert until((tmp_path / "control").exists), (tmp_path / "out.txt").read_text()
        return daemon

    yield start
    for daemon in living:
        daemon.kill()
        daemon.wait()


def fail(place, run):
    (place / "runs" / run).mkdir()
    (place / "runs" / run / "train.log").write_text(NAN)


def told(web, part):
    return [body for body in web.bodies("/in") if part in body["title"] + body["text"]]


def status(place):
    done = ask_at(place, "status", "--json")
    return json.loads(done.stdout)


def ask_at(place, *words):
    link = place / "state" / "control"  # `ask` looks there; outside the namespace this folder is an ordinary one
    if not link.is_symlink():
        link.symlink_to(place / "control")
    return ask(place, *words)


def fill(daemon, place):
    """Take all that is left of the daemon's own disk, seen through its namespace."""
    folder = f"/proc/{daemon.pid}/root{place}/state"
    name = f"{folder}/other-{len(os.listdir(folder))}"
    with contextlib.suppress(OSError), open(name, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return os.listdir(folder)


def test_on_a_read_only_mount_people_are_told_and_told_about_that(tmp_path, web, begin):
    begin("ro,size=1m")
    fail(tmp_path, "a")
    assert until(lambda: told(web, "cannot write its state") and told(web, "a: ")), (tmp_path / "out.txt").read_text()
    assert told(web, "not written down")
    shown = status(tmp_path)
    assert shown["on_disk"] is False
    assert shown["disk"]
    assert [run["standing"] for run in shown["runs"]] == ["doomed"]


def test_a_disk_that_fills_up_frees_its_reserve_first_and_then_goes_on_from_memory(tmp_path, web, begin):
    daemon = begin("size=12m")
    assert until(lambda: status(tmp_path)["on_disk"])
    assert "reserve" in fill(daemon, tmp_path)
    fail(tmp_path, "a")
    assert until(lambda: told(web, "the state disk is full") and told(web, "a: ")), (tmp_path / "out.txt").read_text()
    assert status(tmp_path)["on_disk"]
    assert "reserve" not in fill(daemon, tmp_path)
    fail(tmp_path, "b")
    assert until(lambda: told(web, "cannot write its state") and told(web, "b: ")), (tmp_path / "out.txt").read_text()
    assert len({body["delivery"] for body in web.bodies("/in")}) == len(web.bodies("/in"))
