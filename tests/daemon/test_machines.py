"""What the daemon tells the machine of its runs."""

import pytest

from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, How, Mark, MarkKind, Over, RunInfo
from sentinel.daemon.machines import fallen, ids_in, newest_save
from sentinel.sources.batches import Batches, Fallen
from tests.world.room import books


def test_the_ids_of_a_run_are_read_off_the_names_of_its_files():
    files = ["train.log", "wandb/run-20261121_101500-ab12cd34/logs/debug.log", "slurm-4711.out", "notes/slurm-9.txt"]
    assert ids_in("/data/runs/a", files) == {"ab12cd34", "4711"}
    assert ids_in("/data/runs/a", ["slurm-4711_3.out"]) == {"4711"}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("saved checkpoint to step_10.pt", "/data/a/step_10.pt"),
        ("step 100/500: wrote checkpoint 'out/ckpt-100/' in 3.1 s", "/data/a/out/ckpt-100"),
        ("/scratch/ck/epoch=3.ckpt", "/scratch/ck/epoch=3.ckpt"),
        ("model saved", None),
    ],
)
def test_the_newest_checkpoint_is_found_in_the_words_of_the_log(line, path):
    engine = Engine(books().book, books().names)
    engine.feed([Batch("a", (Found(RunInfo("a", "a", "/data/a", "w", uid=7), 0.0),))])
    for at in (10.0, 610.0):
        engine.feed([Batch("a", (Mark(MarkKind.SAVED, "train.log", 1, at, line),))])
    found = newest_save(engine.runs["a"], "/data/a")
    assert (found and (found.path, found.every, found.uid)) == (path and (path, 600.0, 7))


def test_the_dead_of_a_batch_are_counted_within_an_hour_and_told_when_the_number_moves():
    engine = Engine(books().book, books().names)
    for n, (how, at) in enumerate([(How.DIED, 10.0), (How.DIED, 5000.0), (How.ENDED, 5100.0), (How.DIED, 5200.0)]):
        info = RunInfo(f"r{n}", f"r{n}", "", "w", batch="hydra:/data/multirun")
        engine.feed([Batch(info.key, (Found(info, 0.0), Over(how, at)))])
    engine.feed([Batch("alone", (Found(RunInfo("alone", "alone", "", "w"), 0.0), Over(How.DIED, 5200.0)))])
    counted = fallen(engine)
    assert counted == {"hydra:/data/multirun": Fallen(("r1", "r3"), 4)}
    batches = Batches(counted)
    (batch,) = batches.read("host:here", 1.0)
    said, row = batch.items
    assert (row.names, row.values) == (("batch.hydra_data_multirun.died",), (2.0,))
    assert said.value == "2 of 4 runs of hydra:/data/multirun died: r1, r3"
    assert list(batches.read("host:here", 2.0)) == []
