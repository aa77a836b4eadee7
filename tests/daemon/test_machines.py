"""What the daemon tells the machine of its runs."""

from sentinel.daemon.machines import ids_in


def test_the_ids_of_a_run_are_read_off_the_names_of_its_files():
    files = ["train.log", "wandb/run-20261121_101500-ab12cd34/logs/debug.log", "slurm-4711.out", "notes/slurm-9.txt"]
    assert ids_in("/data/runs/a", files) == {"ab12cd34", "4711"}
    assert ids_in("/data/runs/a", ["slurm-4711_3.out"]) == {"4711"}
