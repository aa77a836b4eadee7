"""A Lightning fit that says nothing of saving when it is stopped: python train.py FOLDER."""

import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import lightning  # noqa: E402
import torch  # noqa: E402
from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402

folder = Path(sys.argv[1])
torch.set_num_threads(1)
log = (folder / "train.log").open("a", buffering=1)


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


callbacks = [ModelCheckpoint(dirpath=folder / "saved")]
trainer = lightning.Trainer(
    max_epochs=100,
    accelerator="cpu",
    logger=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    default_root_dir=folder,
    callbacks=callbacks,
)
trainer.fit(Model(), torch.utils.data.DataLoader(torch.ones(4000, 8), batch_size=4))
