"""A real daemon, armed, over real trainings: python -m tests.daemon.stopping_night SETTINGS WAITS DIE_AT; and what tests
need to set such a night up and to read afterwards what came of it.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sentinel.core.stopping_plan import Stage
from sentinel.core.stopping_world import Level, Limits
from sentinel.daemon.assembly import Plan, assemble
from sentinel.daemon.settings import load_settings
from sentinel.daemon.signals import run_until_told
from sentinel.keep import plans
from sentinel.outlets.hands.consent import write_consent
from tests.world.settings import CHANNELS_ONLY, UNLIMITED, channel_at, settings_in, watching
from tests.world.waiting import awaited

ROOT = Path(__file__).parents[2]
MORTAL = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []  # nobody outlives a test that was ended
TRAININGS = ROOT / "tests" / "outlets" / "trainings"
SHORT = {
    "lasting": 0.5, "fresh": 30.0, "surveyed": 30.0, "save_wait": 20.0, "save_most": 60.0, "exit_wait": 15.0, "still": 0.5,
    "quiet_after": 2.5, "rehearsals": 0,
}  # fmt: skip
RULES = """signature: {name}
title: A run that these tests call doomed
family: dynamics
why: [it was written there]
try: [nothing]
wrong_if: [never]
rules:
  - rule: {name}
    when: {when}
    after: 5 steps
    severity: critical
    doom: 0.9
    action: {action}
    only: {{watch: {watch}}}
    labels: {{sign: {sign}}}
    say: "doomed"
