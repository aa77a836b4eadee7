"""Which files make one run, what it is called, where its home is: names in, answers out."""

import pytest

from sentinel.sources.mounts import is_home, on_network
from sentinel.sources.partition import batch_of, newest_states, run_folders, short_name
from sentinel.sources.tree import Tree, root_of


def test_folders_that_hold_a_part_of_a_run_belong_to_what_lies_above_them():
    folders = ["/m", "/m/lightning_logs/version_0", "/m/wandb/run-20240101_101010-abc/files", "/m/checkpoint-500"]
    assert set(run_folders("/m", folders).values()) == {"/m"}


def test_versions_side_by_side_are_runs_of_their_own():
    folders = ["/m/lightning_logs/version_0", "/m/lightning_logs/version_1"]
    assert run_folders("/m", folders) == {folder: folder for folder in folders}


def test_the_deepest_folder_with_a_log_is_the_run():
    assert run_folders("/m", ["/m", "/m/a/seed0/logs", "/m/a/seed1/logs"]) == {
        "/m": "/m",
        "/m/a/seed0/logs": "/m/a/seed0",
        "/m/a/seed1/logs": "/m/a/seed1",
    }


def test_of_the_states_beside_checkpoints_only_the_newest_counts():
    files = ["/m/checkpoint-500/trainer_state.json", "/m/checkpoint-1000/trainer_state.json", "/m/train.log"]
    assert newest_states(files) == ["/m/checkpoint-1000/trainer_state.json", "/m/train.log"]
    assert newest_states([*files, "/m/trainer_state.json"]) == ["/m/train.log", "/m/trainer_state.json"]


@pytest.mark.parametrize(
    ("folder", "taken", "name"),
    [
        ("/data/exp", (), "exp"),
        ("/data/exp", ("exp",), "data/exp"),
        ("/data/outputs/2024-01-01/12-00-00", (), "data/2024-01-01/12-00-00"),
        ("/data/bert/lightning_logs/version_3", (), "bert/version_3"),
        ("/data/bert/17", (), "bert/17"),
    ],
)
def test_a_name_is_the_shortest_end_of_the_path_and_never_a_bare_time(folder, taken, name):
    assert short_name(folder, taken) == name


def test_a_multirun_is_a_batch():
    assert batch_of("/m/2024/0", ["/m/2024/multirun.yaml"]) == "hydra:/m/2024"
    assert batch_of("/m/2024/0", []) == ""


MOUNTS = "1 0 0:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /data rw - nfs4 server:/data rw\n"


def test_a_network_folder_is_home_to_the_host_that_its_files_name():
    assert on_network("/data/runs", MOUNTS)
    assert not on_network("/database", MOUNTS)
    files = ["/data/x/events.out.tfevents.1700000000.node7.123.0"]
    assert is_home("/data/x", files, "node7", chosen=False, mountinfo=MOUNTS)
    assert not is_home("/data/x", files, "node8", chosen=True, mountinfo=MOUNTS)
    assert is_home("/data/x", [], "node8", chosen=True, mountinfo=MOUNTS)
    assert is_home("/home/x", [], "node8", chosen=False, mountinfo=MOUNTS)


def test_patterns_match_folders_level_by_level(tmp_path):
    for folder in ("a/runs/1", "a/runs/2", "b/runs/3", "b/other/4", "a/.hidden/5"):
        (tmp_path / folder).mkdir(parents=True)
    found = [path.removeprefix(str(tmp_path)) for path in Tree().matches(f"{tmp_path}/*/runs/*")]
    assert found == ["/a/runs/1", "/a/runs/2", "/b/runs/3"]
    assert len(list(Tree().matches(f"{tmp_path}/**/runs/*"))) == 3
    assert root_of(f"{tmp_path}/*/runs/*") == str(tmp_path)
