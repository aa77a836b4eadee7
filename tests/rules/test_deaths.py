"""What a log says at its end names the death; what it survived names nothing."""

import functools
from pathlib import Path

import pytest

from sentinel.core.records import Severity
from sentinel.daemon.replay import replay
from sentinel.rulebook import RuleFolder, load_rulebook
from sentinel.rulebook.names_file import load_names

RULES = Path(__file__).parents[2] / "rules"
TRACE = 'Traceback (most recent call last):\n  File "train.py", line 31, in <module>\n    main()\n'
STEPS = "".join(f"step {10 * i} loss {2 - i / 50:.3f}\n" for i in range(40))
SLOW = "".join(
    f"2026-03-01 {10 + i // 12}:{5 * i % 60:02d}:20 epoch {i} train_loss {2 - i / 20:.3f}\n" for i in range(24)
)


@functools.cache
def shipped():
    names, _ = load_names([RULES / "names.yml"])
    return load_rulebook([RuleFolder(RULES, shipped=True)], names), names


def loud(tmp_path, text):
    (tmp_path / "train.log").write_text(text)
    told = replay(tmp_path / "train.log", *shipped()).firing
    return [
        f"{change.signature}/{change.rule}"
        for change in told
        if change.severity >= Severity.HIGH and not change.hidden_by
    ]


@pytest.mark.parametrize(
    ("end", "rule"),
    [
        (TRACE + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "process-died/cuda-memory"),
        ("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 2000 bytes.", "process-died/cuda-memory"),
        (TRACE + "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 15.3 GiB", "process-died/allocator"),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=4711.0.", "process-died/killed-for-memory"),
        (TRACE + "RuntimeError: CUDA error: device-side assert triggered", "gpu-fault/index"),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", "gpu-fault/address"),
        ("[E Group.cpp:916] [Rank 1] watchdog thread terminated with exception: CUDA error: uncorrectable ECC error encountered", "gpu-fault/memory"),
        (TRACE + "RuntimeError: PytorchStreamReader failed reading zip archive", "cannot-load/damaged"),
        (TRACE + "RuntimeError: [enforce fail at inline_container.cc:445] . PytorchStreamWriter failed writing file", "cannot-save/save-failed"),
        (TRACE + "FloatingPointError: Loss became infinite or NaN at iteration=400!", "loss-nonfinite/trainer-stops"),
        ("Segmentation fault (core dumped)", "process-died/died"),
        (TRACE + "KeyError: 'mask'", "process-died/died"),
    ],
)  # fmt: skip
def test_the_last_words_name_the_death(tmp_path, end, rule):
    assert loud(tmp_path, f"{STEPS}{end}\n")[:1] == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory with a batch of 64, going on with 32\n" + STEPS,
        "2026-03-01 09:59:50 WARNING CUDA out of memory. Tried to allocate 2.00 GiB; a batch of 8 it is\n" + SLOW,
        f"{STEPS}{TRACE}requests.exceptions.ReadTimeout: no answer\n" + STEPS.replace("step ", "step 1"),
        f"{STEPS}W conv.cc:80] CUDNN_STATUS_EXECUTION_FAILED, trying the next algorithm\n{STEPS}",
        f"{STEPS}Training complete\nException ignored in: <function Loader.__del__ at 0x7f0>\n{TRACE}AssertionError: no child\n",
    ],
    ids=["a probe", "a probe before slow epochs", "an upload", "an algorithm", "the end of a loader"],
)
def test_what_was_survived_is_not_told(tmp_path, text):
    assert loud(tmp_path, text) == []


@pytest.mark.parametrize(
    "line",
    [
        "CUDA out of memory with a batch of 64, going on with 32",
        "step_300.pt: PytorchStreamReader failed reading zip archive, trying step_200.pt",
        "W conv.cc:80] CUDNN_STATUS_EXECUTION_FAILED, trying the next algorithm",
    ],
)
def test_what_was_survived_long_ago_does_not_name_a_death(tmp_path, line):
    text = f"step 0 loss 2.0\n{line}\n{STEPS}{TRACE}KeyError: 'mask'\n"
    assert loud(tmp_path, text) == ["process-died/died"]
