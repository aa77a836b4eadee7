import pytest

from sentinel.core.records import Row
from sentinel.formats import is_config, is_log, read_config
from tests.formats.reading import facts, items, rows, said


def test_sparse_rows_give_only_their_cells():
    text = "epoch,step,train_loss,val_loss\r\n0,49,2.5,\r\n0,49,,2.1\r\n"
    assert said(text, "metrics.csv") == [
        {"train.loss": 2.5, "step": 49, "epoch": 0},
        {"val.loss": 2.1, "step": 49, "epoch": 0},
    ]


def test_text_columns_and_the_stem_become_part_of_the_name():
    text = "epoch,phase,in_span_mean\n1,train,0.42\n1,val,0.41\n"
    assert said(text, "probability_stats.csv") == [
        {"train.prob.in_span_mean": 0.42, "epoch": 1},
        {"val.prob.in_span_mean": 0.41, "epoch": 1},
    ]
    text = "epoch,feature,mean,std\n1,f_one,0.1,0.6\n"
    assert said(text, "feature_stats.csv")[0]["feature.f_one.mean"] == 0.1


def test_a_new_header_starts_a_new_table():
    text = "step,loss\n1,0.5\nstep,loss,accuracy\n1,0.5,0.9\n"
    assert said(text, "metrics.csv")[-1]["train.accuracy"] == 0.9


def test_columns_by_spaces_and_tabs_are_tables():
    assert said("#  step   rmse_trn   lr\n  100  2.5e+00  1.0e-03\n", "lcurve.out") == [
        {"train.rmse": 2.5, "lr": 0.001, "step": 100}
    ]
    assert said("epoch\thours\ttop1Accuracy\n3\t0.5\t81.2\n", "a.tsv") == [{"accuracy": 81.2, "epoch": 3}]


def test_validation_scores_of_ultralytics_are_not_training_scores():
    text = "epoch, train/box_loss, metrics/mAP50(B), val/box_loss, lr/pg0\n1, 1.4, 0.3, 1.6, 0.01\n"
    assert said(text, "results.csv") == [
        {"train.loss.box": 1.4, "val.map50": 0.3, "val.loss.box": 1.6, "lr": 0.01, "epoch": 1}
    ]


def test_a_drawn_frame_is_one_look():
    text = (
        "----------------------\n| rollout/      |    |\n|  ep_rew_mean  | 42.8    |\n| time/       |    |\n"
        "|  total_timesteps | 8192 |\n| train/     |     |\n|  loss       | 18.5   |\n----------------------\n"
    )
    assert said(text) == [{"reward": 42.8, "train.loss": 18.5, "step": 8192}]


def test_json_lines_and_documents():
    assert said('{"step": 3, "train/loss": 0.5, "val/acc": NaN}\n')[0]["train.loss"] == 0.5
    document = '{\n "log_history": [\n {"loss": 0.5, "step": 25, "epoch": 0.2},\n'
    document += ' {"eval_loss": 0.6, "step": 25}\n ],\n "max_steps": 900\n}'
    assert said(document, "trainer_state.json") == [
        {"train.loss": 0.5, "step": 25, "epoch": 0.2},
        {"val.loss": 0.6, "step": 25, "epoch": 0.2},
    ]
    assert facts(document, "trainer_state.json")["fact.planned_steps"] == 900


def test_an_unknown_value_in_json_is_no_reading():
    assert said('{"step": 3, "loss": 0.5, "acc": null}\n') == [{"train.loss": 0.5, "step": 3}]


CONFIGS = {
    "config.yaml": "optimizer:\n  lr: 1e-4\nepochs: 40\nbatch_size: 50\n",
    "config.json": '{"optimizer": {"lr": 1e-4}, "epochs": 40, "batch_size": 50}',
    "config.toml": "epochs = 40\nbatch_size = 50\n[optimizer]\nlr = 1e-4\n",
    "llm.config.js": "module.exports = {\n  // x\n optimizer: { lr: 1e-4 },\n  epochs: 40,\n  batch_size: 50,\n};\n",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_give_every_key_and_the_known_facts(name):
    assert is_config(name)
    found = {f.name: f.value for f in read_config(name, CONFIGS[name].encode())}
    assert found["config.optimizer.lr"] == 1e-4
    assert found["config.lr"] == 1e-4
    assert found["fact.planned_epochs"] == 40
    assert found["fact.batch_size"] == 50


def test_secrets_are_blacked_out():
    found = {
        f.name: f.value
        for f in read_config("c.yaml", b"hub_token: hf_abcdefghijkl\nurl: https://u:p@host/x\ntokens: 5\n")
    }
    assert found["config.hub_token"] == "***"
    assert found["config.url"] == "***"
    assert found["config.tokens"] == 5


def test_a_tokenizer_tells_its_size():
    data = b'{"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"content": "<s>"}]}'
    assert [(f.name, f.value) for f in read_config("tokenizer/tokenizer.json", data)] == [("fact.tokenizer_size", 3)]


def test_which_files_are_worth_following():
    assert is_log("run/train.log", b"step=1 loss=2\n")
    assert not is_log("run/model.pt", b"PK\x03\x04\x00\x08")
    assert not is_log("run/config.yaml", b"a: 1\n")


def test_a_table_with_a_ruler_may_have_names_of_several_words():
    text = (
        "E    #       LOSS TOK2VEC  LOSS NER  SCORE \n---  ------  ------------  --------  ------\n"
        "  0       0          0.00     42.60    0.01\n  1     200         11.00     22.60    0.11\ndone\n"
    )
    assert said(text)[1] == {
        "train.loss.tok2vec": 11.0,
        "train.loss.ner": 22.6,
        "val.score": 0.11,
        "step": 200,
        "epoch": 1,
    }


def test_the_lengths_of_episodes_add_up_to_the_step_also_across_a_restart():
    text = '#{"t_start": 1.5, "env_id": "cart"}\nr,l,t\n33.0,33,1.2\n25.0,25,1.7\n11.0,11,2.0\n'
    assert [row["step"] for row in said(text, "monitor.csv")] == [33, 58, 69]
    cut = text.index("25.0")
    parts = items(text, "monitor.csv", cuts=(cut,), saved_at=cut)
    assert [i.step for i in parts if isinstance(i, Row) and i.names] == [33, 58, 69]


def test_records_of_a_document_know_their_lines():
    text = '{\n "best": 1,\n "log_history": [\n  {"loss": 0.5, "step": 1},\n  {"eval_loss": 0.6, "step": 1}\n ]\n}'
    assert [row.line for row in rows(text, "trainer_state.json")] == [4, 5]
    assert [row.line for row in rows('[\n{"main/loss": 1.5, "iteration": 1}\n]', "log")] == [2]


def test_beside_wins_losses_are_games():
    rows = said("iteration,wins,ties,losses\n1,12,3,5\n2,14,2,4\n", "arena.csv")
    assert not any("loss" in name for row in rows for name in row if name != "losses")
    assert [row["losses"] for row in rows] == [5.0, 4.0]
