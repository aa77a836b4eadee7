from math import inf, isnan

import pytest

from tests.formats.reading import facts, marks, rows, said

BAD = [
    "{'loss': nan, 'learning_rate': 1e-05, 'epoch': 0.1}",
    "{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 2e-05, 'epoch': 0.4}",
    " iteration 40/ 900 | lm loss: 2.1E+00 | loss scale: 1.0 | grad norm: nan | number of nan iterations: 0 |",
    "mmdet - INFO - Epoch [2][50/700] lr: 1.0e-02, loss_cls: 0.4, loss: 0.9, grad_norm: nan",
    "Epoch 3 | train loss: -nan(ind) | val loss: 0.5",
    "step=7 loss=1.#QNAN lr=0.1",
    "step: 12, loss: inf",
]
FINE = [
    "INFO: 5 workers, loss: 0.5, step 3",
    "epoch 4 infinite sampler on, loss=0.7",
    "nanoGPT config loaded; epoch 1 loss 0.33",
]


@pytest.mark.parametrize("line", BAD)
def test_nan_in_every_spelling_is_met(line):
    values = [v for row in rows(line + "\n") for v in row.values]
    assert any(isnan(v) or v == inf for v in values), said(line + "\n")


def test_nan_in_a_table_is_met_and_an_empty_cell_is_not_nan():
    met = said("step,train_loss,val_loss\n1,nan,\n2,0.5,0.6\n", "metrics.csv")
    assert isnan(met[0]["train.loss"])
    assert "val.loss" not in met[0]


@pytest.mark.parametrize("line", FINE)
def test_words_that_hold_nan_or_inf_are_no_numbers(line):
    assert all(v == v and abs(v) != inf for row in rows(line + "\n") for v in row.values)


def test_a_section_names_the_split_of_what_follows_it():
    line = "Epoch 3: Train: loss=0.73, F1=0.633 | Val: loss=0.81, F1=0.448\n"
    assert said(line) == [{"train.loss": 0.73, "train.f1": 0.633, "val.loss": 0.81, "val.f1": 0.448, "epoch": 3}]


def test_a_split_word_before_a_metric_holds_for_the_next_ones():
    line = "Epoch: 002, Loss: 0.2, Train Auc: 0.9, Acc: 0.8; Val Auc: 0.7, Acc: 0.6\n"
    assert said(line)[0]["train.accuracy"] == 0.8
    assert said(line)[0]["val.accuracy"] == 0.6


def test_step_epoch_and_plan_come_from_fractions():
    line = "2026-03-01 10:00:00,250 - trainer - INFO - Epoch [2/20], Step [5/860], Loss: 2.2, LR: 1.0e-03\n"
    assert said(line) == [{"train.loss": 2.2, "lr": 0.001, "step": 5, "epoch": 2}]
    assert facts(line) == {"fact.planned_epochs": 20}
    assert rows(line)[0].stamp == 1772359200.25


def test_a_plan_without_epochs_is_that_of_the_run():
    assert facts("step:340/3000 val_loss:5.25 step_avg:24.1ms\n")["fact.planned_steps"] == 3000


def test_percent_is_a_fraction_only_for_shares():
    assert said("Epoch 1: Train: loss=1.5, acc=51.5%\n")[0]["train.accuracy"] == pytest.approx(0.515)


def test_numbers_with_units_and_separators():
    line = "[step 40]\tmlm_loss=2.5\tthroughput=132.0K tks/s\tlr=1e-4\n"
    assert said(line) == [{"train.loss.mlm": 2.5, "throughput": 132000.0, "lr": 1e-4, "step": 40}]
    assert said("step 12 | loss 4.25 | ppl 70.1 | 1,414 tok/s\n")[0]["throughput"] == 1414


def test_fields_glued_together_are_still_two():
    assert said("Epoch 3/20 val_mae=55.6 tf=0.00lr=0.001\n")[0]["lr"] == 0.001


def test_a_running_mean_in_brackets_is_not_a_second_reading():
    line = "Epoch: [0][ 10/500]  Loss 6.9 (6.95)  Acc@1 0.10 ( 0.2)\n"
    assert said(line)[0] == {"train.loss": 6.9, "train.accuracy": 0.1, "step": 10, "epoch": 0}


