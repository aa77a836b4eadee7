"""A driver without a C compiler: `pynvml.nvmlLib = PlainNvml(state)` answers the calls in pure Python.

It reads the same state file as the scripted library (`fake_nvml.c` says how its keys are written), with fewer keys. Run as
a program it is an NVML child on such a driver.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

SUCCESS, INVALID, NOT_SUPPORTED, NOT_FOUND, INSUFFICIENT, TIMEOUT = 0, 2, 3, 6, 7, 10
VOLATILE = 0
SCALARS = {  # function -> key and default, where one number is all that it says
    "nvmlDeviceGetPowerUsage": ("power_mw", 70000),
    "nvmlDeviceGetEnforcedPowerLimit": ("power_limit_mw", 700000),
    "nvmlDeviceGetTotalEnergyConsumption": ("energy_mj", 0),
    "nvmlDeviceGetPerformanceState": ("pstate", 0),
    "nvmlDeviceGetCurrentClocksEventReasons": ("clocks.reasons", 0),
    "nvmlDeviceGetRetiredPagesPendingStatus": ("retired.pending", 0),
    "nvmlDeviceGetPcieReplayCounter": ("pcie.replay", 0),
    "nvmlDeviceGetCurrPcieLinkGeneration": ("pcie.gen", 5),
    "nvmlDeviceGetMaxPcieLinkGeneration": ("pcie.gen_max", 5),
    "nvmlDeviceGetCurrPcieLinkWidth": ("pcie.width", 16),
    "nvmlDeviceGetMaxPcieLinkWidth": ("pcie.width_max", 16),
    "nvmlDeviceGetSupportedEventTypes": ("events.supported", 0x1F9F),
}
CLOCKS = {1: ("sm", 1980), 2: ("mem", 2619)}
THRESHOLDS = {0: 92, 1: 87, 2: 95, 3: 87}
LINKS = 18


def number(word):
    return int(word, 0) if isinstance(word, str) else word


class RefusedError(Exception):
    """The call ends with this code."""


class Call:
    """One function of the library, found by its name."""

    def __init__(self, driver, name):
        self.driver, self.name = driver, name
        self.answer = getattr(driver, f"do_{name}", None)

    def __call__(self, *arguments):
        handle = arguments[0] if arguments and hasattr(arguments[0], "contents") else None
        gpu = index_of(handle) if handle is not None and self.name not in OF_NO_GPU else None
        try:
            self.driver.enter(self.name, gpu)
            if self.answer is not None:
                self.answer(*arguments)
            else:
                key, usual = SCALARS[self.name]
                arguments[-1]._obj.value = self.driver.num(gpu, key, usual)
        except RefusedError as refused:
            return refused.args[0]
        return SUCCESS


OF_NO_GPU = ("nvmlEventSetWait_v2", "nvmlEventSetCreate")


def index_of(handle):
    """Handles are addresses that say which GPU and which MIG instance: 0x1000 + 16 * GPU + instance + 1."""
    address = ctypes.cast(handle, ctypes.c_void_p).value - 0x1000
    return divmod(address, 16)


class PlainNvml:
    """Answers what the child asks; every other function is one that this driver does not have."""

    def __init__(self, path):
        self.path, self.seen, self.keys, self.told = Path(path), None, {}, 0

    def __getattr__(self, name):
        if name.startswith("do_") or (name not in SCALARS and f"do_{name}" not in dir(type(self))):
            raise AttributeError(name)  # pynvml makes NVMLError_FunctionNotFound of it
        return Call(self, name)

    def state(self):
        found = os.stat(self.path)
        if self.seen != (found.st_ino, found.st_mtime_ns):
            self.seen = (found.st_ino, found.st_mtime_ns)
            lines = (line.partition(" = ") for line in self.path.read_text().splitlines())
            self.keys = {key: value for key, _, value in lines}
        return self.keys

    def get(self, gpu, key, usual=None):
        keys = self.state()
        if gpu is not None:
            index, instance = gpu
            ways = [f"gpu.{index}.mig.{instance - 1}.{key}"] if instance else []
            for way in (*ways, f"gpu.{index}.{key}", f"gpu.*.{key}"):
                if way in keys:
                    return keys[way]
            return usual
        return keys.get(key, usual)

    def num(self, gpu, key, usual):
        found = self.get(gpu, key, usual)
        return 2**32 - 1 if found == "na" else number(found)

    def fault(self, kind, name, gpu):
        for function in (name, "*"):
            found = self.get(gpu, f"{kind}.{function}") or self.get(None, f"{kind}.{function}")
            if found:
                return number(found)
        return 0

    def enter(self, name, gpu):
        if self.fault("crash", name, gpu):
            os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(self.fault("delay_ms", name, gpu) / 1000)
        while self.fault("hang", name, gpu):
            time.sleep(0.02)
        error = self.fault("err", name, gpu)
        if error:
            raise RefusedError(error)

    # --- the driver and its GPUs ---------------------------------------------------------------------------------

    def do_nvmlInitWithFlags(self, flags):  # noqa: N802 - the library's own names
        pass

    def do_nvmlSystemGetDriverVersion(self, buffer, size):  # noqa: N802
        buffer.value = b"plain 1.0"

    def do_nvmlDeviceGetCount_v2(self, count):  # noqa: N802
        count._obj.value = self.num(None, "gpu.count", 1)

    def do_nvmlDeviceGetHandleByIndex_v2(self, index, handle):  # noqa: N802
        self.enter("nvmlDeviceGetHandleByIndex_v2", (index.value, 0))
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = 0x1000 + 16 * index.value

    def do_nvmlDeviceGetIndex(self, handle, index):  # noqa: N802
        index._obj.value = index_of(handle)[0]

    def do_nvmlDeviceGetUUID(self, handle, buffer, size):  # noqa: N802
        gpu = index_of(handle)
        buffer.value = self.get(gpu, "uuid", f"GPU-plain-{gpu[0]}").encode()

    def do_nvmlDeviceGetName(self, handle, buffer, size):  # noqa: N802
        buffer.value = b"Plain GPU"

    def do_nvmlDeviceGetPciInfo_v3(self, handle, info):  # noqa: N802
        info._obj.domain, info._obj.bus, info._obj.device = 0, 0x10 + index_of(handle)[0], 0

    def do_nvmlDeviceGetMigMode(self, handle, now, pending):  # noqa: N802
        now._obj.value = pending._obj.value = self.num(index_of(handle), "mig.mode", 0)

    def do_nvmlDeviceGetMaxMigDeviceCount(self, handle, count):  # noqa: N802
        count._obj.value = self.num(index_of(handle), "mig.count", 0)

    def do_nvmlDeviceGetMigDeviceHandleByIndex(self, handle, index, instance):  # noqa: N802
        at = 0x1000 + 16 * index_of(handle)[0] + 1 + index.value
        ctypes.cast(instance, ctypes.POINTER(ctypes.c_void_p))[0] = at

    # --- the hot set ---------------------------------------------------------------------------------------------

    def do_nvmlDeviceGetUtilizationRates(self, handle, rates):  # noqa: N802
        gpu = index_of(handle)
        rates._obj.gpu, rates._obj.memory = self.num(gpu, "util.gpu", 0), self.num(gpu, "util.mem", 0)

    def do_nvmlDeviceGetMemoryInfo_v2(self, handle, info):  # noqa: N802
        gpu = index_of(handle)
        info._obj.used, info._obj.total = (
            self.num(gpu, "mem.used_mib", 0) << 20,
            self.num(gpu, "mem.total_mib", 81559) << 20,
        )

    def do_nvmlDeviceGetTemperature(self, handle, sensor, degrees):  # noqa: N802
        degrees._obj.value = self.num(index_of(handle), "temp", 35)

    def do_nvmlDeviceGetClockInfo(self, handle, which, clock):  # noqa: N802
        name, usual = CLOCKS[which.value]
        clock._obj.value = self.num(index_of(handle), f"clock.{name}", usual)

    def do_nvmlDeviceGetComputeRunningProcesses_v3(self, handle, count, found):  # noqa: N802
        listed = self.get(index_of(handle), "procs", "").replace(",", " ").split()
        count._obj.value, room = len(listed), count._obj.value
        if len(listed) > room:
            raise RefusedError(INSUFFICIENT)
        for one, words in zip(found, listed, strict=False):
            pid, _, held = words.partition(":")
            one.pid, one.memory = int(pid), 2**64 - 1 if held == "na" else int(held or 0) << 20

    # --- the health set and events -------------------------------------------------------------------------------

    def do_nvmlDeviceGetFieldValues(self, handle, count, values):  # noqa: N802
        for value in values._obj:
            said = self.get(index_of(handle), f"field.{value.fieldId}")
            value.nvmlReturn = SUCCESS if said else NOT_SUPPORTED
            if said:
                value.valueType, value.value.ullVal = 3, int(said.rstrip("u"))

    def do_nvmlDeviceGetTotalEccErrors(self, handle, kind, counter, count):  # noqa: N802
        which = "unc" if kind.value == 1 else "cor"
        span = "volatile" if counter.value == VOLATILE else "aggregate"
        count._obj.value = self.num(index_of(handle), f"ecc.{span}.{which}", 0)

    def do_nvmlDeviceGetRemappedRows(self, handle, *counts):  # noqa: N802
        for name, count in zip(("cor", "unc", "pending", "failure"), counts, strict=True):
            count._obj.value = self.num(index_of(handle), f"remap.{name}", 0)

    def do_nvmlDeviceGetTemperatureThreshold(self, handle, which, degrees):  # noqa: N802
        degrees._obj.value = self.num(index_of(handle), f"temp.threshold.{which.value}", THRESHOLDS.get(which.value, 0))

    def do_nvmlDeviceGetNvLinkState(self, handle, link, active):  # noqa: N802
        if link >= LINKS if isinstance(link, int) else link.value >= LINKS:
            raise RefusedError(INVALID)
        which = link if isinstance(link, int) else link.value
        active._obj.value = self.num(index_of(handle), f"nvlink.{which}.state", 1)

    def do_nvmlEventSetCreate(self, events):  # noqa: N802
        ctypes.cast(events, ctypes.POINTER(ctypes.c_void_p))[0] = 0x99

    def do_nvmlDeviceRegisterEvents(self, handle, mask, events):  # noqa: N802
        pass

    def do_nvmlEventSetWait_v2(self, events, data, timeout):  # noqa: N802
        end = time.monotonic() + timeout.value / 1000
        while time.monotonic() < end:
            waiting = sorted(int(key[6:]) for key in self.state() if key.startswith("event.") and key[6:].isdecimal())
            news = [event for event in waiting if event > self.told]
            if news:
                self.told = news[0]
                gpu, _, code = self.keys[f"event.{self.told}"].split()
                data._obj.device = ctypes.cast(0x1000 + 16 * int(gpu), type(data._obj.device))
                data._obj.eventType, data._obj.eventData = 8, int(code)
                return
            time.sleep(0.02)
        raise RefusedError(TIMEOUT)


def command(state):
    """The keeper's command for a child on this driver."""
    return lambda options, note: (sys.executable, __file__, str(state), options, str(note))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    import pynvml

    pynvml.nvmlLib = PlainNvml(sys.argv.pop(1))
    from sentinel.sources.gpu.child import main

    main()
