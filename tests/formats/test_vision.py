"""How trainers of pictures print: what counts, what is a mean so far, and what is none of our business."""

import json

import pytest

from tests.formats.reading import rows, said

TIMM = (
    "Train: 3 [   0/420 (  0%)]  Loss: 5.13 (5.13)  Time: 1.250s,   51.20/s  (1.250s,   51.20/s)"
    "  LR: 2.000e-04  Data: 0.310 (0.310)\n"
    "Train: 3 [ 419/420 (100%)]  Loss: 4.87 (5.02)  Time: 0.240s,  266.67/s  (0.260s,  246.15/s)"
    "  LR: 2.000e-04  Data: 0.004 (0.012)\n"
    "Test: [   0/38]  Time: 0.620 (0.620)  Loss:  4.4100 (4.4100)  Acc@1: 18.7500 (18.7500)  Acc@5: 40.6250 (40.6250)\n"
    "Test: [  38/38]  Time: 0.051 (0.094)  Loss:  4.0200 (4.2300)  Acc@1: 31.2500 (21.8750)  Acc@5: 56.2500 (44.2500)\n"
    "Test (EMA): [  38/38]  Time: 0.05 (0.09)  Loss:  5.9 (6.1)  Acc@1: 1.2 (2.4)  Acc@5: 5.0 (6.0)\n"
)


def test_timm_counts_its_epoch_behind_the_split_and_the_batches_in_brackets():
    first, last, held = said(TIMM)
    assert first == {
        "train.loss": 5.13,
        "step_time": 1.25,
        "throughput": 51.2,
        "lr": 2e-4,
        "data_time": 0.31,
        "step": 0,
        "epoch": 3,
    }
    assert (last["step"], last["throughput"]) == (419, 266.67)
    assert held == {
        "val.loss": 4.23,
        "val.accuracy": 21.875,
        "val.top5_accuracy": 44.25,
        "step": 419,
        "epoch": 3,
    }


def test_swin_counts_its_epoch_in_the_first_bracket():
    line = (
        "Train: [4/90][30/640]\teta 0:20:00 lr 0.000120\tloss 3.2200 (3.4100)\tgrad_norm 1.9100 (2.0100)\tmem 8000MB\n"
    )
    found = said("[2026-01-05 10:00:00 tiny] (main.py 232): INFO " + line)[0]
    assert (found["step"], found["epoch"], found["train.loss"]) == (30, 4, 3.22)


def test_the_batches_of_a_validation_are_no_steps_of_the_run():
    text = (
        "2026/01/05 10:00:00 - mmengine - INFO - Iter(train) [  400/9000]  lr: 1.0e-02  time: 0.4  data_time: 0.01  loss: 1.9\n"
        "2026/01/05 10:01:00 - mmengine - INFO - Iter(val) [ 50/120]    eta: 0:00:30  time: 0.05  data_time: 0.01  memory: 800\n"
        "2026/01/05 10:02:00 - mmengine - INFO - Iter(val) [120/120]    mIoU: 41.2  data_time: 0.01  time: 0.05\n"
    )
    train, val = said(text)
    assert (train["step"], train["data_time"]) == (400, 0.01)
    assert val == {"val.miou": 41.2, "step": 400}


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ({"mode": "val", "epoch": 2, "iter": 90, "bbox_mAP": 0.31}, {"val.map": 0.31, "step": 90, "epoch": 2}),
        ({"mode": "train", "epoch": 2, "iter": 50, "loss": 1.5}, {"train.loss": 1.5, "step": 50, "epoch": 2}),
        ({"_type": "val_epoch", "epoch": "7/40", "top1_acc": 61.5}, {"val.accuracy": 61.5, "epoch": 7}),
        (
            {"_type": "train_iter", "epoch": "8/40", "iter": "20/310", "loss": 0.8, "lr": 0.1},
            {"train.loss": 0.8, "lr": 0.1, "step": 20, "epoch": 8},
        ),
    ],
)
def test_an_object_says_in_words_which_split_it_is_of(line, reading):
    assert said(f"json_stats: {json.dumps(line)}\n") == [reading]


def test_a_shipped_yaml_config_in_the_log_counts_nothing():
    text = "SOLVER:\n  STEPS: [40, 70]\n  GAMMA: 0.1\n  WARMUP_ITERS: 10\n"
    assert rows(text) == []


