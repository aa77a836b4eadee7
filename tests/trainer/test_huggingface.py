"""The Hugging Face callback: only the save that a request led to answers it."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.torch


def test_a_request_that_comes_during_a_save_of_its_own_waits_for_its_turn(tmp_path):
    from sentinel.trainer import STOP_FILE
    from sentinel.trainer.huggingface import StopOnRequest

    callback = StopOnRequest(str(tmp_path))
    control, state = SimpleNamespace(should_save=False, should_training_stop=False), SimpleNamespace(global_step=1)
    callback.on_step_end(None, state, control)
    assert not control.should_save
    (tmp_path / STOP_FILE).write_text("stop\n")  # the trainer saves by its own plan now
    callback.on_save(None, state, control)
    assert (tmp_path / STOP_FILE).exists()
    callback.on_step_end(None, state, control)
    assert (control.should_save, control.should_training_stop) == (True, True)
    callback.on_save(None, state, control)
    assert not (tmp_path / STOP_FILE).exists()
