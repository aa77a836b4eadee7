"""The Hugging Face callback of the gift: `Trainer(callbacks=[StopOnRequest(output_dir)])`."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from sentinel.trainer import StopRequest


class StopOnRequest(TrainerCallback):  # type: ignore[misc]
    """Lets the trainer save when asked, and end when asked to stop."""

    def __init__(self, folder: str, every: int = 1) -> None:
        """Listen in the run's folder."""
        self.request = StopRequest(folder, every)
        self._heard = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Look once a step; all ranks agree."""
        asked = self.request.poll(state.global_step)
        if asked:
            self._heard = control.should_save = True
        if asked == "stop":
            control.should_training_stop = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """The save has ended: the request that led to it is answered. One that came during the save waits for its turn."""
        if self._heard:
            self._heard = False
            self.request.answered()
