import pytest

from sentinel.formats.deaths import DEATH, FORMS
from tests.formats.reading import items, marks, rows, said

FRAMES = '  File "train.py", line 31, in <module>\n    main()\n'
TRACE = f"Traceback (most recent call last):\n{FRAMES}KeyError: 'mask'\n"
CHATTER = [
    "HYP: they were Killed out there, and the rest of it",
    "REF: Aborted flights and a bus error of judgement; fatal for nobody",
    "[1, 2] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/Socket/0",
    "W bfc_allocator.cc:242] Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.0GiB. This is not a failure.",
    "W0801 13:23:17 api.py:900] Sending process 4711 closing signal SIGTERM",
    "E0801 13:23:17 api.py:874] failed (exitcode: -15) local_rank: 3 (pid: 4711) of binary: python",
    "[ERROR] [launch.py:434] ['python', 'train.py'] exits with return code = -15",
    "[INFO] [launch.py:350] Process 4711 exits successfully.",
    "mpirun noticed that process rank 3 with PID 0 on node n1 exited on signal 15 (Terminated).",
    "srun: error: n07: task 0: Terminated",
    "./go.sh: line 7:  4711 Killed                  nvidia-smi dmon > gpu.log",
    "ValueError is raised where a label is missing",
    "error: 0.31",
    "E501: line too long",
    "urllib3.exceptions.InsecureRequestWarning: Unverified HTTPS request",
    "on_error: skip, max_restarts: 3, nan_policy: raise, exitcode: 0",
]


@pytest.mark.parametrize(("form", "sample"), FORMS, ids=lambda value: value[:40])
def test_each_form_is_met_by_its_sample_and_the_line_ends_the_run(form, sample):
    assert DEATH.search(sample)
    text = "step 10 loss 0.91\n" + sample + "\n"
    assert marks(text) == ["fatal"]
    assert len(rows(text)) == 1  # none of its numbers is a reading


@pytest.mark.parametrize("line", CHATTER)
def test_words_that_only_sound_like_a_death_are_none(line):
    assert "fatal" not in marks(f"step 10 loss 0.91\n{line}\nstep 20 loss 0.85\n")


@pytest.mark.parametrize(
    "lead",
    [
        "stderr: ",
        "(Worker pid=4711) ",
        "2026-03-01 10:00:00,250 ERROR [main] ",
        "(Core_0 pid=7) ERROR 03-01 [core.py:7] ",
    ],
)
def test_a_traceback_behind_what_a_logger_puts_before_it_is_one(lead):
    text = f"Traceback (most recent call last):\n{FRAMES}KeyError: 'mask'\n"
    assert marks("".join(lead + line + "\n" for line in text.splitlines())) == ["fatal"]


def test_the_time_before_a_traceback_may_move_on_with_its_lines():
    lines = [
        "10:00:01 [E] Traceback (most recent call last):",
        '10:00:01 [E]   File "a.py", line 3, in f',
        "10:00:02 [E] KeyError: 'mask'",
    ]
    assert marks("\n".join(lines) + "\n") == ["fatal"]


def test_a_traceback_whose_head_is_lost_is_known_by_its_frames():
    assert marks(f"step 10 loss 0.91\n{FRAMES}KeyError: 'mask'\n") == ["fatal"]
    assert marks(f"[rank1]: {FRAMES.replace('    main', '[rank1]:     main')}[rank1]: KeyError: 'mask'\n") == ["fatal"]


def test_a_stack_that_is_only_printed_ends_nothing():
    text = FRAMES + "".join(f"step {i} loss 0.{i}\n" for i in (20, 30))
    assert marks(text) == []
    assert [row["train.loss"] for row in said(text)] == [0.2, 0.3]


@pytest.mark.parametrize(
    "end", ["Segmentation fault (core dumped)", f"Traceback (most recent call last):\n{FRAMES}KeyError: 'mask'"]
)
def test_what_is_written_after_an_open_bar_is_read_with_and_without_numbers_in_the_bar(end):
    for shown in (", loss=0.31", ""):
        text = f"Epoch 0:  19%|##   | 161/857 [00:12<00:50, 2.05it/s{shown}]{end}\n"
        assert marks(text) == ["fatal"]


def test_a_traceback_in_a_frame_is_followed_to_its_end():
    text = "╭──── Traceback (most recent call last) ────╮\n│ train.py:31 in main │\n│ ❱ 31 │ f(x)        │\n╰─────────╯\nKeyError: 'mask'\n"
    assert marks(text) == ["fatal"]


@pytest.mark.parametrize(
    "before", ["Exception ignored in: <function Loader.__del__ at 0x7f0>", "--- Logging error ---"]
)
def test_a_traceback_that_the_program_goes_on_after_is_no_death(before):
    text = f"Training complete\n{before}\nTraceback (most recent call last):\n{FRAMES}AssertionError: can only test a child\n"
    assert marks(text) == ["finished"]
    chain = f"{before}\n{TRACE}During handling of the above exception, another exception occurred:\n\n{TRACE}"
    assert marks(chain) == []
    later = f"{before}\nBrokenPipeError: [Errno 32]\nstep 10 of it\nTraceback (most recent call last):\n{FRAMES}KeyError: 'mask'\n"
    assert marks(later) == ["fatal"]


def test_an_exception_without_a_name_of_its_own_ends_a_run():
    assert marks(f"Traceback (most recent call last):\n{FRAMES}Exception: no batch is left\n") == ["fatal"]


def test_a_restart_in_the_midst_of_a_traceback_forgets_neither_its_lead_nor_that_it_is_ignored():
    for before, expected in (
        ("", ["fatal"]),
        ("x: Exception ignored in: f\n", ["fatal"]),
        ("Exception ignored in: f\n", []),
    ):
        text = f"{before}Traceback (most recent call last):\n{FRAMES}KeyError: 'mask'\n"
        cut = text.index("    main")
        found = [
            i.kind.value for i in items(text, cuts=(cut,), saved_at=cut) if hasattr(i, "kind") and hasattr(i, "detail")
        ]
        assert found == expected


def test_every_epoch_of_a_keras_log_without_redraws_is_read():
    text = "".join(f"Epoch {i}/3\n512/512 [=====] - 27s 24ms/step - loss: 0.{9 - i} - acc: 0.{i}\n" for i in (1, 2, 3))
    assert [(row["train.loss"], row["epoch"]) for row in said(text)] == [(0.8, 1), (0.7, 2), (0.6, 3)]


def test_a_bar_in_which_nothing_but_nan_stands_tells_of_it():
    met = said("Epoch 1/3\n512/512 [=====] - 27s 24ms/step - loss: nan - val_loss: nan\n")
    assert str(met[0]["train.loss"]) == str(met[0]["val.loss"]) == "nan"


def test_darknets_iterations_are_no_ranks_and_mpiruns_labels_are():
    met = said("1014: -nan, -nan avg, 0.001000 rate, 1.89 seconds, 6084 images\n")
    assert (str(met[0]["train.loss"]), met[0]["step"]) == ("nan", 1014)
    assert rows("[1,3]<stdout>:step 10 loss 0.91\n")[0].rank == 3
    assert rows("3: step 10 loss 0.91\n")[0].rank == 3
