"""Checkpoints complete and sane, or caught: truncations, damage, pickles that would run something, memory bombs."""

import json
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from sentinel.cli import inspect
from sentinel.outlets.proof.finding import candidates, last_good
from sentinel.outlets.proof.proving import State, prove, unchanged

np = pytest.importorskip("numpy")


def torch_zip(path, tensors, step=7, extra=()):
    """A file of torch's form, made without torch: (name, float32 array) pairs."""
    pickled = bytearray(b"\x80\x02}(")
    for key, (name, array) in enumerate(tensors):
        pickled += (
            text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + b"(" + text("storage") + b"ctorch\nFloatStorage\n"
        )
        pickled += text(str(key)) + text("cpu") + number(array.size) + b"tQ" + number(0)
        rows = array.shape
        pickled += b"(" + b"".join(map(number, rows)) + b"t("
        strides = [int(np.prod(rows[i + 1 :])) for i in range(len(rows))]
        pickled += b"".join(map(number, strides)) + b"t" + b"\x89}tR"
    pickled += text("step") + number(step) + b"".join(extra) + b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(pickled))
        for key, (_, array) in enumerate(tensors):
            archive.writestr(f"archive/data/{key}", array.astype("f4").tobytes())
        archive.writestr("archive/version", "3\n")
    return path


def text(word):
    data = word.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    return b"J" + struct.pack("<i", value)


@pytest.fixture
def checkpoint(tmp_path):
    rows = np.zeros((512, 4))
    rows[:100] = 1.0
    return torch_zip(tmp_path / "a.pt", [("weight", np.ones((8, 8))), ("state.0.exp_avg_sq", rows)])


def test_a_whole_checkpoint_is_sane_and_says_what_is_in_it(checkpoint):
    report = prove(checkpoint)
    assert (report.state, report.step, report.tensors, report.parameters) == (State.SANE, 7, 2, 64 + 2048)


def test_rows_that_never_trained_are_counted(checkpoint):
    assert prove(checkpoint).untrained == (("state.0.exp_avg_sq", 412, 512),)


def test_numbers_that_are_not_finite_taint_it_and_are_counted(tmp_path):
    array = np.ones((300, 300), "f4")
    array[7, 3:5] = float("nan"), float("inf")
    report = prove(torch_zip(tmp_path / "a.pt", [("weight", array)]))
    assert (report.state, report.nonfinite) == (State.TAINTED, (("weight", 2, 90000),))


def test_every_truncation_is_caught(checkpoint, tmp_path):
    whole, cut = checkpoint.read_bytes(), tmp_path / "cut.pt"
    for length in [0, 1, 3, 4, 30, len(whole) // 2, *range(len(whole) - 40, len(whole), 5), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        assert prove(cut).state in (State.INCOMPLETE, State.UNCLEAR), length


def test_a_damaged_local_header_is_caught(checkpoint):
    data = bytearray(checkpoint.read_bytes())
    data[:16] = bytes(16)
    checkpoint.write_bytes(data)
    assert prove(checkpoint).state is not State.SANE


@pytest.mark.parametrize(("named", "call"), [("os.system", "os\nsystem"), ("eval", "__builtin__\neval")])
def test_a_pickle_that_would_run_something_does_nothing_and_is_named(tmp_path, monkeypatch, named, call):
    monkeypatch.chdir(tmp_path)
    run = (
        text("x")
        + b"c"
        + call.encode()
        + b"\n("
        + text("open('HARM', 'w')" if named == "eval" else "touch HARM")
        + b"tR"
    )
    report = prove(torch_zip(tmp_path / "a.pt", [("w", np.ones(4))], extra=(run,)))
    assert (report.state, list(tmp_path.glob("HARM"))) == (State.SUSPICIOUS, [])
    assert named in report.why[0]


def test_a_memory_bomb_of_one_kilobyte_does_no_harm(tmp_path):
    bomb = b"\x80\x05\x96" + struct.pack("<Q", 1 << 34)  # a bytearray that claims 16 GiB
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("archive/data.pkl", bomb)
    began = time.monotonic()
    assert prove(tmp_path / "a.pt").state in (State.INCOMPLETE, State.UNCLEAR)
    assert time.monotonic() - began < 5


def test_a_bytearray_called_for_three_gigabytes_is_only_named(tmp_path):
    call = text("x") + b"c__builtin__\nbytearray\n(" + number(2**31 - 1) + b"tR"
    assert prove(torch_zip(tmp_path / "a.pt", [("w", np.ones(4))], extra=(call,))).state is State.SANE


def test_a_web_of_references_is_walked_once(tmp_path):
    web = []
    for _ in range(60):
        web = [web, web]
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(web, 2))
    began = time.monotonic()
    prove(tmp_path / "a.pt")
    assert time.monotonic() - began < 5


