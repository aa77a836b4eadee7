"""Further lines as frameworks of language, speech and play print them: what each must give. The numbers are made up."""

import pytest

from tests.formats.reading import facts, said

LINES = [
    ("a cost after its counter", "Cost after iteration 300: 0.61\n", [{"train.loss": 0.61, "step": 300}]),
    ("a loss at its step", "Average loss at step  4000 :  91.5\n", [{"train.loss": 91.5, "step": 4000}]),
    ("a score at its step", "Accuracy at step 20: 0.875\n", [{"accuracy": 0.875, "step": 20}]),
    ("Keras by hand", "Training loss (for one batch) at step 400: 0.75\n", [{"train.loss": 0.75, "step": 400}]),
    ("Deeplearning4j", "10:11:12.131 [main] INFO  o.d.o.l.ScoreIterationListener - Score at iteration 40 is 1.25\n", [{"train.loss": 1.25, "step": 40}]),
    ("Tacotron", "Train loss 700 0.35 Grad Norm 0.5 1.21s/it\n", [{"train.loss": 0.35, "grad_norm": 0.5, "step": 700}]),
    ("Tacotron's validation", "Validation loss 1000:  0.45  \n", [{"val.loss": 0.45, "step": 1000}]),
    ("an ordinal", "current step: 12th step\nbatch loss:3.5\n", [{"train.loss": 3.5, "step": 12}]),
    ("fastText", "Progress:  12.0% words/sec/thread:   41000 lr:  0.045 avg.loss:  1.25 ETA:   0h 1m 2s\n", [{"progress": 12.0, "throughput": 41000.0, "lr": 0.045, "train.loss": 1.25}]),
    ("MXNet's batches", "Epoch[2] Batch [20-40]\tSpeed: 901.5 samples/sec\taccuracy=0.75\n", [{"throughput": 901.5, "train.accuracy": 0.75, "step": 40, "epoch": 2.0}]),
    ("ML-Agents", "[INFO] Walker. Step: 40000. Time Elapsed: 61.3 s. Mean Reward: 7.5. Std of Reward: 2.5. Training.\n", [{"reward": 7.5, "std_reward": 2.5, "step": 40000}]),
    ("an epoch in a sentence of its own", "Epoch 5. Train loss: 0.5. Val loss: 0.75.\n", [{"train.loss": 0.5, "val.loss": 0.75, "epoch": 5.0}]),
    ("an epoch in fractions", "epoch: 1.25, loss: 0.5\n", [{"train.loss": 0.5, "epoch": 1.25}]),
    ("an epoch glued on", "Epoch3 loss 0.5\n", [{"train.loss": 0.5, "epoch": 3.0}]),
    ("Tianshou", "Epoch #3: test_reward: 11.5 ± 2.25, best_reward: 12.5 ± 1.25 in #2\n", [{"test.reward": 11.5, "best_reward": 12.5, "epoch": 3.0}]),
    ("Tianshou's bar", "Epoch #3: 100%|######| 900/900 [00:03<00:00, 311.5it/s, env_step=2700, loss=0.25, rew=15.50]\n", [{"train.loss": 0.25, "reward": 15.5, "step": 2700, "epoch": 3.0}]),
    ("PyMARL", "Recent Stats | t_env:      9012 | Episode:      204\nreturn_mean:              7.5\ttest_return_mean:         8.5\n", [{"reward": 7.5, "test.reward": 8.5, "step": 9012}]),
    ("rl_games", "fps step: 9100 fps step and policy inference: 8200 fps total: 7300 epoch: 12/900 frames: 65536\n", [{"throughput": 9100.0, "and_policy_inference": 8200.0, "fps_total": 7300.0, "step": 65536, "epoch": 12.0}]),
    ("TD3", "Total T: 9000 Episode Num: 12 Episode T: 800 Reward: 31.5\n", [{"episode_t": 800.0, "reward": 31.5, "step": 9000}]),
    ("TD3's evaluation", "Evaluation over 10 episodes: 41.5\n", [{"val.reward": 41.5}]),
    ("an episode and how long it was", "Episode 12, Total Reward: 31.5, Steps: 200\n", [{"reward": 31.5, "step": 12}]),
    ("an episode and all steps", "Episode: 12, Steps: 200, Reward: 31.5, Total Steps: 9000\n", [{"reward": 31.5, "step": 9000}]),
    ("an episode that finished", "Episode 12 finished after 200 timesteps with reward 31.5\n", [{"reward": 31.5, "step": 12}]),
    ("a player's share of chance", "episode: 12/900, score: 31, e: 0.91\n", [{"reward": 31.0, "e": 0.91, "step": 12}]),
    ("OpenAI's deepq", "| mean 100 episode reward | 21.5 |\n| steps | 9012 |\n------------------\n", [{"reward": 21.5, "step": 9012}]),
    ("Spinning Up", "| Epoch | 3 |\n| TotalEnvInteracts | 1.2e+04 |\n| LossV | 81.5 |\n----------------\n", [{"train.loss.v": 81.5, "step": 12000, "epoch": 3.0}]),
    ("DrQ", "| train | F: 6000 | S: 3000 | E: 6 | L: 500 | R: 5.5 | BS: 3000 | FPS: 96.5 | T: 0:00:42\n", [{"episode_length": 500.0, "reward": 5.5, "throughput": 96.5, "step": 3000}]),
    ("DrQ's evaluation", "| eval  | F: 6000 | S: 3000 | E: 6 | L: 500 | R: 6.5 | T: 0:00:05\n", [{"val.episode_length": 500.0, "val.reward": 6.5, "step": 3000}]),
    ("WeNet", "2026-02-03 04:05:06,123 DEBUG TRAIN Batch 3/100 loss 41.5 loss_att 45.5 lr 0.001 rank 0\n", [{"train.loss": 41.5, "train.loss.att": 45.5, "lr": 0.001, "step": 100, "epoch": 3.0}]),
    ("WeNet's validation", "2026-02-03 04:05:06,123 DEBUG CV Batch 3/100 loss 21.5 loss_att 22.5 rank 0\n", [{"val.loss": 21.5, "val.loss.att": 22.5, "step": 100, "epoch": 3.0}]),
    ("WeNet's epoch", "2026-02-03 04:05:06,123 INFO Epoch 3 CV info cv_loss 21.5\n", [{"val.loss": 21.5, "epoch": 3.0}]),
    ("llm.c", "s:20 tel:4.25\ns:20 trl:4.125\n", [{"val.loss": 4.25, "step": 20}, {"train.loss": 4.125, "step": 20}]),
    ("AllenNLP's old bar", "accuracy: 0.875, loss: 0.25 ||:  10%|#         | 10/100 [00:01<00:12,  7.12it/s]\n", [{"train.accuracy": 0.875, "train.loss": 0.25, "step": 10}]),
    ("CatBoost with nothing to test on", "100:\tlearn: 0.5\ttotal: 1.3s\tremaining: 12.3s\n", [{"train.metric": 0.5, "total": 1.3, "step": 100}]),
    ("scikit-learn's boosting", "      Iter       Train Loss   Remaining Time \n         1           1.25            1.20s\n         2           1.125            1.10m\n", [{"train.loss": 1.25, "step": 1}, {"train.loss": 1.125, "step": 2}]),
    ("RecBole", "epoch 0 evaluating [time: 0.31s, valid_score: 0.125]\nvalid result: \nrecall@10 : 0.125    mrr@10 : 0.0625    hit@10 : 0.25\n", [{"val.time": 0.31, "val.valid_score": 0.125, "epoch": 0.0}, {"val.recall_10": 0.125, "val.mrr_10": 0.0625, "val.hits_10": 0.25, "epoch": 0.0}]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), [line[1:] for line in LINES], ids=[line[0] for line in LINES])
