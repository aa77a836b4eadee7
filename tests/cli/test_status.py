"""`sentinel status`: one line a run."""

import pytest

from sentinel.cli.status import where


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        ({"step": 4150, "epoch": 2.0, "progress": 0.83}, "step 4,150 (83%)"),
        ({"step": None, "epoch": 12.0, "progress": 1.0}, "epoch 12 (100%)"),
        ({"epoch": 2.45}, "epoch 2.45"),
        ({"step": 0}, "step 0"),
        ({"progress": 0.5}, "(50%)"),
        ({}, ""),
    ],
)
def test_a_run_stands_at_its_step_or_epoch_and_its_share_of_the_plan(run, shown):
    assert where(run) == shown