def test_basicsr_prints_its_rate_as_a_tuple_and_bests_beside_scores():
    text = (
        "2026-01-05 10:00:00,100 INFO: Start training from epoch: 0, iter: 0\n"
        "2026-01-05 10:00:09,100 INFO: [Net..][epoch:  1, iter:   1,200, lr:(2.500e-04,)] [eta: 9:00:00, time (data): 0.410 (0.006)] "
        "l_pix: 1.9500e-02 \n"
        "2026-01-05 10:00:10,100 INFO: Validation Set5\n\t # psnr: 29.5100\tBest: 29.7300 @ 900 iter\n"
    )
    train, val = said(text)
    assert (train["lr"], train["train.loss.pix"], train["step"], train["epoch"]) == (2.5e-4, 0.0195, 1200, 1)
    assert val == {"val.psnr": 29.51, "step": 1200, "epoch": 1}


def test_darknet_prints_its_loss_before_the_mean_and_each_layer_beside():
    text = (
        "Region 82 Avg IOU: 0.610, Class: 0.91, Obj: 0.4, No Obj: 0.002, .5R: 0.9, .75R: 0.3,  count: 9\n"
        "v3 (mse loss, Normalizer: (iou: 0.75, cls: 1.00) Region 94 Avg (IOU: 0.4), count: 1, class_loss = 0.3, total_loss = 0.9\n"
        " 512: 1.250000, 1.410000 avg loss, 0.002500 rate, 2.750000 seconds, 32768 images, 5.1 hours left\n"
        " mean average precision (mAP@0.50) = 0.613000, or 61.30 % \n"
    )
    train, val = said(text)
    assert train == {"train.loss": 1.25, "train.epoch_loss": 1.41, "lr": 0.0025, "step_time": 2.75, "step": 512}
    assert val == {"val.map50": 0.613, "step": 512}


def test_nnunet_tells_the_dice_of_each_class_and_its_rate_alone():
    text = (
        "2026-01-05 10:00:00.100: Epoch 12 \n2026-01-05 10:00:00.200: Current learning rate: 0.0087 \n"
        "2026-01-05 10:01:00.200: train_loss -0.41 \n2026-01-05 10:01:00.300: val_loss -0.38 \n"
        "2026-01-05 10:01:00.400: Pseudo dice [np.float32(0.81), np.float32(0.64)] \n"
        "2026-01-05 10:01:00.500: Yayy! New best EMA pseudo Dice: 0.5812 \n"
    )
    lr, train, val, dice = said(text)
    assert lr == {"lr": 0.0087, "epoch": 12}
    assert (train["train.loss"], val["val.loss"]) == (-0.41, -0.38)
    assert dice == {"val.class.n0.dice": 0.81, "val.class.n1.dice": 0.64, "epoch": 12}
    assert said("Pseudo dice [0.77]\n", "training_log.txt") == [{"val.dice": 0.77}]


def test_a_validation_is_also_called_vali():
    text = "Epoch: 2, Steps: 90 | Train Loss: 0.41 Vali Loss: 0.62 Test Loss: 0.58\n"
    assert said(text) == [{"train.loss": 0.41, "val.loss": 0.62, "test.loss": 0.58, "step": 90, "epoch": 2}]


def test_what_is_evaluated_is_named_beside_the_act():
    assert said("[ITER 700] Evaluating train: L1 0.0341 PSNR 24.5\n") == [
        {"train.l1": 0.0341, "train.psnr": 24.5, "step": 700}
    ]
    assert said("[ITER 700] Evaluating test: L1 0.0441 PSNR 22.5\n")[0]["test.psnr"] == 22.5


def test_names_in_a_row_have_their_numbers_in_a_row():
    assert said("loss_near,loss_far 0.75 0.25\n") == [{"train.loss.near": 0.75, "train.loss.far": 0.25}]


def test_a_whole_number_before_the_value_is_an_index():
    text = "Epoch: [1][20/50]\tLoss 0.58 (0.61)\nPrec@1   0 91.250 (92.500)\tPrec@5   0 99.000 (99.100)\n"
    assert [v for row in rows(text) for v in row.values] == [0.58]


