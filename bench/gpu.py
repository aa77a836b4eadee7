"""What GPU polling costs, and on a real GPU whether every field agrees with `nvidia-smi`.

python bench/gpu.py --fake 8        a scripted driver with the latencies of real ones (needs a C compiler)
python bench/gpu.py --table         a real GPU: the table of docs/operate/machine.md, on stdout
python bench/gpu.py --host          host sweep, known processes, full scan
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.sources.gpu.calls import HEALTH, HOT
from sentinel.sources.gpu.child import Asker, Options
from sentinel.sources.gpu.keeper import Keeper
from sentinel.sources.gpu.note import Note, new_note
from sentinel.sources.gpu.source import GpuSource

# Microseconds that calls took on real drivers, from public measurements; the process list is the dear one.
LATENCIES = {
    "nvmlDeviceGetUtilizationRates": 3, "nvmlDeviceGetMemoryInfo_v2": 12, "nvmlDeviceGetComputeRunningProcesses_v3": 4500,
    "nvmlDeviceGetFieldValues": 200, "nvmlDeviceGetPowerUsage": 50, "nvmlDeviceGetTemperatureV": 20,
}  # fmt: skip
SMI = {
    "util": "utilization.gpu", "memory_used": "memory.used", "memory_total": "memory.total", "power": "power.draw",
    "power_limit": "enforced.power.limit", "temp": "temperature.gpu", "sm_clock": "clocks.sm", "mem_clock": "clocks.mem",
    "pcie_gen": "pcie.link.gen.current", "pcie_gen_max": "pcie.link.gen.max", "pcie_width": "pcie.link.width.current",
    "pcie_width_max": "pcie.link.width.max", "memory_temp": "temperature.memory",
    "ecc_unc": "ecc.errors.uncorrected.volatile.total", "ecc_cor": "ecc.errors.corrected.volatile.total",
}  # fmt: skip


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fake(gpus, polls=100):
    from tests.world.fake_nvml import Driver, build

    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(folder, build(folder), gpus)
        driver.set(**{f"delay_us.{name}": micros for name, micros in LATENCIES.items()})
        driver.set(**{"gpu.*.procs": "17:1000 18:1000"})
        source = GpuSource(Keeper(0.05, 3600.0, environment=driver.environment()), "host:here")
        while "util" not in (source.gpus["0"].values if "0" in source.gpus else {}):
            list(source.read(time.monotonic()))
            time.sleep(0.01)
        pid = source.keeper.pids[0]
        child, own, rows, began = cpu_of(pid), time.process_time(), 0, time.monotonic()
        while rows < polls:
            rows += sum(1 for _ in source.read(time.monotonic()))
            time.sleep(0.02)
        polled = rows
        print(f"{gpus} GPUs, {polled} polls in {time.monotonic() - began:.1f} s")
        print(
            f"child: {(cpu_of(pid) - child) / polled * 1000:.2f} ms of CPU a poll (hot set, process lists at every third)"
        )
        print(f"daemon: {(time.process_time() - own) / polled * 1000:.2f} ms of CPU a poll, turns included")
        held = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        print(f"child: {int(held.split()[1]) / 1024:.1f} MiB resident")
        source.close()


def table():
    import pynvml

    pynvml.nvmlInit()
    asker = Asker(pynvml, Note(new_note()), Options(5, 60, frozenset()))
    print("hello:", asker.begin())
    device = asker.devices[0]
    report, values = {}, {}
    for kind, calls in ((False, HOT), (True, HEALTH)):
        for call in calls:
            before = dict(values)
            times = []
            for _ in range(20):
                began = time.perf_counter()
                asker._call(device, kind, call, report, values)
                times.append(time.perf_counter() - began)
                if call not in device.calls[kind]:
                    break
            names = ", ".join(name for name in values if name not in before) or "not supported"
            print(
                f"| {'health' if kind else 'hot'} | {call.name} | {sorted(times)[len(times) // 2] * 1e6:.0f} µs | {names} |"
            )
    print("processes:", asker._processes(device, report))
    query = ",".join(SMI.values())
    said = subprocess.run(
        ["nvidia-smi", "-i", "0", f"--query-gpu={query}", "--format=csv,noheader,nounits"],
        capture_output=True,
        check=False,
        text=True,
    ).stdout.strip()
    for name, theirs in zip(SMI, said.split(", "), strict=False):
        print(f"{name}: ours {values.get(name, 'not available')}, nvidia-smi {theirs}")
    for health in (False, True):
        began, used = time.perf_counter(), time.process_time()
        for _ in range(20):
            asker.poll(health, False)
        print(f"{'hot and health' if health else 'hot'} set: {(time.perf_counter() - began) / 20 * 1e3:.2f} ms, "
              f"{(time.process_time() - used) / 20 * 1e3:.2f} ms of CPU")  # fmt: skip


def host():
    from sentinel.sources.host.source import HostSource
    from sentinel.sources.processes.attach import Because, Member
    from sentinel.sources.processes.reading import pids, process, vital
    from sentinel.sources.processes.vitals import Vitals

    source = HostSource("host:here", poll=0.5)
    best = min(_timed(lambda now=now: list(source.read(float(now)))) for now in range(1, 30))
    print(f"host sweep: {best * 1e3:.2f} ms")
    began = time.perf_counter()
    known = [process(found) for pid in pids() if (found := vital(pid)) and not found.kernel]
    took = time.perf_counter() - began
    count = len(pids())
    print(f"full scan: {took * 1e3:.1f} ms for {count} processes ({len(known)} programs), "
          f"{took / max(1, len(known)) * 400 * 1e3:.0f} ms for 400 programs")  # fmt: skip
    members = [Member(known[n % len(known)], Because.FILE) for n in range(64)]
    vitals = Vitals()
    vitals.readings("run", members, vitals.look(members), 0.0)
    print(
        f"64 known processes: {_timed(lambda: vitals.readings('run', members, vitals.look(members), 15.0)) * 1e3:.2f} ms"
    )


def _timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fake", type=int, metavar="GPUS")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--host", action="store_true")
    args = parser.parse_args()
    if args.fake:
        fake(args.fake)
    if args.table:
        table()
    if args.host:
        host()
