"""What a run is called, where its home is, with which others it was started, and which run it goes on with."""

import json
import os

import pytest

from sentinel.core.names import Names
from sentinel.core.records import Found, Mark, MarkKind, RunInfo
from sentinel.formats.wandb_run import wandb_run
from sentinel.sources.describing import resumed_from, run_of
from sentinel.sources.mounts import is_home
from sentinel.sources.plan import WatchPlan
from sentinel.sources.watcher import Watcher
from tests.formats.test_binary import part, wandb_file

LOG = "step 1 loss=0.5\nstep 2 loss=0.4\n"


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def write(path, data=LOG):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def infos(folder, pattern="*", kept=None, turns=1, files=()):
    """The runs that a watcher finds, by the last that it says of each."""
    plan = WatchPlan("nlp", runs=f"{folder}/{pattern}" if pattern else "", files=files, fresh=1e12)
    watcher = Watcher([plan], Names(), kept or {}, host="node1")
    found = {}
    try:
        for turn in range(turns):
            for batch in watcher.read(2e9 + 10 * turn):
                for item in batch.items:
                    if isinstance(item, Found):
                        found[batch.run] = item.info
        return {os.path.relpath(info.folder, folder): info for info in found.values()}, watcher.bookmarks()
    finally:
        watcher.close()


def run_file(name="warm-owl-7", run="abc123", sweep="", host="box"):
    body = part(1, run.encode()) + part(8, name.encode()) + part(12, sweep.encode()) + part(13, host.encode())
    return wandb_file([part(17, body)])


def test_a_run_is_called_what_wandb_calls_it_and_a_sweep_is_a_batch(folder):
    write(folder / "exp/train.log")
    write(folder / "exp/wandb/run-20260101_101010-abc123/run-abc123.wandb", run_file(sweep="s9"))
    found, _ = infos(folder)
    assert (found["exp"].name, found["exp"].batch) == ("warm-owl-7", "wandb:s9")


def test_a_torn_run_record_says_nothing():
    data = run_file()
    assert wandb_run(data).name == "warm-owl-7"
    for cut in range(len(data)):
        assert wandb_run(data[:cut]).name == ""


def test_tasks_of_a_slurm_array_are_one_batch(folder):
    for task in (1, 2):
        write(folder / f"slurm-4711_{task}.out")
    write(folder / "slurm-4712.out")
    found, _ = infos(folder, "", files=(f"{folder}/*.out",))
    assert {name: info.batch for name, info in found.items()} == {
        "slurm-4711_1.out": "slurm:4711",
        "slurm-4711_2.out": "slurm:4711",
        "slurm-4712.out": "",
    }


def test_a_link_to_a_run_is_no_second_run(folder):
    write(folder / "run7/train.log")
    (folder / "latest-run").symlink_to(folder / "run7")
    (folder / "latest.log").symlink_to(folder / "run7/train.log")
    write(folder / "run7/wandb/run-20260101_101010-abc/files/output.log")
    (folder / "run7/wandb/latest-run").symlink_to("run-20260101_101010-abc")
    found, _ = infos(folder)
    assert list(found) == ["run7"]


def test_a_link_to_what_is_met_nowhere_else_is_followed(folder):
    write(folder / "stock/old/train.log")
    (folder / "here").mkdir()
    (folder / "here/current.log").symlink_to(folder / "stock/old/train.log")
    found, _ = infos(folder, "", files=(f"{folder}/here/*.log", f"{folder}/stock/none/*"))
    assert list(found) == ["here/current.log"]


def test_a_run_that_names_anothers_checkpoint_continues_it_also_after_a_restart(folder):
    write(folder / "first/train.log")
    write(folder / "first/checkpoint-500/model.bin", b"0")
    write(folder / "second/train.log", f"Resuming from checkpoint {folder}/first/checkpoint-500\n{LOG}")
    found, kept = infos(folder, turns=3)
    assert found["second"].continues == f"nlp:{folder}/first"
    assert found["first"].continues is None
    again, _ = infos(folder, kept=json.loads(json.dumps(kept)), turns=1)
    assert again["second"].continues == f"nlp:{folder}/first"


def test_a_config_may_name_the_checkpoint(folder):
    write(folder / "first/train.log")
    write(folder / "second/train.log")
    write(folder / "second/config.yaml", "resume_from_checkpoint: ../first/checkpoint-500\n")
    found, _ = infos(folder, turns=3)
    assert found["second"].continues == f"nlp:{folder}/first"


def test_its_own_checkpoint_is_a_resume_and_no_other_run(folder):
    mine = RunInfo("a", "a", f"{folder}/a", "w")
    write(folder / "a/checkpoint-5/model.bin", b"0")
    assert run_of(f"{folder}/a/checkpoint-5", mine, {"w": RunInfo("w", "w", str(folder), "w")}) is None


def test_a_wandb_run_resumed_in_another_folder_keeps_its_id(folder):
    for day in ("20260101_101010", "20260102_101010"):
        write(folder / f"exp/wandb/run-{day}-abc123/files/output.log")
    found, _ = infos(folder)
    later = found["exp/wandb/run-20260102_101010-abc123"]
    assert later.continues == f"nlp:{folder}/exp/wandb/run-20260101_101010-abc123"


@pytest.mark.parametrize(
    ("detail", "path"),
    [
        ("/data/a/ckpt.pt", "/data/a/ckpt.pt"),
        ("checkpoint: out/last.ckpt (step 40)", "out/last.ckpt"),
        ("step 5", None),
    ],
)
def test_the_path_in_a_resuming_line(detail, path):
    assert resumed_from([Mark(MarkKind.RESUMED, "train.log", 1, None, detail)]) == path


def test_on_a_network_folder_the_host_that_wandb_names_is_home():
    mounts = "1 0 0:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /data rw - nfs4 server:/data rw\n"
    assert is_home("/data/x", [], "node7", chosen=False, mountinfo=mounts, named={"node7"})
    assert not is_home("/data/x", [], "node8", chosen=True, mountinfo=mounts, named={"node7"})