def test_a_line_gives_its_numbers_and_no_other(text, wanted):
    assert said(text) == [pytest.approx(row) for row in wanted]


NOTHING = [
    ("the best so far", "Best val loss 0.51 at epoch 3\n"),
    ("when the best was", "best epoch: 49 \t F1 = 0.81\n"),
    ("what is loaded", "Loading best model from epoch 11 with val loss 0.25\n"),
    ("what an early stop waits for", "Metric val_loss improved by 0.05 >= min_delta = 0.0. New best score: 0.25\n"),
    ("a place in the source", "04:05:06.413 [I] [step=1000] Starting to save (2490:checkpoint_manager.py:1453)\n"),
    ("a printed graph", "dict_items([('critic', <tf.Tensor 'critic/BiasAdd:0' shape=(?, 1)>), ('loss', <tf.Tensor 'loss:0'>)])\n"),
]  # fmt: skip


@pytest.mark.parametrize("text", [line[1] for line in NOTHING], ids=[line[0] for line in NOTHING])
def test_a_line_that_measures_nothing_gives_nothing(text):
    assert said(text) == []


def test_a_best_epoch_is_not_the_epoch_in_force():
    text = "epoch 10: loss 0.4, best epoch 7\nBest BER: 1.5 at epoch 7\nval loss: 0.5\n"
    assert [row["epoch"] for row in said(text)] == [10.0, 10.0]


