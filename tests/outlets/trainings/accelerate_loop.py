"""A loop of accelerate: python accelerate_loop.py FOLDER handler|none; one process's request is everybody's (check_trigger)."""

import signal
import sys
import time
from pathlib import Path

import torch
from accelerate import Accelerator

folder, mode = Path(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(8, 8)
model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters()))
if mode == "handler":
    signal.signal(signal.SIGTERM, lambda *_: accelerator.set_trigger())
log = (folder / f"train-{accelerator.process_index}.log").open("a", buffering=1)
step = 0
while True:
    step += 1
    loss = model(torch.ones(4, 8)).pow(2).mean()
    optimizer.zero_grad()
    accelerator.backward(loss)
    optimizer.step()
    time.sleep(0.02)
    log.write(f"step {step} loss {loss.item():.4f}\n")
    asked = mode == "handler" and accelerator.check_trigger()
    if asked or step == 10:
        accelerator.save_state(str(folder / f"checkpoint_{step}"))
    if asked:
        accelerator.wait_for_everyone()  # a rank that takes its connections down first can abort the other
        accelerator.end_training()
        sys.exit(0)
