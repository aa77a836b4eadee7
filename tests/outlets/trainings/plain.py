"""A plain loop without torch that writes checkpoints of torch's form: python plain.py FOLDER MODE."""

import os
import signal
import struct
import sys
import threading
import time
import zipfile
from pathlib import Path

folder, mode = Path(sys.argv[1]), sys.argv[2].split(",")
asked = []


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def write(path, step, value):
    pickled = b"\x80\x02}(" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")
    pickled += b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(64) + b"tQ" + number(0)
    pickled += b"(" + number(64) + b"t(" + number(1) + b"t\x89}tR" + text("step") + number(step) + b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
        archive.writestr("a/data/0", struct.pack("<64f", *[value] * 64))


def save(step, name="ckpt.pt"):
    value = float("nan") if "nan" in mode and step > 20 else 1.0
    if "slow" in mode and asked:
        partial = folder / f".tmp-{name}"
        with partial.open("wb") as file:
            for _ in range(int(os.environ.get("SAVE_TAKES", "3")) * 10):
                file.write(bytes(4096))
                file.flush()
                time.sleep(0.1)
    if "full" in mode and asked:
        (folder / name).write_bytes((folder / name).read_bytes()[:100])
        raise OSError(28, "No space left on device")
    if "inplace" in mode:
        write(folder / name, step, value)
        return
    write(folder / f".tmp-{name}", step, value)
    os.replace(folder / f".tmp-{name}", folder / name)


if "handler" in mode:
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
if "deaf" in mode:
    signal.signal(signal.SIGTERM, lambda *_: None)
request = None
if "gift" in mode:
    sys.path.insert(0, str(Path(__file__).parents[3]))
    from sentinel.trainer import StopRequest

    request = StopRequest(folder)
log = os.fdopen(1, "w", buffering=1) if "prints" in mode else (folder / "train.log").open("a", buffering=1)
second = (Path(sys.argv[3]) / "train.log").open("a", buffering=1) if len(sys.argv) > 3 else None
step = 0
while True:
    step += 1
    time.sleep(0.02)
    loss = (
        float("nan")
        if "nanlog" in mode and step > 20
        else 1.0
        if "recovers" in mode and (folder / "RECOVER").exists()
        else 1 / step
    )
    log.write(f"step {step} loss {loss:.4f}\n")
    if "lock" in mode and step == int(os.environ.get("LOCK_AT", "30")):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    if (step == 10 and "early" in mode) or (step == 30 and "late" in mode):
        save(step)
    if asked:
        save(step, "stop.pt" if "fresh" in mode else "ckpt.pt")
        sys.exit(0)
    word = request.poll(step) if request else ""
    if word:
        request.save(lambda path, at=step: write(path, at, 1.0), folder / "gift.pt")
    if word == "stop":
        request.leave()