def test_a_best_that_leads_its_line_leaves_the_counter_alone():
    assert said("best_acc: 0.9, epoch: 12, loss: 0.3\n") == [
        pytest.approx({"train.best_accuracy": 0.9, "train.loss": 0.3, "epoch": 12.0})
    ]


def test_a_time_called_cost_is_no_loss():
    assert said("INFO:44k:====> Epoch: 12, cost 31.2 s\n") == [{"cost": 31.2, "epoch": 12.0}]


def test_of_a_list_of_losses_none_is_the_loss():
    met = said("INFO:44k:Losses: [2.3, 1.9, 4.1], step: 200, lr: 0.0001, reference_loss: 12.5\n")
    assert met == [{"lr": 0.0001, "train.loss.reference": 12.5, "step": 200}]


def test_the_batches_of_an_epoch_are_no_plan():
    assert facts("2026-02-03 04:05:06,123 DEBUG TRAIN Batch 3/100 loss 41.5 rank 0\n") == {}


def test_an_evaluation_that_counts_its_batches_does_not_set_the_step_back():
    text = (
        "   --> STEP: 100/400 -- GLOBAL_STEP: 1300\n     | > loss: 0.5  (0.75)\n     | > current_lr: 0.001\n"
        " > EVALUATION \n   --> STEP: 0\n     | > loss: 0.625  (0.625)\n   --> STEP: 1\n     | > loss: 0.875  (0.75)\n"
        "  --> EVAL PERFORMANCE\n     | > avg_loss: 0.75 (+0.25)\n"
        "   --> STEP: 10/400 -- GLOBAL_STEP: 1310\n     | > loss: 0.375  (0.75)\n"
    )
    assert said(text) == [
        {"train.loss": 0.5, "step": 1300},
        {"lr": 0.001, "step": 1300},
        {"val.loss": 0.75, "step": 1300},
        {"train.loss": 0.375, "step": 1310},
    ]


def test_the_line_of_a_summary_that_names_the_epoch_does_not_end_its_section():
    text = "***** eval metrics *****\n  epoch = 3.0\n  perplexity = 1.5\n"
    assert said(text) == [{"val.perplexity": 1.5}]


def test_a_column_of_fractions_is_a_reading_whatever_it_is_called():
    assert said("epoch,loss,metric\n1,0.5,2.25\n2,0.25,1.75\n", "progress.csv") == [
        {"train.loss": 0.5, "metric": 2.25, "epoch": 1.0},
        {"train.loss": 0.25, "metric": 1.75, "epoch": 2.0},
    ]


def test_a_group_named_total_counts_steps():
    text = "total/steps,total/episodes,loss\n2000,12,0.5\n"
    assert said(text, "progress.csv") == [{"total.episodes": 12.0, "train.loss": 0.5, "step": 2000}]
    assert said("misc/total_timesteps,loss\n2000,0.5\n", "progress.csv") == [{"train.loss": 0.5, "step": 2000}]


def test_an_epoch_below_zero_is_none():
    assert said("INFO:root:Rank 4 done. map=23.5 @ epoch=-1\n") == [{"map": 23.5}]


def test_of_two_speeds_in_one_file_the_first_keeps_the_name():
    text = "[Step 3/90] Loss: 5.5 | Tokens/s: 92.5\nstep: 3 loss: 5.5 samples/sec: 0.25\n[Step 4/90] Loss: 5.25 | Tokens/s: 93.5\n"
    assert [row.get("throughput") for row in said(text)] == [92.5, None, 93.5]


