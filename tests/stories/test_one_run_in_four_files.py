"""A log, a CSV, TensorBoard's events and W&B's file of one run: together they tell what the CSV alone tells."""

from math import exp, nan

import pytest

from sentinel.daemon.books import open_books
from sentinel.daemon.replay import replay
from tests.formats.test_binary import event, item, part, wandb_file

BOOKS = open_books([])
STEPS_AN_EPOCH = 40


def healthy(epoch):
    return 2.0 * exp(-epoch / 9) + 0.2, 2.1 * exp(-epoch / 10) + 0.3, 0.9 - 0.6 * exp(-epoch / 8)


def overfits(epoch):
    train, val, accuracy = healthy(epoch)
    return train * (0.7 if epoch > 8 else 1.0), val + max(0, epoch - 8) * 0.09, accuracy


def breaks(epoch):
    train, val, accuracy = healthy(epoch)
    return (nan if epoch > 14 else train), (nan if epoch > 14 else val), accuracy


def diverges(epoch):
    train, val, accuracy = healthy(epoch)
    return (
        train * (1 if epoch < 12 else 1.9 ** (epoch - 11)),
        val * (1 if epoch < 12 else 1.9 ** (epoch - 11)),
        accuracy,
    )


def columns(course):
    """Epoch, step and the three numbers of each epoch."""
    return [(epoch, (epoch + 1) * STEPS_AN_EPOCH - 1, *course(epoch)) for epoch in range(30)]


def as_csv(rows):
    head = "epoch,step,train_loss,val_loss,val_acc\n"
    return head + "".join(f"{e},{s},{train!r},{val!r},{accuracy!r}\n" for e, s, train, val, accuracy in rows)


def as_log(rows):
    return "".join(
        f"Epoch {e} step {s}: train_loss={train!r} | val_loss={val!r} val_acc={accuracy!r}\n"
        for e, s, train, val, accuracy in rows
    )


def as_events(rows):
    return b"".join(
        event(s, 1.8e9 + 60 * e, epoch=float(e), train_loss=train, val_loss=val, val_acc=accuracy)
        for e, s, train, val, accuracy in rows
    )


def as_wandb(rows):
    keys = ("epoch", "trainer/global_step", "train_loss", "val_loss", "val_acc")
    records = []
    for number, row in enumerate(rows):
        pairs = zip((*keys, "_step"), (*row, number), strict=True)
        records.append(part(2, b"".join(item(key, value) for key, value in pairs)))
    return wandb_file(records)


def told(folder):
    """Which rule moved to which phase at which step, and in what words it stood at the end."""
    played = replay(folder, BOOKS.book, BOOKS.names)
    assert not played.bugs
    moves = [(f"{c.signature}/{c.rule}", c.phase, c.step, c.epoch) for c in played.changes]
    return moves, played.standing, played.last_step


@pytest.mark.parametrize("course", [healthy, overfits, breaks, diverges])
def test_four_files_of_a_run_give_the_alerts_that_the_csv_gives(tmp_path, course):
    rows = columns(course)
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        folder.mkdir()
        (folder / "metrics.csv").write_text(as_csv(rows))
    (together / "train.log").write_text(as_log(rows))
    (together / "events.out.tfevents.1800000000.box.1.0").write_bytes(as_events(rows))
    (together / "wandb/offline-run-20260101_101010-abc").mkdir(parents=True)
    (together / "wandb/offline-run-20260101_101010-abc/run-abc.wandb").write_bytes(as_wandb(rows))
    expected = told(alone)
    about_training = [move for move in expected[0] if not move[0].startswith(("process-died/", "run-over/"))]
    assert bool(about_training) == (course is not healthy)
    assert told(together) == expected