def test_a_score_beside_its_best_sums_up_a_validation():
    text = "Epoch: [4/80] Iter:[90/200], Loss: 1.25\nLoss: 0.92, MeanIU:  0.57, Best_mIoU:  0.58\n"
    assert said(text)[1] == {"val.loss": 0.92, "val.miou": 0.57, "val.best_miou": 0.58, "step": 90, "epoch": 4}


def test_where_in_the_source_a_line_was_said_is_no_reading():
    assert rows("[07/31 11:35:26][INFO] test_net.py:  236: CUR ITER: 1134\n") == []


def test_ticks_count_where_nothing_else_does():
    text = "tick 7     kimg 28.0     time 1h 02m 03s   sec/tick 512.1   sec/kimg 128.03  gpumem 7.4   augment 0.05\n"
    assert said(text)[0]["step"] == 7


def test_a_plan_is_no_counter():
    text = (
        "2026-01-05 10:00:00.100 - INFO: Number of train images: 8,200, iters: 2,050\n"
        "2026-01-05 10:00:00.100 - INFO: Total epochs needed: 40 for iters 82,000\n"
        "\tTotal epochs: 40; iters: 82000.\n"
        "  STEPS: (600, 800)\n  MAX_ITER: 900\n  STEPS: (700,)\n  WARMUP_ITERS: 50\nEpoch 3 training ends, total 91.5s\n"
    )
    assert rows(text) == []


def test_two_brackets_are_the_epoch_and_its_batches():
    found = said("[3/25][50/1583] Loss_D: 0.61 Loss_G: 3.12\n")
    assert found == [{"train.loss.d": 0.61, "train.loss.g": 3.12, "step": 50, "epoch": 3}]
    assert said("2026-01-05 10:00:00,100 net INFO: [7/20], [31/60], global_step: 451, loss: 1.07\n")[0]["epoch"] == 7


def test_yolov5_prints_its_losses_without_the_word():
    text = (
        "      Epoch   gpu_mem       box       obj       cls     total    labels  img_size\n"
        "  48/199     9.02G   0.09485   0.01133         0    0.1062         2       640: 100%|####| 7/7 [00:01<00:00,  4.46it/s]\n"
        "  49/199     9.02G   0.08485   0.01033         0    0.0952         3       640\n"
    )
    first, second = said(text)
    assert first == {
        "train.loss.box": 0.09485,
        "train.loss.obj": 0.01133,
        "train.loss.cls": 0,
        "train.loss": 0.1062,
        "epoch": 48,
    }
    assert second["epoch"] == 49


def test_paddles_evaluation_counts_its_own_steps():
    text = (
        "    Epoch 1/9\n    step  20/40 - loss: 0.52 - acc: 0.71 - 1s/step\n    Eval begin...\n"
        "    step 10/20 - loss: 0.81 - acc: 0.61 - 1s/step\n    step 20/20 - loss: 0.63 - acc: 0.68 - 1s/step\n"
        "    Eval samples: 320\n    Epoch 2/9\n    step  20/40 - loss: 0.41 - acc: 0.75 - 1s/step\n"
    )
    train, held, after = said(text)
    assert (train["train.loss"], train["step"]) == (0.52, 20)
    assert (held["val.loss"], held["val.accuracy"]) == (0.63, 0.68)
    assert (after["train.loss"], after["epoch"]) == (0.41, 2)


def test_a_counter_glued_to_its_number_is_still_one():
    assert said("==> Test\nEpoch20 Time:17.5s Data:3.5s Loss:0.2655 Acc:96.5% \n")[0]["epoch"] == 20
    line = "2026-01-05 10:00:00,100 INFO - Epoch[2] Batch [0-140]\tSpeed: 25.2 samples/sec\tRPNAcc=0.99\tL1Loss=0.06\n"
    assert (said(line)[0]["step"], said(line)[0]["epoch"]) == (140, 2)


def test_numbers_in_a_row_are_those_of_the_classes():
    assert said("20260105 10:00:00 INFO: IoU:17.5  0.00 52.5\n")[0]["class.n0.iou"] == 17.5


def test_the_first_rank_of_a_search_is_a_score():
    assert said("==> Test\nRank-1  : 70.9%\nRank-5  : 88.0%\n")[0]["test.rank1"] == pytest.approx(0.709)