@pytest.mark.parametrize(
    "line",
    [
        "loading checkpoint from /data/runs/2024-01-05/epoch_12/model-0.5.pt",
        "torch version 2.6.0+cu124, python 3.11.7",
        "learning_rate: 5e-05",
        "batch_size=32, num_workers=4, seed=17",
        "Using 4 GPUs: 0,1,2,3 on node gpu-17:29500",
        "GPU memory: 25.22 GB",
        "  (conv1): Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3))",
        "Namespace(lr=0.1, epochs=90, momentum=0.9, loss_weight=0.5)",
        "ValueError: expected loss of 3 values, got 4",
    ],
)
def test_what_is_no_measurement_gives_no_reading(line):
    assert rows(line + "\n") == []


def test_a_line_without_step_takes_the_one_in_force_once():
    text = "Step 60: Loss = 1.5, LR = 0.02\nValidation: Loss = 1.6, Perplexity = 5.0\n" * 1
    assert said(text)[1] == {"val.loss": 1.6, "val.perplexity": 5.0, "step": 60}
    again = said(text + "Validation: Loss = 1.7, Perplexity = 5.1\n")
    assert "step" not in again[2]


def test_two_spellings_of_one_name_are_two_series():
    text = "step=5 epoch=0 loss=2.0 lr=0.1\nepoch=0 step=5 train_loss=2.5 val_loss=2.1\n"
    assert said(text)[1]["train.epoch_loss"] == 2.5


def test_a_layout_keeps_its_names_object():
    first, second = rows("step=1 loss=0.5 lr=0.1\nstep=2 loss=0.4 lr=0.1\n")
    assert first.names is second.names


def test_bars_give_a_reading_for_each_step_and_none_for_a_redraw():
    bar = "Epoch 1:  {p}%|##  | {n}/10 [00:0{n}<00:05,  1.9it/s, loss={v}]"
    text = "\r".join(bar.format(p=n * 10, n=n, v=v) for n, v in ((1, 0.9), (1, 0.9), (2, 0.8))) + "\n"
    assert said(text) == [
        {"train.loss": 0.9, "step": 1, "epoch": 1},
        {"train.loss": 0.8, "step": 2, "epoch": 1},
    ]
    keras = "Epoch 2/5\n 3/15 [==>....] - ETA: 0s - loss: 0.5 - lr: 2.0e-03\r"
    keras += "15/15 [=====] - 1s 2ms/step - loss: 0.4 - val_loss: 0.6\n"
    assert said(keras)[-1] == {"train.loss": 0.4, "val.loss": 0.6, "step": 15, "epoch": 2}


def test_lines_under_a_bare_step_belong_to_it():
    text = "[step=220/10000,epoch=0]\n    optim/total_grad_norm=0.65\n    train/CrossEntropyLoss=5.4\n"
    assert said(text) == [{"grad_norm": 0.65, "step": 220, "epoch": 0}, {"train.loss": 5.4, "step": 220, "epoch": 0}]


def test_the_course_of_a_run_is_marked():
    text = "Traceback (most recent call last):\n  File 'a.py', line 3\nRuntimeError: CUDA out of memory\n"
    assert marks(text) == ["fatal"]
    assert marks("Traceback (most recent call last):\n  x\nKeyboardInterrupt\n") == ["stopped"]
    launcher = (
        "Traceback (most recent call last):\n  x\ntorch.multiprocessing.api.SignalException: Process 7 got signal: {}\n"
    )
    assert marks(launcher.format(15)) == ["stopped"]
    assert marks(launcher.format(11)) == ["fatal"]
    loader = (
        "Traceback (most recent call last):\n  x\nRuntimeError: DataLoader worker (pid 7) is killed by signal: {}. \n"
    )
    assert marks(loader.format("Terminated")) == ["stopped"]
    assert marks(loader.format("Bus error")) == ["fatal"]
    told = "Traceback (most recent call last):\n  x\nray.exceptions.RayTaskError(RpcError): ray::Task.run() (pid=7)\n"
    assert marks(told) == ["fatal"]
    wrapped = "Traceback (most recent call last):\n  x\ny.py, in z\ntorch.cuda.OutOfMemoryError: CUDA out of memory.\n"
    assert marks(wrapped) == ["fatal"]
    assert marks("Resuming from checkpoint at step 224\n") == ["resumed"]
    assert marks("Training complete. Best score 3\n") == ["finished"]


def test_facts_are_read_from_the_log():
    found = facts("Vocabulary size: 214 (max token ID 213); model parameters: 790,112\nWorld size: 4\n")
    assert found == {"fact.tokenizer_size": 214, "fact.params": 790112, "fact.world_size": 4}


