"""Under load lines that bring no news wait to be read together; whatever is news is read at once, and all that waits with it."""

import pytest

from sentinel.core.names import Names
from sentinel.core.records import How, Mark, Over, Row
from sentinel.sources.hints import Hints
from sentinel.sources.live_run import PEEKS, PEEKS_LATE
from sentinel.sources.plan import WatchPlan
from sentinel.sources.watcher import Watcher
from tests.sources.plain_eyes import PlainEyes

NOW = 2_000_000_000.0
PATIENCE = 0.45


class Watched:
    """A run with two logs, followed with the kernel's hints by a clock of its own."""

    def __init__(self, folder):
        self.folder = folder / "run"
        self.folder.mkdir()
        self.now = NOW
        self.logs = {name: (self.folder / name).open("a", buffering=1) for name in ("a.log", "b.log")}
        for step in range(200):
            self.write("a.log", f"step={step} loss=2.5")
        self.write("b.log", "step=0 loss=9.5")
        plan = WatchPlan(name="w", runs=f"{folder}/*", fresh=1e9)
        self.watcher = Watcher([plan], Names([]), eyes=PlainEyes(), hints=Hints([str(folder)]))
        self.turn(), self.turn(0.1), self.turn(1.1)
        self.step = 200
        self.calm(), self.turn(0.1)
        self.watcher.turns.patience = PATIENCE

    def write(self, name, line):
        self.logs[name].write(line + "\n")

    def calm(self):
        self.write("a.log", f"step={self.step} loss=2.{self.step}")
        self.step += 1

    def turn(self, seconds=0.0):
        """What is read so much later."""
        self.now += seconds
        items = [item for batch in self.watcher.read(self.now) for item in batch.items]
        return [item.text or item.step if isinstance(item, Row) else item for item in items]

    def close(self):
        self.watcher.close()
        for file in self.logs.values():
            file.close()


@pytest.fixture
def run(tmp_path):
    made = Watched(tmp_path)
    yield made
    made.close()


def test_calm_lines_wait_and_are_read_together_when_the_first_of_them_has_waited_long_enough(run):
    said = []
    for _ in range(4):
        run.calm()
        said.append(run.turn(0.1))
    assert said == [[], [], [], []]
    assert run.watcher.turns.next_moved == pytest.approx(run.now - 0.3 + PATIENCE)
    assert run.turn(0.16) == [201, 202, 203, 204]
    assert run.turn(0.01) == []


def test_it_says_whether_the_kernel_tells_of_all_that_moves(run, tmp_path):
    assert run.watcher.hears_all
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.log").write_text("step=1 loss=2.5\n")
    assert 1 in run.turn(0.1), "found at once, though nobody goes to look for a minute"
    assert run.watcher.hears_all
    blind = Watcher(run.watcher._plans, Names([]), eyes=PlainEyes())
    list(blind.read(run.now))
    assert not blind.hears_all


def test_without_patience_every_line_is_read_at_once(run):
    run.watcher.turns.patience = 0.0
    run.calm()
    assert run.turn(0.01) == [201]


@pytest.mark.parametrize(
    "news", ["step=202 loss=nan", "Killed", "Traceback (most recent call last):", "epoch=1 loss=2.5"]
)
def test_news_is_read_at_once_and_what_waits_in_front_of_it_too(run, news):
    run.calm()
    run.write("a.log", news)
    read = run.turn(0.01)
    assert read[0] == 201
    assert len(read) == 2


@pytest.mark.parametrize("news", ["step=202 loss=nan", "Killed"])
def test_news_right_behind_a_calm_line_is_read_soon_even_where_it_is_the_last_line_of_all(run, news):
    run.calm()
    assert run.turn(0.01) == []
    run.write("a.log", news)
    assert run.turn(0.01) == []
    assert run.watcher.turns.next_moved <= run.now + PEEKS + PEEKS_LATE
    read = run.turn(PEEKS + PEEKS_LATE - 0.01)
    assert read[0] == 201
    assert len(read) == 2


def test_a_peek_at_calm_lines_lets_them_wait_on_until_their_time_has_come(run):
    run.calm(), run.turn(0.01)
    run.calm()
    assert run.turn(0.01) == []
    assert run.turn(PEEKS + PEEKS_LATE - 0.01) == []
    assert run.watcher.turns.next_moved == pytest.approx(run.now - PEEKS - PEEKS_LATE + PATIENCE)
    assert run.turn(PATIENCE - PEEKS) == [201, 202]


def test_news_in_another_file_of_the_run_overtakes_nothing_that_waits(run):
    run.calm()
    assert run.turn(0.01) == []
    run.write("b.log", "something new")
    assert run.turn(0.01) == [201, "something new"]


def test_each_nan_is_read_at_once_not_only_the_first_one(run):
    for step in (201, 202, 203):
        run.write("a.log", f"step={step} loss=nan")
        assert run.turn(0.01) == [step]


def test_a_line_without_an_end_waits_and_counts_once_it_has_one(run):
    run.logs["a.log"].write("step=201 lo")
    run.logs["a.log"].flush()
    assert run.turn(0.01) == []
    run.write("a.log", "ss=2.0")
    assert run.turn(0.01) == []
    assert run.turn(PATIENCE) == [201]


def test_a_log_that_is_cut_while_lines_wait_is_looked_at_soon(run):
    run.calm()
    assert run.turn(0.01) == []
    run.logs["a.log"].truncate(0)
    run.write("a.log", "step=1 loss=3.0")
    read = run.turn(PEEKS + PEEKS_LATE)
    assert isinstance(read[0], Mark)
    assert read[1:] == [1]


def test_a_log_that_is_rotated_while_lines_wait_loses_none(run):
    run.calm()
    assert run.turn(0.01) == []
    (run.folder / "a.log").rename(run.folder / "a.log.1")
    run.logs["b2"] = (run.folder / "a.log").open("a", buffering=1)
    run.write("b2", "step=202 loss=2.0")
    assert run.turn(0.01) == [201, 202]


def test_nothing_waits_once_the_run_has_ended(run):
    run.calm()
    assert run.turn(0.01) == []
    run.watcher.process_ended("w:" + str(run.folder), Over(How.DIED, run.now))
    assert run.turn(0.01) == [201]
    run.calm()
    assert run.turn(0.01) == [202]
