"""Trainings by installed frameworks, whose own code writes every byte. Needs transformers and lightning."""

from __future__ import annotations

import contextlib
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers.training import mlp
from bench.strangers.words import Reader


def sentences(n: int, tokens: int = 40, seen: int = 6) -> tuple[Tensor, Tensor]:
    """A text is good or bad by the sum of its words."""
    x = torch.randint(tokens, (n, seen))
    worth = torch.linspace(-1, 1, tokens)[torch.randperm(tokens, generator=torch.Generator().manual_seed(3))]
    return x, (worth[x].sum(1) > 0).long()


class Judge(nn.Module):
    """A classifier with a frozen body and a small adapter."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Reader(40, 6, 32)
        self.adapter = mlp(32, 16, 2)

    def forward(self, x: Tensor | None = None, labels: Tensor | None = None) -> dict[str, Tensor]:
        out = self.adapter(self.body(x))
        return {"loss": f.cross_entropy(out, labels), "logits": out}


def trainer(folder: Path, cause: str, seed: int) -> int:
    """The trainer of transformers: dicts among redrawn bars, and `trainer_state.json`."""
    from transformers import Trainer, TrainingArguments

    x, y = sentences(2400)
    few = 160 if cause == "few" else 2000
    order = torch.randperm(few) if cause == "labels" else torch.arange(few)
    rows = [{"x": a, "labels": b} for a, b in zip(x[:few], y[:few][order], strict=True)]
    held = [{"x": a, "labels": b} for a, b in zip(x[2000:], y[2000:], strict=True)]
    model = Judge()
    if cause == "adapter not trained":
        for weights in model.parameters():
            weights.requires_grad_(False)
        model.held = nn.Parameter(torch.zeros(1))
        model.forward_hook = model.register_forward_hook(
            lambda m, _a, out: {**out, "loss": out["loss"] + 0 * m.held.sum()}
        )
    rate = {"rate x300": 0.9, "few": 5e-3}.get(cause, 3e-3)
    args = TrainingArguments(
        output_dir=str(folder), num_train_epochs=300 if cause == "few" else 25, per_device_train_batch_size=32, logging_steps=25, eval_strategy="epoch",
        per_device_eval_batch_size=200, learning_rate=rate, warmup_steps=50, report_to=[], save_strategy="no", use_cpu=True, seed=seed, max_steps=1500 if cause == "few" else -1,
    )  # fmt: skip

    def scores(p: Any) -> dict[str, float]:
        got, true = torch.tensor(p.predictions).argmax(1), torch.tensor(p.label_ids)
        hit = float(((got == 1) & (true == 1)).sum())
        return {
            "accuracy": float((got == true).float().mean()),
            "f1": 2 * hit / max(1.0, float((got == 1).sum() + (true == 1).sum())),
        }

    run = Trainer(model=model, args=args, train_dataset=rows, eval_dataset=held, compute_metrics=scores)
    with (folder / "train.log").open("w") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        run.train()
    run.save_state()
    return int(run.state.global_step)


def lightning(folder: Path, cause: str, seed: int) -> int:
    """Lightning's CSV logger and its bar on the terminal."""
    import lightning as pl
    from lightning.pytorch.callbacks import TQDMProgressBar
    from lightning.pytorch.loggers import CSVLogger
    from torch.utils.data import DataLoader, TensorDataset

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    w = torch.randn(12, 5)
    x = torch.randn(1800, 12)
    y = (x @ w).argmax(1)
    tx, ty = x[:1500], y[:1500]
    if cause == "labels":
        ty = ty[torch.randperm(1500)]
    if cause == "few":
        tx, ty = tx[:60], torch.where(torch.rand(60) < 0.3, torch.randint(5, (60,)), ty[:60])

    class Module(pl.LightningModule):
        """A classifier."""

        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(12, 128, 5)

        def training_step(self, batch: Any, at: int) -> Tensor:
            out = self.net(batch[0])
            loss = f.cross_entropy(out, batch[1])
            if cause == "not a number" and self.global_step > 300:
                loss = loss + torch.log(out.min() * 0 - 1)
            self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True)
            return loss.detach().requires_grad_() if cause == "detached" else loss

        def validation_step(self, batch: Any, at: int) -> None:
            out = self.net(batch[0])
            self.log("val_loss", f.cross_entropy(out, batch[1]), prog_bar=True)
            self.log("val_acc", (out.argmax(1) == batch[1]).float().mean(), prog_bar=True)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), 3.0 if cause == "rate x1000" else 3e-3)

    train = DataLoader(TensorDataset(tx, ty), batch_size=min(32, len(tx)), shuffle=True)
    held = DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=300)
    with (folder / "console.log").open("w") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        run = pl.Trainer(
            max_epochs=120 if cause == "few" else 25, logger=CSVLogger(str(folder), name="", version=0), callbacks=[TQDMProgressBar(refresh_rate=10)], accelerator="cpu",
            enable_checkpointing=False, enable_model_summary=False, log_every_n_steps=2 if cause == "few" else 10,
        )  # fmt: skip
        run.fit(Module(), train, held)
    return int(run.global_step)


FRAMEWORKS = {"trainer": trainer, "lightning": lightning}