def test_wrappers_are_peeled():
    docker = '{"log":"step=3 loss=0.5 lr=0.1\\n","stream":"stdout","time":"2026-03-01T10:00:00.5Z"}\n'
    assert said(docker) == [{"train.loss": 0.5, "lr": 0.1, "step": 3}]
    assert rows("[default3]:step=3 loss=0.5\n")[0].rank == 3
    assert rows("1: step=3 loss=0.5\n")[0].rank == 1
    assert said("Mar  1 10:00:00 box train[77]: step=3 loss=0.5\n") == [{"train.loss": 0.5, "step": 3}]


def test_boosters_and_counters_in_brackets():
    assert said("[10]\ttraining's l2: 0.5\tvalid_1's l2: 0.4\n") == [{"train.l2": 0.5, "val.l2": 0.4, "step": 10}]
    assert said("10:\tlearn: 0.69\ttest: 0.68\ttotal: 50ms\n")[0]["step"] == 10
    found = said("mmengine - INFO - Epoch(train)  [1][  50/7330]  lr: 3.9e-04  eta: 1 day, 2:30:11  loss: 1.2\n")
    assert found == [{"lr": 3.9e-4, "train.loss": 1.2, "step": 50, "epoch": 1}]


def test_what_a_callback_says_of_the_best_is_no_new_reading():
    assert rows("Epoch 00003: val_loss improved from 0.52 to 0.48, saving model\n") == []


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("step 10 loss=0.61 (val)", "val.loss", 0.61),
        ("epoch 3 loss (val): 0.61", "val.loss", 0.61),
        ("epoch 3 loss 0.4 (train) loss 0.61 (val)", "val.loss", 0.61),
        ("Test set: Average loss: 0.03, Accuracy: 9890/10000 (98.90%)", "test.accuracy", 0.989),
        ("Validation: PER: precision: 87.5%; recall: 85.0%", "val.class.per.precision", 0.875),
        ("Rank 4 done. map=0.25 @ epoch=-1", "map", 0.25),
        ("Avg. loss: 0.5 step 4", "train.loss", 0.5),
        ("env steps: 5000 reward: 3.5", "reward", 3.5),
        ("step 3 | NT[5HT=0.95 DA=0.8]", "nt_5ht", 0.95),
    ],
)
def test_words_around_a_number_say_what_it_is(line, name, value):
    assert said(line + "\n")[0][name] == pytest.approx(value)


@pytest.mark.parametrize(
    "line",
    [
        "Warmup steps: 1000, Update frequency: 500",
        "    LOSS_WEIGHT_POWER: 0.5",
        "          cost_dice: 5.0",
        "Batch [39/59]: evaluated",
        "step: 12 of the guide explains loss scaling",
    ],
)
def test_plans_and_configs_are_no_readings(line):
    assert said(line + "\n") == []


def test_a_batch_counter_alone_is_no_step_for_the_lines_after_it():
    lines = "Epoch 4 Batch 139/149 loss=0.5\nBatch [39/59]: evaluated\n[Epoch 4] validation: acc=0.9\n"
    assert said(lines)[1] == {"val.accuracy": 0.9, "step": 139, "epoch": 4}


def test_a_summary_that_names_its_split_closes_the_section_before_it():
    lines = "Test: 50%|##  | 1/2 [00:01<00:00, 1.2it/s]\nTest: loss = 6.2 | f1 = 0.8\ncutloss: 5.7 | otherloss: 0.4\n"
    assert said(lines) == [{"test.loss": 6.2, "test.f1": 0.8}, {"train.loss.cut": 5.7, "train.loss.other": 0.4}]


def test_the_second_of_two_keys_of_one_meaning_keeps_a_name_of_its_own():
    line = "{'eval_loss': 0.5, 'eval_samples_per_second': 5.6, 'eval_steps_per_second': 0.7, 'epoch': 1.0}\n"
    assert said(line) == [{"val.loss": 0.5, "val.throughput": 5.6, "val.steps_per_second": 0.7, "epoch": 1.0}]


@pytest.mark.parametrize("key", ["valid_action", "found_in_top5"])
def test_a_word_that_only_looks_like_a_split_or_a_score_is_none(key):
    assert said(f'{{"step": 3, "loss": 0.5, "{key}": 0.9}}\n')[0][key] == 0.9


def test_a_bar_that_shows_the_last_validation_again_does_not_validate_again():
    bar = "Epoch {e}:  {p}%|##  | {n}/10 [00:0{n}<00:05,  1.9it/s, loss={v}, val_loss={w}]"
    redraws = ((0, 10, 0.9, 0.8), (0, 0, 0.9, 0.8), (1, 4, 0.7, 0.8), (1, 8, 0.6, 0.8), (1, 10, 0.6, 0.5))
    text = "\r".join(bar.format(e=e, p=n * 10, n=n, v=v, w=w) for e, n, v, w in redraws) + "\n"
    assert [row["val.loss"] for row in said(text) if "val.loss" in row] == [0.8, 0.5]
    assert len([row for row in said(text) if "train.loss" in row]) == 4


