"""How long the proof of a large checkpoint takes: python bench/proof.py [MEGABYTES]. Needs torch to make the file."""

import sys
import tempfile
import time
from pathlib import Path

import torch

from sentinel.outlets.proof.proving import prove

megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "a.pt")
    torch.save({f"w{n}": torch.randn(megabytes * 25_000) for n in range(10)}, path)
    for turn in range(3):
        began = time.monotonic()
        report = prove(path)
        print(
            f"{megabytes} MB, turn {turn}: {report.state.value} in {time.monotonic() - began:.2f} s (child's start included)"
        )