"""


SOON = {"settle": "1s", "worth": "1 GPU-hours", "most": "99 at once, 99 an hour, 99 a day", "crowd": "100 %"}


class Night:
    """A folder with settings, rules, a channel, and the daemon and trainings that were started in it."""

    def __init__(self, folder, *, quiet=(), port=None, mode="armed", grace="4s", waits=None, host=False):
        self.folder, self.waits, self.told, self.deaf = folder, {**SHORT, **(waits or {})}, [], False
        self.trainings, self.processes, self.daemon, self._forgiven = {}, [], None, set()
        self._server = self._listen() if port is None else None
        (folder / "rules").mkdir()
        self.rule("bad", "train.loss < 0.05", "terminal", "t")
        self.rule("broken", "nonfinite(train.loss)", "terminal", "t")
        self.rule("still", "silence > 2", "hung", "h")
        self.rule("low", "train.loss < 0.05", "none", "h", action="tell")
        text = settings_in(
            folder,
            rules=True,
            watch=[watching("t", f"{folder}/runs", stop="kill"), watching("h", f"{folder}/hanging", stop="kill")],
            host={"enabled": host},
            channel=[channel_at(port or self._server.server_address[1], pictures=False, quiet=list(quiet))],
            tell=CHANNELS_ONLY | UNLIMITED,
            stop=SOON | {"mode": mode, "grace": grace},
        )
        (folder / "sentinel.toml").write_text(text)
        for name in ("runs", "hanging"):
            (folder / name).mkdir()

    def rule(self, name, when, sign, watch, action="stop"):
        text = RULES.format(name=name, when=when, sign=sign, watch=watch, action=action)
        (self.folder / "rules" / f"{name}.yml").write_text(text)

    def _listen(self):
        night = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not night.deaf:
                    night.told.append(message)
                self.send_response(503 if night.deaf else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    # --- who runs ---------------------------------------------------------------------------------------------------

    def train(self, name, mode="handler,early", *, under="runs", consent=Level.STOP, command=None, more=(), env=None):
        """A training in a folder of its own; by default the plain loop."""
        folder = self.folder / under / name
        folder.mkdir()
        (folder / "config.yaml").write_text("max_steps: 100000000\n")
        if consent is not None:
            write_consent(folder, consent)
        words = command or [sys.executable, str(TRAININGS / "plain.py"), str(folder), mode, *map(str, more)]
        with (self.folder / f"{name}.out").open("w") as out:
            process = subprocess.Popen(
                [*MORTAL, *words],
                cwd=self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        self.trainings[name] = process
        self.processes.append(process)
        return folder

    def watch(self, die_at=0):
        """One life of the daemon, which kills itself at its n-th writing of a plan."""
        words = [str(self.folder / "sentinel.toml"), json.dumps(self.waits), str(die_at)]
        with (self.folder / "daemon.out").open("a") as out:
            command = [*MORTAL, sys.executable, "-m", "tests.daemon.stopping_night", *words]
            self.daemon = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
        self.processes.append(self.daemon)
        return self.daemon

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in left_over(self.folder):
            os.kill(pid, signal.SIGKILL)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    # --- what came of it ----------------------------------------------------------------------------------------------

    def plans(self, name):
        """All plans of a run, the oldest first."""
        state = self.folder / "state" / "sentinel.db"
        if not state.exists():
            return []
        with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
            try:
                keys = [key for (key,) in connection.execute("SELECT DISTINCT run FROM plans")]
            except sqlite3.OperationalError:
                return []
            found = [key for key in keys if key.rstrip("/").endswith(f"/{name}")]
            return plans.plans_of(connection, found[0]) if found else []

    def ended(self, name, seconds=180.0):
        """The last plan of a run, once it has ended."""
        awaited(
            lambda: self.forgive() and (found := self.plans(name)) and not found[-1].open,
            seconds,
            lambda: self.story(name),
        )
        return self.plans(name)[-1]

    def forgive(self):
        """A plan that failed holds all others until somebody has looked at it: somebody does."""
        for folder in self.folder.glob("*/*/config.yaml"):
            for plan in self.plans(folder.parent.name):
                if plan.stage is Stage.FAILED and plan.id not in self._forgiven:
                    self._forgiven.add(plan.id)
                    assert self.ask("right", plan.id).returncode == 0
        return True

    def seen(self, name, seconds=180.0):
        """Once the daemon has read what a run writes now: what was there before it came is history."""
        awaited(lambda: f'"{name}"' in self.ask("status", "--json").stdout, seconds, lambda: self.story(name))
        time.sleep(1.0)

    def signals(self, name):
        """Every signal that was sent for a run, in order."""
        lines = [line for plan in self.plans(name) for line in self.record(plan)]
        return [line["signal"] for line in lines if line["event"] == "signalling"]

    def record(self, plan):
        """Every line of a plan's record."""
        record = self.folder / "state" / "plans" / plan.id / "audit.jsonl"
        return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []

    def ask(self, *words):
        command = [sys.executable, "-m", "sentinel", *map(str, words), "--socket", str(self.folder / "state/control")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    def story(self, name):
        """For a test that failed."""
        out = (self.folder / "daemon.out").read_text()[-3000:]
        return f"{self.plans(name)}\n{out}\n{(self.folder / f'{name}.out').read_text()[-4000:]}"


def left_over(folder):
    """Processes that still name the folder of this night: ranks whose launcher is gone, their loaders."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{folder}/".encode() in line:
                yield int(entry.name)


def dying(store, die_at):
    """Kill this process at the n-th writing of a plan, before or after the commit by turns."""
    steps, last, turn = 0, None, store.turn

    def forms():
        rows = store.connection.execute("SELECT plan FROM plans ORDER BY rowid")
        told = [json.loads(text) for (text,) in rows]
        return [(p["stage"], [(s["deed"], s["ended"]) for s in p["steps"]]) for p in told]

    def step():
        nonlocal steps
        steps += 1
        if steps == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    class Deadly:
        def __enter__(self):
            self.inner = turn()
            return self.inner.__enter__()

        def __exit__(self, *trouble):
            nonlocal last
            moved = forms() != last
            if moved:
                step()
            self.inner.__exit__(*trouble)
            if moved:
                last = forms()
                step()

    store.turn = Deadly


def main(settings_file, waits, die_at):
    settings, faults = load_settings(Path(settings_file))
    assert settings is not None, faults
    daemon, trouble = assemble(Plan(settings, Path(settings_file), waits=Limits(**json.loads(waits))))
    assert daemon is not None, trouble
    if int(die_at):
        dying(daemon.store, int(die_at))
    run_until_told(daemon)


if __name__ == "__main__":
    main(*sys.argv[1:])
