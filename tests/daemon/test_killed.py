"""A daemon killed -9 at any moment loses no decided alert, and repeats at most one delivery per channel and crash."""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentinel.cli.asking import NoDaemon, ask
from sentinel.daemon.books import open_books
from sentinel.daemon.replay import Replayed, replay
from tests.daemon.jumps import RULES
from tests.world.settings import ALL, CHANNELS_ONLY, UNLIMITED, channel_at, settings_in
from tests.world.waiting import PATIENCE, awaited, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook():
    """A real server that keeps what it was told."""
    told: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.told = told
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def prepare(folder: Path, port: int) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "jumps.yml").write_text(RULES)
    (folder / "runs").mkdir()
    settings = folder / "sentinel.toml"
    settings.write_text(
        settings_in(folder, rules=True, channel=[channel_at(port, **ALL)], tell=CHANNELS_ONLY | UNLIMITED)
    )
    return settings


def life(settings: Path, point: str, passing: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.torture", str(settings), point, str(passing)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def write_alerts(folder: Path, run: int, steps: int) -> None:
    """Each run fires and clears by turns: every second row is above the limit."""
    path = folder / "runs" / f"r{run}" / "train.log"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as out:
        for step in range(steps):
            out.write(f"step={run * 100_000 + step} toy.high={9 if step % 2 else 1}\n")
            out.flush()


def live_through(tmp_path: Path, hook, kills: int, runs: int, rows: int) -> Path:
    """So many lives of the daemon, each ended by SIGKILL: half of them at a fault point, half at any moment."""
    settings = prepare(tmp_path, hook.server_address[1])
    first_life(tmp_path, settings)
    dice = random.Random(7)
    points = ["decided", "committed", "delivered"]
    for kill in range(kills):
        point = points[kill // 2 % len(points)] if kill % 2 else "never"
        daemon = life(settings, point, dice.randint(1, 3))
        if kill < runs:
            write_alerts(tmp_path, kill, rows)
        if kill % 4:  # every fourth is killed while it starts
            until(lambda: daemon.poll() is not None or answers(tmp_path))  # noqa: B023
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(timeout=dice.uniform(0.0, 0.6))
        daemon.kill()
        daemon.communicate()
    last_life(tmp_path, settings)
    return tmp_path / "state" / "sentinel.db"


def first_life(tmp_path: Path, settings: Path) -> None:
    """What was written before the very first turn is history; so the first turn comes before the first run."""
    daemon = life(settings, "never", 1)
    awaited(lambda: looked(tmp_path / "state" / "sentinel.db"))
    daemon.kill()
    daemon.communicate()


def looked(database: Path) -> bool:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as state,
    ):
        return state.execute("SELECT count(*) FROM meta WHERE key = 'first look'").fetchone()[0] > 0
    return False


def last_life(tmp_path: Path, settings: Path) -> None:
    """One that is left in peace until all that was decided is written down and told, and then asked to end."""
    daemon, database, expected = life(settings, "never", 1), tmp_path / "state" / "sentinel.db", decided(tmp_path)
    left = lambda: (waiting(database), not_taken(database), written(database) != expected)  # noqa: E731
    until(lambda: answers(tmp_path) and not any(left()), 2 * PATIENCE)
    daemon.terminate()
    _, errors = daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0, errors.decode()


def answers(tmp_path: Path) -> bool:
    """Whether the daemon is up: the socket of one that was killed is still there, but nobody answers at it."""
    with contextlib.suppress(NoDaemon):
        return bool(ask(argparse.Namespace(socket=str(tmp_path / "state" / "control")), {"ask": "status"})["ok"])
    return False


def decided(tmp_path: Path) -> dict[str, int]:
    """What an undisturbed run over the same bytes decides: firings by run."""
    books = open_books([tmp_path / "rules"])
    folders = sorted((tmp_path / "runs").iterdir())
    return {folder.name: firings(replay(folder, books.book, books.names)) for folder in folders}


def firings(replayed: Replayed) -> int:
    return sum(change.signature == "jumps" for change in replayed.firing)


def written(database: Path) -> dict[str, int]:
    """What the killed daemon wrote down: firings by run."""
    with contextlib.closing(sqlite3.connect(database)) as state:
        rows = state.execute(
            "SELECT run, count(*) FROM effects WHERE phase = 'fired' AND rule = 'jumps/high' GROUP BY run"
        )
        return {run.rsplit("/", 1)[-1]: count for run, count in rows}


def waiting(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as state:
        return state.execute("SELECT count(*) FROM deliveries WHERE state NOT IN ('sent', 'merged')").fetchone()[0]


def not_taken(database: Path) -> int:
    """Changes that were written down but never reached the outbox (there a storm of runs becomes one digest)."""
    with contextlib.closing(sqlite3.connect(database)) as state:
        taken = {key.rstrip("|") for (key,) in state.execute("SELECT key FROM taken")}
        rows = state.execute("SELECT run, rule, instance, n, phase FROM effects WHERE kind = 'tell'").fetchall()
    return sum("|".join(map(str, row)).rstrip("|") not in taken for row in rows)


def check(tmp_path: Path, hook, kills: int, runs: int, rows: int) -> None:
    database = live_through(tmp_path, hook, kills, runs, rows)
    expected = decided(tmp_path)
    assert sum(expected.values()) >= runs * rows // 2
    assert written(database) == expected
    assert waiting(database) == 0
    repeated = sum(count - 1 for count in Counter(json.dumps(body, sort_keys=True) for body in hook.told).values())
    assert repeated <= kills
    assert not_taken(database) == 0


def test_a_daemon_killed_twelve_times_loses_no_alert(tmp_path, hook):
    check(tmp_path, hook, kills=12, runs=6, rows=40)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_daemon_killed_two_hundred_times_loses_no_alert(tmp_path, hook):
    check(tmp_path, hook, kills=200, runs=20, rows=40)
