"""What a training leaves beside its log: tables that pandas wrote, histories of lists, statistics line by line."""

from tests.formats.reading import said


def test_rows_that_pandas_numbered_are_epochs_where_each_has_a_validation():
    text = ",Loss,ValLoss\n0,0.7,0.8\n1,0.5,0.6\n"
    assert said(text, "history.csv") == [
        {"train.loss": 0.7, "val.loss": 0.8, "epoch": 0},
        {"train.loss": 0.5, "val.loss": 0.6, "epoch": 1},
    ]
    assert said("Unnamed: 0,loss\n0,0.7\n1,0.5\n", "losses.csv")[1] == {"train.loss": 0.5, "step": 1}


def test_rows_that_pandas_numbered_beside_an_epoch_count_nothing():
    assert said(",epoch,loss\n7,1,0.7\n8,2,0.5\n", "history.csv")[1] == {"train.loss": 0.5, "epoch": 2}


def test_a_table_of_data_with_numbered_rows_is_no_history():
    assert said(",price,rooms\n0,210.5,3\n1,180.2,2\n", "houses.csv") == []


def test_an_empty_row_under_a_header_is_passed_over():
    assert said("epoch,loss\n,\n1,0.5\n", "history.csv") == [{"train.loss": 0.5, "epoch": 1}]


def test_a_remark_between_a_header_and_its_rows_or_among_them_is_passed_over():
    text = "#  step  rmse_val  rmse_trn\n# Without data, rmse_*_{val,trn} is nan\n  100  2.5  2.1\n# goes on\n  200  2.4  2.0\n"
    assert said(text, "lcurve.out") == [
        {"val.rmse": 2.5, "train.rmse": 2.1, "step": 100},
        {"val.rmse": 2.4, "train.rmse": 2.0, "step": 200},
    ]


def test_beside_an_epoch_epochs_are_the_plan():
    text = "epochs,lr,epoch,train_loss\n90,0.1,1,0.8\n90,0.1,2,0.6\n"
    assert said(text, "history.csv")[1] == {"lr": 0.1, "train.loss": 0.6, "epoch": 2}


def test_a_file_of_the_validation_says_so_at_its_end_too():
    text = "epoch,batch,loss\n1,1,0.8\n2,1,0.6\n"
    assert said(text, "metrics_batch_val.csv")[1] == {"val.loss": 0.6, "step": 1, "epoch": 2}
    assert "train.loss" in said(text, "metrics_batch_train.csv")[1]
    assert "train.loss" in said(text, "train_val.csv")[1]
    assert said("epoch,train_loss,val_loss\n1,0.8,0.9\n", "loss_val.csv") == [
        {"train.loss": 0.8, "val.loss": 0.9, "epoch": 1}
    ]


def test_a_history_of_lists_is_a_look_for_each_epoch():
    text = '{"loss": [0.7, 0.5], "acc": [0.5, 0.6], "val_loss": [0.8, 0.6], "note": ["a"], "lrs": [0.1, 0.1, 0.1]}'
    looks = [
        {"train.loss": 0.7, "train.accuracy": 0.5, "val.loss": 0.8, "epoch": 1},
        {"train.loss": 0.5, "train.accuracy": 0.6, "val.loss": 0.6, "epoch": 2},
    ]
    assert said(text, "history.json") == looks
    assert said(text.replace("[", "[\n ").replace(", ", ",\n "), "history.json") == looks


def test_a_history_that_counts_keeps_its_count_and_lists_without_a_loss_are_none():
    assert said('{"step": [50, 100], "loss": [0.7, 0.5]}', "log.json")[1] == {"train.loss": 0.5, "step": 100}
    assert said('{"labels": [0, 1], "scores": [0.4, 0.9]}', "predictions.json") == []


def test_a_series_given_with_its_spread_is_its_mean():
    text = (
        '{"Loss/loss": {"num": 512, "mean": 0.4, "std": 0.1}, "Progress/tick": {"num": 1, "mean": 7.0, "std": 0.0},'
        ' "timestamp": 1790000000.5}\n'
    )
    assert said(text, "stats.jsonl") == [{"train.loss": 0.4, "step": 7}]


def test_the_last_drawing_of_each_epoch_s_bar_is_a_look_of_its_own():
    bar = "90/90 [==============================] - 4s - loss: {} - val_loss: {}\n"
    text = "Epoch 1/3\n" + bar.format(0.7, 0.8) + "Epoch 2/3\n" + bar.format(0.5, 0.6)
    assert said(text) == [
        {"train.loss": 0.7, "val.loss": 0.8, "step": 90, "epoch": 1},
        {"train.loss": 0.5, "val.loss": 0.6, "step": 90, "epoch": 2},
    ]


def test_a_bar_with_its_share_before_its_count_counts():
    text = "Training [====      ] 40.0% 400/1000 | 4.6 it/s | ETA: 9.8 s | loss=3.9 | validation_loss=4.0\n"
    assert said(text)[0] == {"throughput": 4.6, "train.loss": 3.9, "val.loss": 4.0, "step": 400}


def test_an_epoch_and_a_loss_in_other_languages():
    assert said("Epoca,Perdua\n1,2.2\n2,1.9\n", "log.csv")[1] == {"train.loss": 1.9, "epoch": 2}


def test_what_a_mean_is_over_is_no_reading():
    assert said("Avg learning reward last 100 episodes: 7.5\n") == [{"reward": 7.5}]
    assert said("Mean reward of the last 10 games = 3.5\n") == [{"reward": 3.5}]
    assert said("Step 500, loss over past 50 steps: 0.4\n") == [{"train.loss": 0.4, "step": 500}]


def test_a_loss_that_pytorch_prints_as_a_tensor_is_a_number():
    printed = "Epoch 3 loss: tensor({}, device='cuda:0', grad_fn=<NllLossBackward0>) acc: 0.5\n"
    assert said(printed.format(0.46)) == [{"train.loss": 0.46, "train.accuracy": 0.5, "epoch": 3}]
    assert str(said(printed.format("nan"))[0]["train.loss"]) == "nan"
    assert said("loss tensor([0.46])\n") == [{"train.loss": 0.46}]
