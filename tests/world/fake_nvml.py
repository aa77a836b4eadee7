"""Drives the scripted `libnvidia-ml.so.1`: compiles it once, writes its state file, gives a child its environment."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")
SONAME = "libnvidia-ml.so.1"


@cache
def compiler():
    return os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")


def build(folder):
    """The library, compiled into a folder; skips with the reason where there is no compiler."""
    if compiler() is None:
        pytest.skip("no C compiler: the scripted NVML library cannot be built; the pure-Python one is used elsewhere")
    out = Path(folder) / SONAME
    flags = ["-O1", "-w", "-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{SONAME}"]
    subprocess.run([compiler(), *flags, "-o", str(out), str(SOURCE), "-lpthread"], check=True)
    return out


class Driver:
    """One scripted driver with some GPUs."""

    def __init__(self, folder, library, gpus=1):
        self.state, self.calls = Path(folder) / "nvml.state", Path(folder) / "nvml.calls"
        self.library = library
        self.keys = {"gpu.count": gpus}
        self.events = 0
        self._write()

    def environment(self, log=False):
        """For a child that is to meet this driver."""
        found = {
            **os.environ,
            "FAKE_NVML_STATE": str(self.state),
            "LD_LIBRARY_PATH": str(Path(self.library).parent),
        }
        return found | ({"FAKE_NVML_LOG": str(self.calls)} if log else {})

    def _write(self):
        draft = self.state.with_suffix(".draft")
        draft.write_text("".join(f"{key} = {value}\n" for key, value in self.keys.items()))
        os.replace(draft, self.state)  # a new inode: the library sees it at its next call

    def set(self, **keys):
        """`set(gpu_0_power_mw=1)` is not it: keys hold dots, so hand in `set(**{"gpu.0.power_mw": 1})`."""
        self.keys.update(keys)
        self._write()

    def clear(self, *keys):
        for key in keys:
            self.keys.pop(key, None)
        self._write()

    def xid(self, gpu, code):
        """The driver reports an Xid through its event set."""
        self.events += 1
        self.set(**{f"event.{self.events}": f"{gpu} xid {code}"})

    def lose(self, gpu):
        self.set(**{f"gpu.{gpu}.err.*": 15})

    def called(self):
        """Functions called so far, as (name, gpu) pairs."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [(line.split()[2], int(line.split()[3])) for line in lines]
