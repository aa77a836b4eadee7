"""A finished run comes in one order: by stamp, else by epoch and step, else by name; or as its bytes arrived."""

import gzip
import json

import pytest

from sentinel.core.names import Names
from sentinel.core.records import Fact, Found, How, Mark, MarkKind, Over, Row
from sentinel.sources.arrivals import ArrivalsError
from sentinel.sources.endings import Ending
from sentinel.sources.replay import replay_run
from tests.sources.plain_eyes import PlainEyes, steps


def play(path, arrivals=None, time_scale=1.0):
    replay = replay_run(path, Names(), arrivals, time_scale, PlainEyes())
    return [(now, item) for now, batch in replay.turns for item in batch.items]


def items(path, *more):
    return [item for _, item in play(path, *more)]


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        (folder / f"{stem}.{ending}").write_text(text)
    return folder


def record(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_run_is_found_first_and_over_last(tmp_path):
    run = write(tmp_path / "run", train_log="step=1 loss=2\nDONE\n")
    first, *between, last = items(run)
    assert isinstance(first, Found)
    assert first.info.name == "run"
    assert steps(between) == [1]
    assert last == Over(How.ENDED, None, "DONE")


def test_facts_of_configs_come_before_the_first_reading(tmp_path):
    run = write(tmp_path / "run", a_log="step=1 loss=2\n", z_json='{"colour": 0.1}')
    kinds = [type(item) for item in items(run)]
    assert kinds == [Found, Fact, Row, Over]


def test_files_that_all_have_stamps_are_merged_by_stamp(tmp_path):
    run = write(
        tmp_path / "run",
        a_log="t=10 step=1 loss=1\nt=30 step=3 loss=1\n",
        b_log="t=20 step=2 loss=1\nt=40 step=4 loss=1\n",
    )
    assert steps(items(run)) == [1, 2, 3, 4]
    assert [now for now, item in play(run) if isinstance(item, Row)] == [10, 20, 30, 40]


def test_an_epochs_summary_comes_after_the_steps_of_that_epoch(tmp_path):
    run = write(
        tmp_path / "run",
        a_log="epoch=1 loss=0.1\nepoch=2 loss=0.2\n",
        b_log="epoch=1 step=1 loss=1\nepoch=1 step=2 loss=2\nepoch=2 step=3 loss=3\n",
    )
    rows = [item for item in items(run) if isinstance(item, Row)]
    assert [row.values[0] for row in rows] == [1, 2, 0.1, 3, 0.2]


def test_files_with_steps_alone_are_merged_by_step_and_a_second_attempt_stays_second(tmp_path):
    first = "".join(f"step={step} loss=1\n" for step in range(0, 100, 10))
    second = "".join(f"step={step} loss=2\n" for step in range(50, 120, 10))
    run = write(tmp_path / "run", a_log=first + second, b_log=first + second)
    rows = [item for item in items(run) if isinstance(item, Row)]
    assert [row.values[0] for row in rows] == sorted(row.values[0] for row in rows)
    assert [row.step for row in rows[:4]] == [0, 0, 10, 10]


def test_without_stamps_and_steps_files_come_in_name_order_and_time_is_unknown(tmp_path):
    run = write(tmp_path / "run", b_log="loss=2\n", a_log="step=1 loss=1\n")
    rows = [item for item in items(run) if isinstance(item, Row)]
    assert [row.file for row in rows] == ["a.log", "b.log"]
    assert {now for now, _ in play(run)} == {None}


def test_a_line_without_a_stamp_inherits_the_last_one_and_time_never_runs_backwards(tmp_path):
    run = write(tmp_path / "run", a_log="t=10 loss=1\nwords\nt=5 loss=2\n")
    assert [item.at for item in items(run) if isinstance(item, Row)] == [10, 10, 10]


def test_rotated_and_compressed_parts_are_one_text_with_the_living_file(tmp_path):
    run = write(tmp_path / "run", train_log="step=3 loss=1\n")
    (run / "train.log.1").write_text("step=2 loss=1\n")
    (run / "train.log.2.gz").write_bytes(gzip.compress(b"step=1 loss=1\n"))
    rows = [item for item in items(run) if isinstance(item, Row)]
    assert [(row.step, row.file, row.line) for row in rows] == [
        (1, "train.log", 1),
        (2, "train.log", 2),
        (3, "train.log", 3),
    ]


def test_a_compressed_log_grows_to_a_hundred_times_its_size_and_no_further(tmp_path):
    packed = gzip.compress(b"x" * 5_000_000 + b"\nstep=1 loss=1\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train.log.gz").write_bytes(packed)
    assert steps(items(tmp_path / "run")) == []


def test_a_single_file_is_a_run_of_its_own(tmp_path):
    file = tmp_path / "anything.at_all"
    file.write_text("step=1 loss=1")
    assert steps(items(file)) == [1]


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        replay_run(tmp_path / "none", Names(), eyes=PlainEyes())


# --- with arrivals -----------------------------------------------------------------------------------------------


def test_bytes_arrive_when_the_recording_says_so_times_the_scale(tmp_path):
    run = write(tmp_path / "run", train_log="step=1 loss=1\nstep=2 loss=1\n")
    rows = record(
        tmp_path / "arrivals",
        {"t": 1.0, "f": "train.log", "op": "a", "a": 0, "b": 18},
        {"t": 1.5, "f": "train.log", "op": "a", "a": 18, "b": 28},
        {"t": 1.75, "op": "end", "exit": 0},
    )
    played = play(run, rows, 100.0)
    assert [(now, item.step) for now, item in played if isinstance(item, Row)] == [(100, 1), (150, 2)]
    assert played[-1] == (175, Over(How.ENDED, 175, "exit code 0"))


def test_a_rewrite_with_another_beginning_is_a_reset_and_one_with_the_same_is_growth(tmp_path):
    run = write(tmp_path / "run", metrics_csv="new header\nstep=1 loss=1\nstep=2 loss=1\n")
    rows = record(
        tmp_path / "arrivals",
        {"t": 1, "f": "metrics.csv", "op": "w", "n": 25, "text": "old header\nstep=1 loss=1\n"},
        {"t": 2, "f": "metrics.csv", "op": "w", "n": 25},
        {"t": 3, "f": "metrics.csv", "op": "w", "n": 39},
        {"t": 4, "op": "end", "exit": 0},
    )
    seen = [item for _, item in play(run, rows) if isinstance(item, Mark) or (isinstance(item, Row) and item.names)]
    assert [item.kind if isinstance(item, Mark) else item.step for item in seen] == [1, MarkKind.RESET, 1, 2]


def test_what_was_seen_of_the_process_becomes_readings_and_its_signal_a_fact(tmp_path):
    run = write(tmp_path / "run", train_log="")
    rows = record(
        tmp_path / "arrivals", {"t": 2, "op": "proc", "rss_mb": 10, "cpu_s": 1.5}, {"t": 3, "op": "end", "exit": -9}
    )
    seen = items(run, rows)
    assert seen[1].names == ("proc.rss_mb", "proc.cpu_s")
    assert [(fact.name, fact.value) for fact in seen if isinstance(fact, Fact)] == [
        ("process.exit_code", -9),
        ("process.signal", 9),
    ]
    assert seen[-1] == Over(How.STOPPED, 3, "killed by SIGKILL; the kernel tells of no memory shortage")


def test_an_unfinished_line_gives_its_text_after_a_second_and_its_numbers_at_the_end(tmp_path):
    run = write(tmp_path / "run", train_log="step=1 loss=1")
    rows = record(
        tmp_path / "arrivals",
        {"t": 1, "f": "train.log", "op": "a", "a": 0, "b": 13},
        {"t": 9, "op": "proc", "rss_mb": 1},
        {"t": 10, "op": "end", "exit": 1},
    )
    told = [(now, item.text, item.names) for now, item in play(run, rows) if isinstance(item, Row) and item.file]
    assert told == [(2, "step=1 loss=1", ()), (10, "", ("train.loss",))]


def test_a_config_that_arrives_late_gives_its_facts_then(tmp_path):
    run = write(tmp_path / "run", config_json='{"lr": 0.1}', train_log="step=1 loss=1\n")
    rows = record(
        tmp_path / "arrivals",
        {"t": 1, "f": "train.log", "op": "a", "a": 0, "b": 14},
        {"t": 2, "f": "config.json", "op": "a", "a": 0, "b": 11},
        {"t": 3, "op": "end", "exit": 0},
    )
    assert [type(item) for item in items(run, rows)][1:3] == [Row, Fact]


@pytest.mark.parametrize("row", ['{"t": 1}', "words", '{"t": 1, "op": "x"}', '{"t": 1, "op": "a", "f": "x"}'])
def test_a_recording_that_makes_no_sense_is_refused_with_its_line(tmp_path, row):
    (tmp_path / "run").mkdir()
    (tmp_path / "arrivals").write_text(row + "\n")
    with pytest.raises(ArrivalsError, match="arrivals:1: "):
        play(tmp_path / "run", tmp_path / "arrivals")


@pytest.mark.parametrize(
    ("words", "how"),
    [
        ("Segmentation fault (core dumped)", How.ENDED),
        ("terminate called without an active exception", How.ENDED),
        ("./go.sh: line 3: 4711 Aborted    python train.py", How.ENDED),
        ("KeyError: 'mask'", How.DIED),
        ("Killed", How.DIED),
    ],
)
def test_libraries_that_crash_when_they_are_put_away_undo_no_good_end(words, how):
    ending = Ending()
    ending.note([Mark(MarkKind.FATAL, "train.log", 9, None, words)])
    assert ending.over(None).how is How.DIED
    ending.note([Mark(MarkKind.FINISHED, "train.log", 8, None, "Training complete")])
    ending.note([Mark(MarkKind.FATAL, "train.log", 9, None, words)])
    assert ending.over(None).how is how


@pytest.mark.parametrize(("more", "how"), [(2, How.DIED), (5, How.UNCLEAR)])
def test_training_that_goes_on_takes_a_traceback_back(more, how):
    ending = Ending()
    ending.note([Row(("train.loss",), (1.0,), None, 1.0, None, "train.log", 1)])
    ending.note([Mark(MarkKind.FATAL, "train.log", 2, None, "BrokenPipeError: a worker")])
    ending.note([Row(("train.loss",), (1.0,), None, 1.0, None, "train.log", 3 + at) for at in range(more)])
    assert ending.over(None).how is how
