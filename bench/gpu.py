"""What GPU polling costs, and on a real GPU whether every field agrees with `nvidia-smi`.

python bench/gpu.py --fake 8        a scripted driver with the latencies of real ones (needs a C compiler)
python bench/gpu.py --table         a real GPU: the table of docs/operate/machine.md, on stdout
python bench/gpu.py --host          host sweep, known processes, full scan
"""

import argparse
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.sources.gpu.asker import Asker, Options
from sentinel.sources.gpu.calls import HEALTH
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


def fake(gpus, polls=200):
    from tests.world.fake_nvml import Driver, build

    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(folder, build(folder), gpus)
        driver.set(**{f"delay_us.{name}": micros for name, micros in LATENCIES.items()})
        driver.set(**{"gpu.*.procs": "17:1000 18:1000"})
        print(f"{gpus} GPUs, {polls} polls each; process lists at every third, turns that find nothing not counted")
        measure(
            "the library's own work beside ours, calls that sleep as long as real ones", driver.environment(), polls
        )
        own = driver.environment() | {"FAKE_NVML_NULL": str(gpus)}
        measure("our own work alone: a library that answers at once", own, polls)


def measure(what, environment, polls):
    """CPU of child and daemon for each poll, asked for one by one."""
    source = GpuSource(Keeper(3600.0, 3600.0, environment=environment), "host:here")
    while not source.samples:
        list(source.read(time.monotonic()))
        time.sleep(0.01)
    source.owners = {label: (f"run-{int(label) // 4}",) for label in source.gpus}  # two runs of four GPUs
    pid = source.keeper.pids[0]
    out = source.keeper.child.process.stdout
    child, own = fine_cpu_of(pid), 0.0
    for _ in range(polls):
        before = source.samples
        source.keeper.ask()
        while source.samples == before:
            select.select([out], [], [], 1.0)
            began = time.process_time()
            list(source.read(time.monotonic()))
            own += time.process_time() - began
    child = fine_cpu_of(pid) - child
    print(f"{what}:")
    print(f"  child {child / polls * 1000:.2f} + daemon {own / polls * 1000:.2f} ms of CPU a poll")
    held = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    print(f"  child: {int(held.split()[1]) / 1024:.1f} MiB resident")
    source.close()


def fine_cpu_of(pid):
    """Seconds on a processor, to the nanosecond, over all threads; a tick of /proc/PID/stat is ten milliseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def table():
    import pynvml

    pynvml.nvmlInit()
    asker = Asker(pynvml, Note(new_note()), Options(5, 60, frozenset()))
    print("hello:", asker.begin())
    device = asker.devices[0]
    report, values = {}, {}
    for asked in device.hot:
        times = [_timed(lambda asked=asked: asked.call(*asked.arguments)) for _ in range(20)] if asked.call else []
        names = ", ".join(asked.question.columns) if times else "not supported"
        print(f"| hot | {asked.function} | {sorted(times)[10] * 1e6 if times else 0:.0f} µs | {names} |")
        values.update(zip(asked.question.columns, asked.read(), strict=True) if times else ())
    for call in HEALTH:
        before, times = dict(values), []
        for _ in range(20):
            times.append(_timed(lambda call=call: asker._call(device, call, report, values)))
            if call not in device.health:
                break
        names = ", ".join(name for name in values if name not in before) or "not supported"
        print(f"| health | {call.name} | {sorted(times)[len(times) // 2] * 1e6:.0f} µs | {names} |")
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
