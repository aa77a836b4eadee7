"""Many doomed runs at once: their processes are looked at in turns, so that the watch over all others goes on."""

from dataclasses import replace

import pytest

from sentinel.daemon.stopping import AT_ONCE, Place, Stopping
from sentinel.daemon.stopping_children import SURVEY
from sentinel.keep import plans
from sentinel.keep.store import Store
from tests.core.stopping_truths import GOOD
from tests.core.stopping_worlds import world_of

ROUNDS, RUNS = 30, 20


class Hands:
    """Children that take a round each."""

    def __init__(self):
        self.under_way, self.began, self.most = [], [], 0

    def start(self, run, _plan, task, _now):
        assert task["deed"] == SURVEY
        self.under_way.append(run)
        self.began.append(run)
        self.most = max(self.most, len(self.under_way))

    def doing(self, _deed):
        return len(self.under_way)

    def busy(self, run):
        return {SURVEY} if run in self.under_way else set()

    def ended(self, _run, _now):
        return []


@pytest.fixture
def begun(tmp_path):
    hands, store = Hands(), Store(tmp_path, [plans.SCHEMA])
    yield Stopping(tmp_path, store, lambda *_: True, lambda: "p", lambda *_: None, hands), hands
    store.close()


def world_at(now, run):
    world = world_of(GOOD, now, "boot")
    return replace(world, run=replace(world.run, key=run), survey=None)


def test_of_many_doomed_runs_few_are_looked_at_at_once_and_each_has_its_turn(tmp_path, begun):
    stopping, hands = begun
    runs = [f"nlp:{n}" for n in range(RUNS)]
    for number in range(ROUNDS):
        for run in sorted(runs, key=stopping.waited_for):
            stopping.turn(world_at(100_000.0 + number, run), Place(str(tmp_path), 7), 1.0)
        hands.under_way.clear()
    assert hands.most == AT_ONCE
    assert set(hands.began) == set(runs)


def test_whoever_asks_in_person_does_not_wait_for_the_others(tmp_path, begun):
    stopping, hands = begun
    hands.under_way += ["nlp:1", "nlp:2"]
    stopping.survey(world_at(100_000.0, "nlp:3"), Place(str(tmp_path), 7))
    assert hands.began == ["nlp:3"]


def test_the_other_runs_are_gathered_only_where_somebody_looks(tmp_path, begun):
    stopping, hands = begun
    asked = []
    place = Place(str(tmp_path), 7, others=lambda: asked.append(1) or ())
    for _ in range(3):
        stopping.turn(world_at(100_000.0, "nlp:1"), place, 1.0)
    assert (len(asked), hands.began) == (1, ["nlp:1"])
