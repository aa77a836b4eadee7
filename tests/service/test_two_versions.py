"""Two real versions on one state: an upgrade and a rollback lose nothing and send nothing twice, and both still talk.

The older one is an earlier commit of this repository, taken out of its history together with the packages that it pinned
and that are no longer needed; where either cannot be had the test is skipped.
"""

import importlib.metadata
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.outlets.servers import Web
from tests.world.settings import NO_DIGEST, channel_at, settings_in
from tests.world.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
PACKAGES = "packages"  # beside a version's own tree: what only that version needs
FIRST, SECOND = "4ed2dac7cf33", "5c5e76cbc0be"  # two states of the same number; the first knew no sleeping runs
NAN = "".join(f"step={n} loss={'nan' if n > 5 else 2.5 - n / 10}\n" for n in range(1, 12))
FINE = "".join(f"step={n} loss={2.5 - n / 10}\n" for n in range(1, 12))
RULE = """signature: mine
title: mine
family: dynamics
rules:
  - {rule: big, when: train.loss > 100, severity: high, say: "loss {train.loss:.0f} is big"}
"""

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300)]


class Version:
    """Sentinel as it stands in a folder."""

    def __init__(self, folder, number=""):
        self.folder = folder
        name = f"import sentinel; sentinel.__version__ = {number!r}; " if number else ""
        start = f"import sys; {name}from sentinel.cli.main import main; sys.exit(main())"
        self.command = [sys.executable, "-P", "-c", start]
        where = os.pathsep.join([str(folder), str(folder / PACKAGES)])
        self.environment = {**os.environ, "PYTHONPATH": where, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *words):
        command = [*self.command, *map(str, words)]
        return subprocess.run(command, env=self.environment, cwd="/", capture_output=True, text=True, timeout=60)

    def daemon(self, place):
        return Daemon(self, place)


class Daemon:
    """A daemon of one version on the state of a place."""

    def __init__(self, version, place):
        self.place, self.out = place, place / f"out-{len(list(place.glob('out-*')))}.txt"
        command = [*version.command, "run", "--settings", str(place / "sentinel.toml")]
        self.socket = place / "state" / "control"
        with self.out.open("w") as out:
            self.process = subprocess.Popen(command, env=version.environment, cwd="/", stdout=out, stderr=out)

    def __enter__(self):
        try:
            assert until(lambda: self.process.poll() is not None or self.socket.exists()), "no control socket"
            assert self.process.poll() is None, self.out.read_text()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_trouble):
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(PATIENCE) == 0, self.out.read_text()
        finally:
            self.process.kill()
            self.process.wait()

    def asked_by(self, version, *words):
        return version.run(*words, "--socket", self.socket)

    def told(self, version, *words):
        return [json.loads(line) for line in self.asked_by(version, *words, "--json").stdout.splitlines()]

    def status(self, version):
        return self.told(version, "status")[0]


def version_of(commit, folder):
    """The tree of a commit, with what it needs to run."""
    archive = folder.with_suffix(".tar")
    wanted = ["sentinel", "rules", "pyproject.toml", "constraints.txt"]
    command = ["git", "archive", "-o", str(archive), commit, *wanted]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the history of this checkout does not hold {commit}: {done.stderr.strip()}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    install_what_is_missing(folder)
    return Version(folder)


