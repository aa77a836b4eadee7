from tests.formats.reading import facts, items, said

HYDRA = """[2026-01-02 10:00:00,100][__main__][INFO] - Config:
model:
  name: mlp
  lr: 0.1
trainer:
  max_epochs: 10
  api_key: abcdef
tags:
- first
seed: 3
Epoch 1 loss: 0.5
momentum: 0.9
"""


def test_a_printed_namespace_gives_facts_and_no_readings():
    line = "Namespace(batch_size=64, lr=0.01, name='a b', optimiser=Sub(wd=0.1), flag=True, seed=None)\n"
    assert said(line) == []
    assert facts(line) == {
        "config.batch_size": 64,
        "fact.batch_size": 64,
        "config.lr": 0.01,
        "config.name": "a b",
        "config.wd": 0.1,
        "config.flag": True,
    }


def test_a_printed_dict_of_settings_gives_facts():
    line = "{'batch_size': 8, 'seed': 3, 'learning_rate': 0.1, 'optimizer': 'adam', 'epochs': 30}\n"
    assert said(line) == []
    assert facts(line)["config.optimizer"] == "adam"
    assert facts(line)["fact.planned_epochs"] == 30


def test_a_config_over_many_lines_ends_where_the_training_begins():
    found = facts(HYDRA)
    assert found["config.model.lr"] == 0.1
    assert found["fact.planned_epochs"] == 10
    assert found["config.trainer.api_key"] == "***"
    assert "config.momentum" not in found
    assert said(HYDRA) == [{"train.loss": 0.5, "epoch": 1}]


def test_a_restart_within_a_printed_config_changes_nothing():
    for cut in range(40, len(HYDRA), 7):
        assert repr(items(HYDRA, cuts=(cut,), saved_at=cut)) == repr(items(HYDRA))


def test_the_classes_of_a_net_are_its_last_output_before_a_softmax():
    net = '    num_output: 64\n    num_output: 1000\n  type: "SoftmaxWithLoss"\n'
    begin = "I0124 13:57:02.260970  9563 solver.cpp:287] Solving Net\n"
    assert facts(net + begin)["fact.classes"] == 1000
    assert facts(net.replace("Softmax", "Euclidean") + begin) == {}