LED = [
    ("an epoch", "Epoch 3: {'loss': 0.5, 'acc': 0.75}\n", {"train.loss": 0.5, "train.accuracy": 0.75, "epoch": 3.0}),
    ("a split", "Validation metrics: {'precision': 0.5, 'f1': 0.25}\n", {"val.precision": 0.5, "val.f1": 0.25}),
    ("a step and a split", "Step 100: val {'loss': 0.5}\n", {"val.loss": 0.5, "step": 100}),
    ("dicts in a row", "Epoch 3 Train: {'loss': 0.5} Val: {'loss': 0.75}\n", {"train.loss": 0.5, "val.loss": 0.75, "epoch": 3.0}),
    ("JSON", 'Epoch 3: {"loss": 0.5}\n', {"train.loss": 0.5, "epoch": 3.0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), [line[1:] for line in LED], ids=[line[0] for line in LED])
def test_what_stands_before_a_dict_is_said_of_it(text, wanted):
    assert said(text) == [pytest.approx(wanted)]


def test_a_dict_of_the_best_only_repeats():
    assert said("best metrics: {'f1': 4.5, 'EM': 0.25, 'global_step': '12000'}\n") == []


def test_a_share_done_is_no_counter():
    assert said("Iteration:  95%|#########5| 4342/4582 [1:36:05<02:41,  1.49it/s]\n") == []
    assert said("Epoch:  33%|###3      | 1/3 [36:05<72:41, 2100s/it]\n") == []


def test_an_epoch_that_trails_off_counts_for_the_lines_below():
    assert said("Meta epoch 4...\nloss: 0.5\n") == [{"train.loss": 0.5, "epoch": 4.0}]


def test_the_line_right_below_a_bare_heading_is_of_its_split():
    text = (
        "2026-02-03T04:05:06.1: step 100, loss 0.5, acc 0.75\n\n"
        "Evaluation:\n2026-02-03T04:05:07.1: step 100, loss 0.625, acc 0.5\n\n"
        "2026-02-03T04:05:08.1: step 101, loss 0.25, acc 0.875\n"
    )
    assert said(text) == [
        {"train.loss": 0.5, "train.accuracy": 0.75, "step": 100},
        {"val.loss": 0.625, "val.accuracy": 0.5, "step": 100},
        {"train.loss": 0.25, "train.accuracy": 0.875, "step": 101},
    ]


def test_a_forecaster_s_vali_loss_is_the_validation_s():
    met = said("Epoch: 3, Steps: 400 | Train Loss: 0.5 Vali Loss: 0.625 Test Loss: 0.75\n")
    assert met == [{"train.loss": 0.5, "val.loss": 0.625, "test.loss": 0.75, "step": 400, "epoch": 3.0}]


def test_a_table_drawn_with_bars():
    table = "| epoch | train_loss | val_loss |\n|---|:--:|---|\n| 1 | 0.5 | 0.75 |\n| 2 | 0.25 | 0.625 |\n"
    wanted = [
        {"train.loss": 0.5, "val.loss": 0.75, "epoch": 1.0},
        {"train.loss": 0.25, "val.loss": 0.625, "epoch": 2.0},
    ]
    assert said(table) == wanted
    assert said(table.replace("|---|:--:|---|", "+---+----+---+")) == wanted


def test_a_checkpoint_s_reached_score_is_told_elsewhere():
    assert (
        said("Epoch 3, global step 300: 'val_loss' reached 0.41 (best 0.41), saving model to '/x/y.ckpt' as top 1\n")
        == []
    )


def test_names_of_several_words_over_counted_rows():
    text = "Epoch  Train loss  Val loss\n    1      0.5    0.75\n    2      0.25    0.625\n"
    assert [row["val.loss"] for row in said(text)] == [0.75, 0.625]


SAID_ASIDE = [
    ("a little word", "Epoch 00090: reducing learning rate of group 0 to 5.0000e-04.\n"),
    ("a mode", "summary.py:231: Precision 16-mixed is not supported by the model summary.\n"),
    ("how long a sample took", "Sampling slow: 31.9s, steps=102\n"),
    ("what a model wrote", "* **Step 1:** Multiply 9 by 8.\n"),
]


@pytest.mark.parametrize("text", [line[1] for line in SAID_ASIDE], ids=[line[0] for line in SAID_ASIDE])
def test_what_is_said_aside_is_neither_a_reading_nor_a_step(text):
    assert said(text + "reward is 0.5\n") in ([{"reward": 0.5}], [{"reward": 0.5, "epoch": 90.0}])


def test_a_bar_without_numbers_of_its_own_still_names_the_epoch():
    bar = "Epoch {}: 100%|##########| 100/100 [00:10<00:00,  4.51it/s]\ntrain loss: 0.5\n"
    met = said(bar.format(3) + bar.format(4))
    assert [row["epoch"] for row in met if "train.loss" in row] == [3.0, 4.0]
    assert said(bar.format("3/10"))[-1] == {"train.loss": 0.5, "epoch": 3.0}


def test_a_table_of_scores_drawn_with_bars_leaves_the_step_alone():
    text = "step: 40 loss: 0.5\n|  AP   |  AP50  |\n|:-----:|:------:|\n| 1.25  | 4.5    |\nval loss: 0.75\n"
    assert said(text)[-1] == {"val.loss": 0.75, "step": 40}


def test_a_question_of_a_text_is_no_heading():
    text = "What must a student score on the fourth test to average 85?\nloss: 0.5\n"
    assert said(text) == [{"train.loss": 0.5}]
