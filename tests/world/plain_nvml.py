"""A driver without a C compiler: `pynvml.nvmlLib = PlainNvml(state)` answers the calls in pure Python.

Run as a program it is an NVML child on such a driver, whose state is a JSON file that the test rewrites.
"""

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path

SUCCESS, INVALID, NOT_SUPPORTED, NOT_FOUND, INSUFFICIENT, TIMEOUT, LOST = 0, 2, 3, 6, 7, 10, 15
DEFAULTS = {
    "util": 0,
    "mem_util": 0,
    "used_mib": 0,
    "total_mib": 81920,
    "power_mw": 70000,
    "limit_mw": 700000,
    "temp": 40,
}


class PlainNvml:
    """Answers what a test needs; every other function is one that this driver does not have."""

    def __init__(self, path):
        self.path = Path(path)

    def state(self):
        return json.loads(self.path.read_text())

    def gpu(self, handle, function):
        found = self.state()["gpus"][str(handle.idx)]
        if found.get("hang") == function:
            time.sleep(600)
        if found.get("crash") == function:
            os.kill(os.getpid(), signal.SIGSEGV)
        return DEFAULTS | found

    def nvmlInitWithFlags(self, flags):  # noqa: N802 - the library's own names
        return self.state().get("init", SUCCESS)

    def nvmlSystemGetDriverVersion(self, buffer, size):  # noqa: N802
        buffer.value = b"plain 1.0"
        return SUCCESS

    def nvmlDeviceGetCount_v2(self, count):  # noqa: N802
        count._obj.value = len(self.state()["gpus"])
        return SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):  # noqa: N802
        handle._obj.idx = index.value
        return SUCCESS

    def nvmlDeviceGetUUID(self, handle, buffer, size):  # noqa: N802
        buffer.value = f"GPU-plain-{handle.idx}".encode()
        return SUCCESS

    def nvmlDeviceGetUtilizationRates(self, handle, rates):  # noqa: N802
        gpu = self.gpu(handle, "nvmlDeviceGetUtilizationRates")
        if gpu.get("lost"):
            return LOST
        rates._obj.gpu, rates._obj.memory = gpu["util"], gpu["mem_util"]
        return SUCCESS

    def nvmlDeviceGetMemoryInfo(self, handle, info):  # noqa: N802
        gpu = self.gpu(handle, "nvmlDeviceGetMemoryInfo")
        info._obj.used, info._obj.total = gpu["used_mib"] << 20, gpu["total_mib"] << 20
        return SUCCESS

    def nvmlDeviceGetPowerUsage(self, handle, watts):  # noqa: N802
        watts._obj.value = self.gpu(handle, "nvmlDeviceGetPowerUsage")["power_mw"]
        return SUCCESS

    def nvmlDeviceGetEnforcedPowerLimit(self, handle, watts):  # noqa: N802
        watts._obj.value = self.gpu(handle, "")["limit_mw"]
        return SUCCESS

    def nvmlDeviceGetTemperature(self, handle, sensor, degrees):  # noqa: N802
        degrees._obj.value = self.gpu(handle, "")["temp"]
        return SUCCESS

    def nvmlEventSetCreate(self, events):  # noqa: N802
        return SUCCESS

    def __getattr__(self, name):
        raise AttributeError(name)  # pynvml makes NVMLError_FunctionNotFound of it


def command(state):
    """The keeper's command for a child on this driver."""
    return lambda options, note: (sys.executable, __file__, str(state), options, str(note))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    import pynvml

    ctypes.c_void_p.idx = None
    pynvml.nvmlLib = PlainNvml(sys.argv.pop(1))
    from sentinel.sources.gpu.child import main

    main()
