"""Rules that a run brings itself, in a real daemon with real files: in force for it alone, taken and let go while it runs."""

from __future__ import annotations

import json

import pytest

from sentinel.daemon.own_rules import LOOK_EVERY
from tests.daemon.test_reloading import House

MINE = """signature: mine
title: Mine
family: dynamics
rules:
  - {rule: big, when: train.loss > %s, severity: high, say: "loss {train.loss:.0f} is big"}
"""


class Home(House):
    """A house whose runs bring rules of their own."""

    def own(self, run, text, name="mine.yml"):
        folder = self.place / "a" / run / ".sentinel" / "rules"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        return folder / name

    def look(self):
        """Time for the next look at own rules has come."""
        self.turn()
        own = self.daemon.engine._own
        own._due = 0.0
        self.turn(2)

    def until_looked(self, condition):
        self.until(lambda: self.look() or condition())

    def fires(self, run):
        watched = self.run(run)
        return sorted(bound.rule.key for bound in watched.firing() if bound.rule.own)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    yield made
    if made.daemon is not None:
        made.daemon.close()


def test_a_rule_that_a_run_brings_fires_on_that_run_and_on_no_other(home):
    home.own("one", MINE % 3)
    for run in ("one", "two"):
        home.log(run, "step=1 loss=5.0\nstep=2 loss=5.0\n")
    home.start()
    home.until(lambda: home.run("one") and home.run("two") and home.run("two").looks)
    assert home.fires("one") == ["own:mine/big"]
    assert home.fires("two") == []
    (alert,) = [alert for alert in home.daemon.store.alerts() if alert["signature"].startswith("own:")]
    assert alert["run"] == "one"
    assert alert["say"] == "loss 5 is big"
