"""What the daemon tells the machine of its runs."""

import pytest

from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, Mark, MarkKind, RunInfo
from sentinel.daemon.machines import ids_in, newest_save
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