def test_a_best_so_far_is_no_measurement():
    assert said("epoch 3\ncurrent best: recall: 0.71, precision: 0.83\nloss: 0.5\n") == [
        {"train.loss": 0.5, "epoch": 3}
    ]
    assert "val.best_reward" not in said("Epoch #3: test_reward: 191.2, best_reward: 199.0 in #2\n")[0]
    assert said("epoch=3 train_loss=0.31 val_loss=0.41 best=0.40\n") == [
        {"train.loss": 0.31, "val.loss": 0.41, "epoch": 3}
    ]


def test_a_step_between_a_loss_and_its_value_is_the_step():
    assert said("Train loss 1200 0.3125 Grad Norm 0.5125\n")[0] == {
        "step": 1200,
        "train.loss": 0.3125,
        "grad_norm": 0.5125,
    }
    assert rows("<tf.Tensor 'x' shape=(555304,) dtype=float32>, loss\n") == []


def test_darts_counts_batches_behind_the_split_and_halves_of_the_day():
    text = (
        "08/01 11:59:50 AM epoch 3 lr 2.5e-02\n08/01 11:59:59 AM train 050 1.25e+00 54.5 91.5\n"
        "08/01 12:01:00 PM train_acc 60.5\n08/01 01:00:00 PM valid_acc 62.5\n"
    )
    found = said(text)
    assert found[1]["train.accuracy"] == 54.5
    assert (found[1]["step"], found[2]["train.accuracy"], found[3]["val.accuracy"]) == (50, 60.5, 62.5)
    stamps = [row.stamp for row in rows(text)]
    assert [after - stamps[0] for after in stamps] == [0, 9, 70, 3610]


def test_batches_in_round_brackets_count_behind_an_epoch():
    assert said("===> Epoch[2](30/750): Loss: 0.0312\n") == [{"train.loss": 0.0312, "step": 30, "epoch": 2}]


def test_paddleclas_names_the_entropy_beside_the_loss_and_its_evaluation_counts_no_steps():
    text = (
        "[09/05 10:00:00] ppcls INFO: [Train][Epoch 1/20][Iter: 10/400]lr(LinearWarmup): 0.00025, CELoss: 4.0, loss: 4.5, batch_cost: 0.5s\n"
        "[09/05 10:01:00] ppcls INFO: [Eval][Epoch 1][Iter: 15/16]CELoss: 3.0, loss: 3.5, top1: 0.31, batch_cost: 2.5s\n"
    )
    train, held = said(text)
    assert train == {
        "lr": 0.00025,
        "train.loss.ce": 4.0,
        "train.loss": 4.5,
        "step_time": 0.5,
        "step": 10,
        "epoch": 1,
    }
    assert held == {"val.loss.ce": 3.0, "val.loss": 3.5, "val.accuracy": 0.31, "step": 10, "epoch": 1}


def test_paddleocr_tells_its_current_and_its_best_scores():
    text = (
        "[2026/01/01 10:00:00] ppocr INFO: epoch: [3/50], global_step: 120, acc: 0.5, loss: 10.5, ips: 512.5 samples/s\n"
        "[2026/01/01 10:01:00] ppocr INFO: cur metric, acc: 0.61, norm_edit_dis: 0.8, fps: 1021.5\n"
        "[2026/01/01 10:01:00] ppocr INFO: best metric, acc: 0.71, norm_edit_dis: 0.8, fps: 1021.5, best_epoch: 2\n"
    )
    train, held = said(text)
    assert (train["train.accuracy"], train["throughput"]) == (0.5, 512.5)
    assert held == {"val.accuracy": 0.61, "val.norm_edit_dis": 0.8, "step": 120, "epoch": 3}


def test_the_command_that_was_run_is_no_reading():
    assert (
        rows("amp_train:tools/train.py -c a.yaml -o Global.seed=12 -o AMP.scale_loss=128.0 -o Global.save_interval=2\n")
        == []
    )
    assert rows("+ python train.py --epochs 5 --loss=0.5\n") == []
    assert said("2026-01-05 10:00:00 train.py - INFO - step 3 loss: 0.5\n") == [{"train.loss": 0.5, "step": 3}]
