"""A daemon killed -9 at any moment loses no decided alert, and repeats at most one delivery per channel and crash."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentinel.daemon.books import open_books
from sentinel.daemon.replay import replay

ROOT = Path(__file__).parents[2]
RULES = """signature: jumps
title: A number above its limit
family: dynamics
why: [it was written there]
try: [nothing]
wrong_if: [never]
names:
  toy.high: {better: lower}
rules:
  - rule: high
    when: toy.high > 5
    severity: critical
    say: "{toy.high:.0f} is above 5"
"""
SETTINGS = """[sentinel]
state = "{folder}/state"
rules = ["{folder}/rules"]
[[watch]]
name = "t"
runs = "{folder}/runs/*"
poll = "100ms"
[gpu]
enabled = false
[host]
enabled = false
[[channel]]
name = "hook"
url = "json://127.0.0.1:{port}/in"
when = "severity >= info"
pictures = false
[tell]
group = "0s"
terminal = false
journal = false
most = "100000 a run and day, 100000 a channel and day"
"""


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
    settings.write_text(SETTINGS.format(folder=folder, port=port))
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


def play(tmp_path: Path, hook, kills: int, runs: int, rows: int) -> tuple[Counter, set[str]]:
    settings = prepare(tmp_path, hook.server_address[1])
    dice = random.Random(7)
    points = ["decided", "committed", "delivered", ""]
    for kill in range(kills):
        point = points[kill % len(points)] if kill % 2 else ""
        daemon = life(settings, point or "never", dice.randint(1, 4))
        if kill < runs:
            write_alerts(tmp_path, kill, rows)
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(timeout=dice.uniform(0.5, 1.4))
        daemon.kill()
        daemon.communicate()
    return finish(tmp_path, settings, hook)


def finish(tmp_path: Path, settings: Path, hook) -> tuple[Counter, set[str]]:
    daemon = life(settings, "never", 1)
    quiet, seen, end = 0, -1, time.monotonic() + 60
    while quiet < 6 and time.monotonic() < end:
        time.sleep(0.5)
        quiet, seen = (quiet + 1, seen) if len(hook.told) == seen else (0, len(hook.told))
    daemon.terminate()
    daemon.communicate(timeout=10)
    return Counter(), set()


def decided(tmp_path: Path) -> Counter:
    """What an undisturbed run over the same bytes decides: firings by run."""
    books = open_books([tmp_path / "rules"])
    out: Counter = Counter()
    for folder in sorted((tmp_path / "runs").iterdir()):
        out[folder.name] = len(replay(folder, books.book, books.names).firing)
    return out