def safetensors(path, header, payload):
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + payload)
    return path


def test_safetensors_are_read_and_their_truncations_caught(tmp_path):
    header = {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    whole = safetensors(tmp_path / "w.safetensors", header, np.ones(4, "f4").tobytes())
    assert prove(whole).state is State.SANE
    safetensors(whole, header, b"\0" * 15)
    assert prove(whole).state is State.INCOMPLETE


def test_a_hugging_face_folder_counts_once_its_state_is_written(tmp_path):
    folder = tmp_path / "checkpoint-5"
    folder.mkdir()
    torch_zip(folder / "optimizer.pt", [("m", np.ones(4))])
    safetensors(folder / "model.safetensors", {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))
    assert prove(folder).state is State.INCOMPLETE
    (folder / "trainer_state.json").write_text('{"global_step": 5}')
    assert (prove(folder).state, prove(folder).step, prove(folder).optimizer) == (State.SANE, 5, True)
    (folder / "checkpoint-is-incomplete.txt").touch()
    assert prove(folder).state is State.INCOMPLETE
    (folder / "checkpoint-is-incomplete.txt").unlink()
    (folder / "trainer_state.json").write_text('{"global_step": 6}')
    assert prove(folder).state is State.INCOMPLETE


def test_a_link_is_not_followed(checkpoint, tmp_path):
    link = tmp_path / "link.pt"
    link.symlink_to(checkpoint)
    assert prove(link).state is State.UNCLEAR


def test_the_last_good_checkpoint_is_named_when_the_newest_is_tainted(tmp_path):
    good = torch_zip(tmp_path / "1.pt", [("w", np.ones(4))])
    torch_zip(tmp_path / "2.pt", [("w", np.full(4, np.nan))])
    os.utime(good, (1, 1))
    found, worse = last_good(tmp_path)
    assert (found.path, [report.path for report in worse]) == (str(good), [str(tmp_path / "2.pt")])
    assert [c.path for c in candidates(tmp_path)] == [str(tmp_path / "2.pt"), str(good)]


def test_tensors_that_did_not_change_are_found(tmp_path):
    one = torch_zip(tmp_path / "1.pt", [("w", np.ones(4)), ("v", np.ones(4))])
    two = torch_zip(tmp_path / "2.pt", [("w", np.ones(4)), ("v", np.zeros(4))])
    assert unchanged(prove(two, marks=True), prove(one, marks=True)) == ("w",)


def test_inspect_says_sane_and_exits_as_the_contract_says(checkpoint, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    inspect.configure(parser)
    assert inspect.run(parser.parse_args([str(checkpoint)])) == 0
    assert "412 of 512 rows never had a gradient" in capsys.readouterr().out
    checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
    assert inspect.run(parser.parse_args([str(checkpoint), "--json"])) == 1
    assert json.loads(capsys.readouterr().out)["state"] == "incomplete"


def test_an_infinity_in_a_callbacks_own_state_is_no_taint(tmp_path):
    tensors = [("callbacks.best_score", np.full((1,), np.inf)), ("state_dict.w", np.ones(4))]
    assert prove(torch_zip(tmp_path / "a.ckpt", tensors)).state is State.SANE


GIVES_UP = """import codecs, ctypes, os, sys
for name in ("ascii", "utf-8"):
    codecs.lookup(name)
sys.path.insert(0, sys.argv[1])
from sentinel.outlets.proof.limits import give_up
kept = give_up(1 << 30, 10, int(sys.argv[2]) or os.getppid())
signal = ctypes.c_int(-1)
ctypes.CDLL(None).prctl(2, ctypes.byref(signal))
os.write(1, f"{kept}|{signal.value}".encode())
os._exit(0)
"""


def gives_up(parent):
    command = [sys.executable, "-I", "-B", "-c", GIVES_UP, str(Path(__file__).parents[2]), str(parent)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


def test_the_child_ends_with_its_parent_also_after_it_has_become_another_user():
    kept, signal = gives_up(0).stdout.decode().split("|")
    assert ("living on" in kept) is not (signal == "9")
    assert signal == "9"


def test_a_child_whose_parent_has_ended_already_reads_nothing():
    assert (gives_up(1).returncode, gives_up(1).stdout) == (1, b"")
