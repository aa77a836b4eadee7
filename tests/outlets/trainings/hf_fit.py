"""A Hugging Face Trainer: python hf_fit.py FOLDER default|jit|gift."""

import os
import sys
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
folder, mode = Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(Path(__file__).parents[3]))

import torch  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments  # noqa: E402

torch.set_num_threads(1)
log = (folder / "train.log").open("a", buffering=1)


class Words(torch.utils.data.Dataset):
    def __len__(self):
        return 100000

    def __getitem__(self, index):
        return {"input_ids": torch.ones(8, dtype=torch.long), "labels": torch.ones(8, dtype=torch.long)}


class Log(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        time.sleep(0.02)
        log.write(f"step {state.global_step} loss 1.0\n")


callbacks = [Log()]
if mode == "gift":
    from sentinel.trainer.huggingface import StopOnRequest

    callbacks.append(StopOnRequest(str(folder)))
arguments = TrainingArguments(
    output_dir=str(folder),
    per_device_train_batch_size=2,
    max_steps=5000,
    report_to=[],
    use_cpu=True,
    save_strategy="no",
    enable_jit_checkpoint=mode == "jit",
    disable_tqdm=True,
)
config = GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=1, n_head=1)
Trainer(model=GPT2LMHeadModel(config), args=arguments, train_dataset=Words(), callbacks=callbacks).train()
