"""A Lightning fit: python lightning_fit.py FOLDER exception|gift|ddp|ddp,gift; `ddp` starts a second rank by itself."""

import os
import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import lightning  # noqa: E402
import torch  # noqa: E402
from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402

folder, mode = Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(Path(__file__).parents[3]))
torch.set_num_threads(1)
log = (folder / f"train{os.environ.get('LOCAL_RANK', '')}.log").open("a", buffering=1)


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 8)

    def training_step(self, batch, index):
        time.sleep(0.02)
        loss = self.layer(batch).pow(2).mean()
        log.write(f"step {self.global_step} loss {loss.item():.4f}\n")
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())


callbacks = [
    ModelCheckpoint(
        dirpath=folder / "saved",
        save_on_exception=mode in ("exception", "ddp"),
    )
]
if "gift" in mode:
    from sentinel.trainer.lightning import StopOnRequest

    callbacks = [StopOnRequest(str(folder))]
trainer = lightning.Trainer(
    max_epochs=100,
    accelerator="cpu",
    **({"devices": 2, "strategy": "ddp"} if "ddp" in mode else {}),
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    default_root_dir=folder,
    callbacks=callbacks,
)
trainer.fit(Model(), torch.utils.data.DataLoader(torch.ones(4000, 8), batch_size=4))
