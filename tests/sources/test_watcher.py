"""Runs are found, named, read, ended and found again; after a restart nothing is lost and nothing doubled."""

import json
import os

import pytest

from sentinel.core.names import Names
from sentinel.core.records import Fact, Found, How, Over
from sentinel.sources.plan import WatchPlan
from sentinel.sources.watcher import MOST_LOOKED, MOST_NEW, Watcher
from tests.sources.one_log import lines, told
from tests.sources.plain_eyes import PlainEyes


class Watched:
    def __init__(self, folder, **plan):
        self.folder, self.plan = folder, WatchPlan("nlp", runs=f"{folder}/*", **plan)
        self.now = 1_000_000.0
        self.watcher = self._new({})

    def _new(self, kept):
        return Watcher([self.plan], Names(), json.loads(json.dumps(kept)), eyes=PlainEyes())

    def write(self, name, text, age=0.0):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)
        os.utime(path, (self.now - age, self.now - age))
        return path

    def turn(self, seconds=5.0):
        self.now += seconds
        items = [item for batch in self.watcher.read(self.now) for item in batch.items]
        while self.watcher.pending:
            items += [item for batch in self.watcher.read(self.now) for item in batch.items]
        return items

    def restart(self):
        kept = self.watcher.bookmarks()
        self.watcher.close()
        self.watcher = self._new(kept)


@pytest.fixture
def watched(tmp_path):
    made = Watched(tmp_path)
    yield made
    made.watcher.close()


def test_a_run_is_found_with_its_facts_before_its_rows(watched):
    watched.write("exp/config.json", '{"lr": 0.1}')
    watched.write("exp/train.log", lines(1))
    found, fact, *rows = watched.turn()
    assert isinstance(found, Found)
    assert (found.info.name, found.info.watch, found.info.fresh) == ("exp", "nlp", True)
    assert isinstance(fact, Fact)
    assert told(rows) == [1]


def test_a_new_run_and_a_new_file_are_found_within_five_seconds(watched):
    watched.write("a/train.log", lines(1))
    watched.turn()
    watched.write("b/train.log", lines(2))
    items = watched.turn()
    assert told(items) == [2]
    assert next(item for item in items if told([item])).at == watched.now
    watched.write("b/metrics.csv", lines(3))
    assert told(watched.turn()) == [3]


def test_history_has_no_arrival_and_is_merged_as_replay_merges_it(watched):
    watched.write("exp/a.log", "t=10 step=1 loss=1\nt=30 step=3 loss=1\n")
    watched.write("exp/b.log", "t=20 step=2 loss=1\nt=40 step=4 loss=1\n")
    items = watched.turn()
    assert told(items) == [1, 2, 3, 4]
    assert [item.at for item in items if told([item])] == [10, 20, 30, 40]


def test_a_run_that_was_over_before_we_came_is_listed_and_not_read(watched):
    watched.write("old/train.log", lines(1), age=7200)
    (found,) = watched.turn()
    assert not found.info.fresh
    assert watched.turn() == []
    watched.write("old/train.log", lines(2), age=-100)
    items = watched.turn(60)
    assert items[0].info.fresh
    assert told(items) == [1, 2]


def test_a_run_that_is_over_and_moves_again_is_found_again_and_read_on(watched):
    watched.write("exp/train.log", lines(1) + "DONE\n")
    watched.turn()
    *_, over = watched.turn(120)
    assert over == Over(How.ENDED, watched.now, "DONE")
    assert watched.turn() == []
    watched.write("exp/train.log", lines(2), age=-200)
    items = watched.turn(60)
    assert isinstance(items[0], Found)
    assert told(items) == [2]


def test_a_process_that_ended_ends_its_run(watched):
    watched.write("exp/train.log", lines(1))
    watched.turn()
    watched.write("exp/train.log", lines(2)[:-1])
    said = Over(How.DIED, 0.0, "exit code 1")
    assert watched.watcher.process_ended(f"nlp:{watched.folder}/exp", said)
    items = watched.turn() + watched.turn()
    assert told(items) == [2]  # its last line had no newline
    assert (items[-1].how, items[-1].detail) == (How.DIED, "exit code 1")
    assert not watched.watcher.process_ended(f"nlp:{watched.folder}/exp", said)