def test_a_loop_over_the_test_set_counts_its_batches_in_brackets():
    text = "Test: [ 0/20]\tTime  0.401 ( 0.401)\tLoss 3.5169e-01 (3.5169e-01)\tAcc@1  87.33 ( 87.33)\n"
    text += "Test: [19/20]\tTime  0.201 ( 0.301)\tLoss 2.5169e-01 (3.0169e-01)\tAcc@1  81.33 ( 85.25)\n"
    assert said(text) == [{"val.loss": 0.30169, "val.accuracy": 85.25}]


def test_of_an_evaluation_whose_last_batch_is_not_printed_the_last_mean_counts_and_its_summary():
    train = "Epoch: [{}][40/50]\tTime 0.4 (0.4)\tLoss 0.61 (0.72)\n"
    test = "Test: [{:2}/30]\tTime 0.4 (0.4)\tLoss 0.7 ({})\tAcc@1 70.0 (71.0)\n"
    passed = "".join(test.format(10 * at, 0.8 + at / 10) for at in range(3)) + " *   Acc@1 71.5 Acc@5 92.5\n"
    rows = said("".join(train.format(epoch) + passed for epoch in range(2)))
    assert [row["val.loss"] for row in rows if "val.loss" in row] == [1.0, 1.0]
    assert [row["val.accuracy"] for row in rows if "val.accuracy" in row] == [71.5, 71.5]


def test_batches_of_an_evaluation_without_means_are_one_reading_too():
    test = "Test: [{:2}/30]\tLoss {}\tAcc@1 70.0\n"
    text = "".join(test.format(at, loss) for at, loss in ((10, 0.5), (20, 0.625), (29, 0.75)))
    assert [row["val.loss"] for row in said(text) if "val.loss" in row] == [0.75]


def test_a_time_in_words_is_no_score():
    assert said("Elapsed: 1 hr 31 min, loss 0.25\n") == [{"train.loss": 0.25}]


def test_the_redraws_of_a_bar_over_the_validation_are_one_evaluation():
    bar = "{desc}:  {p}%|##  | {n}/{of} [00:0{n}<00:05,  1.9it/s, {key}={v}]"
    train = [bar.format(desc="Epoch 1/9", p=n * 25, n=n, of=4, key="loss", v=1.0 - n / 10) for n in (2, 4)]
    whole = [bar.format(desc="Validation", p=n * 50, n=n, of=2, key="loss", v=0.5 + n / 8) for n in (1, 2)]
    wiped = [bar.format(desc="val epoch 1", p=n * 25, n=n, of=4, key="dice", v=n / 8) for n in (1, 2, 3)]
    text = "".join("\r".join(drawn) + "\n" for drawn in (train, whole, wiped))
    met = [(row.step, dict(zip(row.names, row.values, strict=True))) for row in rows(text) if row.names]
    assert met[2:] == [(4, {"val.loss": 0.75}), (4, {"val.dice": 0.375})]


def test_so_many_of_so_many_before_a_bar_over_batches_is_the_epoch():
    bar = "[fold_1] 00{e}/200:  50%|##  | 2/4 [00:02<00:05,  1.9it/s, loss={v}]\n"
    text = "".join(bar.format(e=e, v=1.0 / e) for e in (1, 2))
    assert [row.epoch for row in rows(text)] == [1.0, 2.0]


def test_a_bar_over_epochs_evaluates_at_each_of_them():
    bar = "fit:  {p}%|##  | {n}/4 [00:0{n}<00:05,  1.9it/s, val_loss={v}]"
    text = "\r".join(bar.format(p=n * 25, n=n, v=1.0 - n / 10) for n in (1, 2, 3)) + "\n"
    assert [row["val.loss"] for row in said(text)] == [0.9, 0.8, 0.7]


def test_where_a_line_was_said_in_the_source_is_no_metric():
    text = "2026-03-01 22:00:30.123 | INFO     | __main__:train:55 - epoch 1 step 20 | loss=0.229\n"
    text += "2026-03-01 22:01:30.123 | SUCCESS  | app.run:validate:88 - epoch 1 step 20 | val_loss=0.31\n"
    assert [sorted(row) for row in said(text)] == [["epoch", "step", "train.loss"], ["epoch", "step", "val.loss"]]
