"""A daemon in the tests' own process, with its settings and its runs, turned by hand."""

import json

from sentinel.daemon.assembly import assemble
from sentinel.daemon.reloading import Plan
from sentinel.daemon.settings import load_settings
from tests.world.settings import ALL, CHANNELS_ONLY, channel_at, settings_in, watching
from tests.world.waiting import until

MINE = """signature: mine
title: mine
family: dynamics
rules:
  - {rule: big, when: train.loss > %d, severity: high, say: "loss {train.loss:.0f} is big"}
"""


class House:
    """A daemon in this process, its settings and its runs."""

    def __init__(self, place):
        self.place = place
        self.settings = place / "sentinel.toml"
        (place / "rules").mkdir()
        self.write()
        self.daemon = None

    def write(self, watches=("a",), channels=("hook",), admin="ana", rules="rules", keep=None, tell=None, **tables):
        text = settings_in(
            self.place,
            sentinel={"rules": [f"{self.place}/{rules}"]} | (keep or {}),
            watch=[watching(name, f"{self.place}/{name}") for name in watches],
            channel=[channel_at(1, name, **ALL) for name in channels],
            tell=CHANNELS_ONLY | {"admins": [admin]} | (tell or {}),
            **tables,
        )
        self.settings.write_text(text)

    def rule(self, limit=100, name="mine.yml"):
        (self.place / "rules" / name).write_text(MINE % limit)

    def log(self, run, text, watch="a"):
        folder = self.place / watch / run
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "train.log").open("a") as file:
            file.write(text)

    def begin(self):
        settings, faults = load_settings(self.settings)
        assert settings is not None, faults
        self.daemon, why = assemble(Plan(settings, self.settings))
        assert self.daemon is not None, why

    def start(self):
        self.begin()
        self.turn(3)
        return self.daemon

    def turn(self, times=1):
        for _ in range(times):
            self.daemon.turn()
            for look in self.daemon.after_turn:
                look()
            self.daemon.waker.wait(0.02)

    def until(self, condition):
        assert until(lambda: self.turn() or condition()), self.daemon.told

    def reload(self):
        self.daemon.ask_reload()
        self.turn(2)

    def firing(self):
        return {alert["id"]: alert["rule"] for alert in self.daemon.store.alerts() if alert["phase"] == "firing"}

    def run(self, name):
        return self.daemon.engine.named(name)

    def letters(self):
        rows = self.daemon.store.connection.execute("SELECT channel, state, letter FROM deliveries ORDER BY n")
        return [(row[0], row[1], json.loads(row[2])) for row in rows]
