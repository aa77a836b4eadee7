"""torch loops: python torch_loop.py FOLDER MODE WORKERS; under torchrun every rank agrees on the request."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

folder, mode, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
asked = []
torch.set_num_threads(1)


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 10**6

    def __getitem__(self, index):
        return torch.ones(8) * (index % 7)


def main():
    many = "RANK" in os.environ and "alone" not in mode
    if many:
        dist.init_process_group("gloo")
    rank = int(os.environ.get("RANK", "0"))
    if "handler" in mode:
        signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.AdamW(model.parameters())
    loader = iter(torch.utils.data.DataLoader(Numbers(), batch_size=4, num_workers=workers))
    log = (folder / f"train-{rank}.log").open("a", buffering=1)
    step = 0
    while True:
        step += 1
        loss = model(next(loader)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(0.02)
        log.write(f"step {step} loss {loss.item():.4f}\n")
        flag = torch.tensor([len(asked)])
        if many:
            dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        save = step == 10 or bool(flag.item())
        if save and rank == 0:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            torch.save(state, folder / ".tmp-ckpt.pt")
            os.replace(folder / ".tmp-ckpt.pt", folder / "ckpt.pt")
        if flag.item():
            if many:
                dist.barrier()
                dist.destroy_process_group()
            sys.exit(0)


if __name__ == "__main__":
    main()
