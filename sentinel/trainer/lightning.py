"""The Lightning callback of the gift: `Trainer(callbacks=[StopOnRequest("runs/a")])`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from sentinel.trainer import StopRequest


class StopOnRequest(Callback):  # type: ignore[misc]
    """Saves when asked, and ends the fit when asked to stop."""

    def __init__(self, folder: str, every: int = 1) -> None:
        """Listen in the run's folder."""
        super().__init__()
        self.request = StopRequest(folder, every)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Look once a batch; all ranks agree."""
        asked = self.request.poll(batch_idx)
        if asked:
            path = Path(self.request.folder, f"sentinel-step={trainer.global_step}.ckpt")
            partial = path.with_name(f".tmp-{path.name}")
            trainer.save_checkpoint(partial)  # every rank calls it: Lightning lets rank 0 write
            if trainer.is_global_zero:
                partial.replace(path)
            self.request.answered()
        if asked == "stop":
            trainer.should_stop = True