@pytest.mark.parametrize(
    ("last", "how", "detail"),
    [
        (lines(2)[:-1], How.UNCLEAR, "killed by SIGKILL; nobody heard the kernel"),
        ("DONE", How.ENDED, "DONE"),
    ],
)
def test_where_nobody_knows_how_a_process_ended_the_last_line_may(watched, last, how, detail):
    watched.write("exp/train.log", lines(1))
    watched.turn()
    watched.write("exp/train.log", last)
    said = Over(How.UNCLEAR, 0.0, "killed by SIGKILL; nobody heard the kernel")
    assert watched.watcher.process_ended(f"nlp:{watched.folder}/exp", said)
    items = watched.turn() + watched.turn()
    assert (items[-1].how, items[-1].detail) == (how, detail)


def test_a_restart_doubles_and_loses_nothing(watched):
    watched.write("exp/train.log", lines(1, 2))
    watched.turn()
    watched.write("exp/train.log", lines(3))
    watched.restart()
    assert told(watched.turn()) == [3]
    watched.write("exp/train.log", lines(4))
    assert told(watched.turn()) == [4]


def test_a_renamed_log_is_not_read_again(watched):
    path = watched.write("exp/train.log", lines(1))
    watched.turn()
    path.rename(watched.folder / "exp" / "old.log")
    assert told(watched.turn()) == []
    watched.restart()
    assert told(watched.turn()) == []


def test_parts_of_one_run_lie_in_folders_of_their_own(watched):
    watched.write("exp/train.log", lines(1))
    watched.write("exp/lightning_logs/version_0/metrics.csv", lines(2))
    items = watched.turn()
    assert [item.info.folder for item in items if isinstance(item, Found)] == [str(watched.folder / "exp")]


def test_seeds_side_by_side_are_runs_of_their_own(watched):
    for seed in ("seed0", "seed1"):
        watched.write(f"exp/{seed}/logs/train.log", lines(1))
    assert sorted(item.info.name for item in watched.turn() if isinstance(item, Found)) == ["seed0", "seed1"]


def test_a_folder_that_wants_to_be_left_alone_is(watched):
    watched.write("exp/train.log", lines(1))
    watched.write("exp/.nosentinel", "")
    assert watched.turn() == []


def test_a_log_that_cannot_be_read_is_told_and_the_others_go_on(watched):
    watched.write("exp/train.log", lines(1))
    outside = watched.folder.parent / f"{watched.folder.name}.outside"
    outside.write_text(lines(9))
    (watched.folder / "exp" / "link.log").symlink_to(outside)
    assert told(watched.turn()) == [1]
    assert "link that leads out" in " ".join(watched.watcher.trouble())


def test_a_hydra_run_is_called_by_what_was_overridden_and_its_multirun_is_a_batch(watched):
    watched.write("2024-01-01/multirun.yaml", "")
    watched.write("2024-01-01/0/train.log", lines(1))
    watched.write("2024-01-01/0/.hydra/overrides.yaml", "- lr=0.1\n- seed=3\n")
    found = watched.turn()[0]
    assert found.info.name.endswith(" lr=0.1,seed=3")
    assert found.info.batch == f"hydra:{watched.folder}/2024-01-01"


def test_thousands_that_are_new_are_begun_a_few_a_turn_and_those_that_only_go_on_many_at_once(watched):
    for n in range(3 * MOST_NEW):
        watched.write(f"r{n:02}/train.log", lines(1))
    watched.now += 5.0
    turns = []
    while not turns or watched.watcher.pending:
        turns.append([batch for batch in watched.watcher.read(watched.now) if told(batch.items)])
        assert watched.watcher.left() == (3 * MOST_NEW - sum(map(len, turns)), 3 * MOST_NEW)
    assert [len(batches) for batches in turns] == [MOST_NEW, MOST_NEW, MOST_NEW]
    watched.restart()
    found = [batch.run for batch in watched.watcher.read(watched.now + 5.0)]
    assert len(found) == 3 * MOST_NEW
    assert not watched.watcher.pending


def test_more_folders_than_one_turn_looks_into_are_all_found_and_none_of_them_counts_as_new(watched):
    for n in range(MOST_LOOKED + 20):
        watched.write(f"r{n:03}/train.log", lines(1), age=1e6)
    first = list(watched.watcher.read(watched.now))
    assert len(first) == MOST_LOOKED
    assert watched.watcher.pending
    rest = list(watched.watcher.read(watched.now))
    assert not watched.watcher.pending
    found = [item for batch in first + rest for item in batch.items]
    assert len(found) == MOST_LOOKED + 20
    assert not any(item.info.fresh for item in found)
