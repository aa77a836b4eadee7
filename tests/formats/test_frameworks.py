"""Lines as single frameworks print them: what each must give. The numbers are made up."""

import pytest

from tests.formats.reading import rows, said

LINES = [
    ("composer", "[batch=20/90]:\n\t Train time/epoch: 1\n\t Train loss/train/total: 3.1\n", {"train.loss": 3.1}),
    ("composer's evaluation", "[eval batch=4/4] Eval on eval data:\n\t Eval metrics/eval/LanguageCrossEntropy: 2.9\n", {"val.loss": 2.9}),
    ("torchtitan's validation", "validate step: 40  loss:  2.7000  memory:  1.20GiB(1.50%)  tps: 812\n", {"val.loss": 2.7}),
    ("TensorFlow's evaluation", "INFO:tensorflow:Saving dict for global step 70: accuracy = 0.51, global_step = 70, loss = 1.4\n", {"val.loss": 1.4, "val.accuracy": 0.51}),
    ("NeMo", "Training epoch 0, iteration 9/99 | lr: 0.001 | global_step: 9 | reduced_train_loss: 4.2\n", {"train.loss": 4.2, "lr": 0.001}),
    ("sd-scripts", "steps:  10%|█         | 9/90 [00:10<01:30,  1.61it/s, avr_loss=0.131]\n", {"train.loss": 0.131}),
    ("icefall", "Epoch 2, batch 50, loss[loss=0.31, simple_loss=0.5, over 618.00 frames. ], tot_loss[loss=0.33, simple_loss=0.6, over 12.05 frames. ], lr: 3.1e-03\n", {"train.loss": 0.31, "train.epoch_loss": 0.33}),
    ("Marian", "Ep. 2 : Up. 900 : Sen. 6,400 : Cost 5.71 : Time 12.31s : 3121.40 words/s : gNorm 1.25 : L.r. 3.0000e-04\n", {"train.loss": 5.71, "grad_norm": 1.25, "lr": 3e-4, "throughput": 3121.4}),
    ("ESPnet", "[h1] 2026-02-03 04:05:06,123 (trainer:732) INFO: 3epoch:train:51-100batch: iter_time=1.2e-04, loss=41.2, train_time=0.4\n", {"train.loss": 41.2}),
    ("ESPnet's epoch", "[h1] 2026-02-03 04:05:06,123 (trainer:338) INFO: 3epoch results: [train] loss=40.1, [valid] loss=38.5, wer=51.0\n", {"train.loss": 40.1, "val.loss": 38.5, "val.wer": 51.0}),
    ("torchvision's summary", " * Acc@1 61.500 Acc@5 81.250\n", {"val.accuracy": 61.5, "val.top5_accuracy": 81.25}),
    ("OpenNMT", "Step 50/900; ppl: 512.0; xent: 6.2; lr: 0.001; 41000/39000 tok/s;    100 sec;\n", {"train.perplexity": 512.0, "throughput": 39000.0}),
    ("DeepSpeed", "steps: 30 loss: 4.1000 iter time (s): 1.512 samples/sec: 42.3\n", {"train.loss": 4.1, "step_time": 1.512, "throughput": 42.3}),
    ("rsl_rl", "            Learning iteration 7/90\n\n               Value function loss: 0.3100\n                       Mean reward: -4.50\n", {"train.loss.value": 0.31, "reward": -4.5}),
    ("verl", "step:11 - actor/pg_loss:-0.012 - actor/grad_norm:0.31 - critic/rewards/mean:0.25\n", {"reward": 0.25, "grad_norm": 0.31}),
    ("a player of games", "Episode 12 | score: 31.0 | epsilon: 0.85 | loss: 0.7\n", {"reward": 31.0, "train.loss": 0.7}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), [line[1:] for line in LINES], ids=[line[0] for line in LINES])
def test_a_framework_s_line_gives_its_numbers(text, wanted):
    met = {name: value for row in said(text) for name, value in row.items()}
    assert {name: met.get(name) for name in wanted} == pytest.approx(wanted)


def test_the_lines_below_a_batch_stand_at_its_step():
    text = "[batch=20/90]:\n\t Train loss/train/total: 3.1\n[batch=30/90]:\n\t Train loss/train/total: 2.9\n"
    assert [row.step for row in rows(text)] == [20, 30]


def test_an_epoch_glued_to_its_number_is_a_counter():
    text = "".join(f"4epoch:train:{n - 9}-{n}batch: loss=2.{n}\n" for n in (10, 20, 110))
    assert [(row.epoch, row.step) for row in rows(text)] == [(4.0, 10), (4.0, 20), (4.0, 110)]


def test_scores_on_the_line_below_their_names_are_the_validation_s():
    head = "[02/03 04:05:06 d2.evaluation.testing]: copypaste: "
    text = f"{head}Task: bbox\n{head}AP,AP50,AP75\n{head}21.5,40.25,nan\n"
    assert said(text) == [
        pytest.approx({"val.map": 21.5, "val.map50": 40.25, "val.bbox.ap75": float("nan")}, nan_ok=True)
    ]


def test_a_table_of_boxes_is_read_once_an_epoch():
    head = "\n      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
    row = "        2/9      2.11G      1.250      0.750      1.125        101        640"
    bars = f"\r{row}:  50%|#####     | 4/8 [00:00<00:00,  5.01it/s]\r{row}: 100%|##########| 8/8 [00:01<00:00,  5.01it/s]\n"
    names = "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|##########| 8/8 [00:01<00:00]\n"
    scores = "                   all        128        929      0.640      0.530      0.600      0.440\n"
    met = rows(head + bars + names + scores)
    assert [(dict(zip(row.names, row.values, strict=True)), row.epoch) for row in met] == [
        ({"train.loss.box": 1.25, "train.loss.cls": 0.75, "train.loss.dfl": 1.125}, 2.0),
        ({"val.precision": 0.64, "val.recall": 0.53, "val.map50": 0.6, "val.map50_95": 0.44}, 2.0),
    ]


def test_a_score_beside_both_losses_is_the_validation_s():
    assert said("epoch,train_loss,valid_loss,accuracy\n1,0.9,1.1,0.5\n", "history.csv") == [
        {"train.loss": 0.9, "val.loss": 1.1, "val.accuracy": 0.5, "epoch": 1.0}
    ]


def test_a_score_beside_one_loss_stays_without_a_split():
    assert said("epoch,train_loss,accuracy\n1,0.9,0.5\n", "history.csv") == [
        {"train.loss": 0.9, "accuracy": 0.5, "epoch": 1.0}
    ]


def test_a_time_s_cost_is_no_loss():
    assert not any("train.loss" in row for row in said("Epoch[1] Time cost=12.412\n"))


def test_a_bare_time_beside_the_wait_for_data_is_that_of_a_step():
    line = "Epoch: [0][ 10/50]\tTime  0.350 ( 0.340)\tData  0.020 ( 0.030)\tLoss 1.75e+00 (1.75e+00)\n"
    assert said(line) == [{"step": 10, "epoch": 0.0, "step_time": 0.35, "data_time": 0.02, "train.loss": 1.75}]
    assert "step_time" not in said("Epoch 1 time 35.2 loss 1.5\n")[0]