def install_what_is_missing(folder):
    """The packages that an older version needs and today's no longer has, and what these need, as it pinned them."""
    needed = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]
    here = {canonical(found.name) for found in importlib.metadata.distributions()}
    missing = [one for one in needed if canonical(re.split(r"[<>=!~ \[]", one)[0]) not in here]
    if not missing:
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pins = ["--constraint", str(folder / "constraints.txt"), "--target", str(folder / PACKAGES)]
    done = subprocess.run([*pip, *pins, *missing], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{', '.join(missing)} of {folder.name} cannot be installed: {done.stderr.strip()}")


def canonical(name):
    """One spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def shown(daemon, version, what):
    """One thing of each run, as `status` shows it."""
    return {each["run"]: each[what] for each in daemon.status(version)["runs"]}


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


@pytest.fixture
def place(tmp_path, web):
    (tmp_path / "runs").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yml").write_text(RULE)
    (tmp_path / "sentinel.toml").write_text(
        settings_in(tmp_path, rules=True, channel=[channel_at(web.port), channel_at(9, "dead")], tell=NO_DIGEST)
    )
    return tmp_path


def write(place, run, log):
    (place / "runs" / run).mkdir(exist_ok=True)
    with (place / "runs" / run / "train.log").open("a") as file:
        file.write(log)


def news(web):
    """The alerts that the channel was told of as new, each as often as it was."""
    fresh = [body for body in web.bodies("/in") if body["occasion"] == "new"]
    return [alert["id"] for body in fresh for alert in body.get("alerts") or [body["change"]]]


def kept(place):
    """What of the state must live: who waits on which channel, what people said, what fires."""
    with sqlite3.connect(f"file:{place}/state/sentinel.db?mode=ro", uri=True) as state:
        waiting = state.execute("SELECT id, state FROM deliveries WHERE channel = 'dead' ORDER BY n").fetchall()
        words = state.execute("SELECT saying, scope, target, who, at, until, over FROM words ORDER BY n").fetchall()
        alerts = state.execute("SELECT id, rule FROM alerts ORDER BY id").fetchall()
    return {"waiting": waiting, "words": words, "alerts": alerts}


def upgraded(place, web, old, new, hints):
    """A night under the old version, an upgrade in the midst of it; the state after each."""
    with old.daemon(place) as daemon:
        for run, log in (("a", NAN), ("b", FINE + "step=12 loss=500\n"), ("c", FINE)):
            write(place, run, log)
        alerts = lambda: {alert["rule"]: alert["id"] for alert in daemon.told(old, "alerts")}  # noqa: E731
        assert until(lambda: {"training", "big"} <= alerts().keys()), daemon.out.read_text()
        before = alerts()
        assert until(lambda: set(before.values()) <= set(news(web))), web.bodies()
        assert daemon.asked_by(old, "mute", before["big"], "2h").returncode == 0
        assert daemon.asked_by(old, "ack", before["training"]).returncode == 0
        assert daemon.asked_by(old, "keep", "a").returncode == 0
        understood_by_the_other(daemon, new, "b")
        assert until(lambda: kept(place)["waiting"])
    first = kept(place)
    write(place, "c", "step=12 loss=1.2\nstep=13 loss=700\n")  # while nobody watches
    with new.daemon(place) as daemon:
        big = lambda: [alert for alert in daemon.told(new, "alerts") if alert["rule"] == "big"]  # noqa: E731
        assert until(lambda: len(big()) == 2), daemon.out.read_text()
        understood_by_the_other(daemon, old, "b", hints)
        assert until(lambda: {alert["id"] for alert in daemon.told(new, "alerts")} == set(news(web))), news(web)
        standing = {run["run"]: run["standing"] for run in daemon.status(new)["runs"]}
        assert (standing["a"], len(standing)) == ("doomed", 3)
    second = kept(place)
    nothing_lost(first, second)
    assert len(second["alerts"]) == len(first["alerts"]) + 1
    assert sorted(news(web)) == sorted(set(news(web)))
    return second


def nothing_lost(before, after):
    """What people said and what was decided is there; what waited for a channel waits, or stands in a summary."""
    assert set(before["words"]) <= set(after["words"])
    assert set(before["alerts"]) <= set(after["alerts"])
    now, left = dict(after["waiting"]), {"waiting", "sending", "merged"}
    assert [one for one, state in before["waiting"] if state != "merged" and now.get(one) not in left] == []


def test_an_upgrade_from_the_first_state_loses_nothing_and_tells_nothing_twice(tmp_path, place, web):
    upgraded(place, web, version_of(FIRST, tmp_path / "old"), Version(ROOT), hints=False)


def test_an_upgrade_a_rollback_and_an_upgrade_again_lose_nothing_and_tell_nothing_twice(tmp_path, place, web):
    old, new = version_of(SECOND, tmp_path / "old"), Version(ROOT)
    second = upgraded(place, web, old, new, hints=True)
    for version, run, step in ((old, "d", 14), (new, "e", 15)):
        with version.daemon(place) as daemon:
            write(place, run, NAN)
            write(place, "c", f"step={step} loss=600\n")
            assert until(lambda: run in {alert["run"] for alert in daemon.told(version, "alerts")}), kept(place)  # noqa: B023
            assert until(lambda: set(news(web)) >= {row[0] for row in kept(place)["alerts"]}), news(web)
            assert until(lambda: shown(daemon, version, "step")["c"] == step)  # noqa: B023 - a calm line may wait a second
            assert shown(daemon, version, "standing")["a"] == "doomed"
            assert "Traceback" not in daemon.out.read_text() + json.dumps(daemon.status(version))
        nothing_lost(second, kept(place))
    assert sorted(news(web)) == sorted(set(news(web)))


def understood_by_the_other(daemon, other, run, hints=True):
    """A command of another version speaks to the daemon: its words are taken, and it says what to restart (the first did not)."""
    other = Version(other.folder, "9.9.9")  # between two commits of one number nobody can tell; a release has its own
    status = daemon.asked_by(other, "status")
    assert status.returncode == 0, status.stderr
    assert f" {run} " in status.stdout
    for words in (("mute", run, "1h"), ("keep", run)):
        done = daemon.asked_by(other, *words)
        assert done.returncode == 0, done.stderr
        assert ("restart it" in done.stderr) == hints
