"""What the host shows reaches the rules of the runs that live on it, and is told once."""

import pytest

from sentinel.sources.host.disks import Disks, Space
from tests.world.room import HOST

PRESSURE = "some avg10={0} avg60={0} avg300=0.00 total=9\nfull avg10={1} avg60={1} avg300=0.00 total=3\n"


@pytest.fixture
def proc(tmp_path):
    """A made-up /proc for the host's figures alone."""
    root = tmp_path / "proc"
    (root / "pressure").mkdir(parents=True)

    def say(io=0.0, memory=0.0, available=500_000):
        (root / "meminfo").write_text(f"MemTotal: 1000000 kB\nMemAvailable: {available} kB\n")
        (root / "pressure" / "io").write_text(PRESSURE.format(io, 0.0))
        (root / "pressure" / "memory").write_text(PRESSURE.format(memory, memory))
        return root

    say.root = root
    say()
    return say


def sawtooth(room, n):
    room.driver.set(**{"gpu.*.util.gpu": 90 if n % 3 == 0 else 5, "gpu.*.power_mw": 300000})
    room.print("bert", n)


def test_gpus_that_wait_for_data_are_told_of_the_run(room, proc):
    r = room(2, proc.root)
    r.put_on({0: (child := r.start("bert")), 1: child})
    proc(io=35.0)
    r.pass_time(1500, step=15.0, every=lambda n: sawtooth(r, n))
    (change,) = r.fired("starvation/sawtooth")
    assert change.run_name == "bert"
    assert "35 %" in change.say


def test_only_what_a_rule_reads_beside_the_run_s_own_is_handed_on(room, proc):
    r = room(2, proc.root)
    r.put_on({0: r.start("bert")})
    r.start("no-gpu")
    r.pass_time(60, every=lambda n: r.print("bert", n))
    handed = {
        name
        for batch in r.seen
        if batch.run != HOST
        for row in batch.items
        for name in getattr(row, "names", ())
        if name.startswith("host.")
    }
    assert handed == {"host.io_some_avg60"}
    assert not any(
        "host.io_some_avg60" in getattr(row, "names", ())
        for batch in r.seen
        if "no-gpu" in batch.run
        for row in batch.items
    )


def test_a_host_without_memory_is_told_once_and_names_its_runs(room, proc):
    r = room(2, proc.root)
    r.put_on({0: r.start("bert"), 1: r.start("vit")})
    r.pass_time(60, every=lambda n: (r.print("bert", n), r.print("vit", n)))
    proc(available=20_000, memory=40.0)
    r.pass_time(150, every=lambda n: (r.print("bert", 50 + n), r.print("vit", 50 + n)))
    (low,) = r.fired("host-memory/host-low")
    (pressure,) = r.fired("host-memory/pressure")
    assert {low.run, pressure.run} == {HOST}
    for change in (low, pressure):
        assert "bert" in change.say
        assert "vit" in change.say


def test_idle_gpus_of_nobody_are_no_starvation_of_the_host(room, proc):
    r = room(2, proc.root)
    proc(io=60.0)
    r.pass_time(1500, step=15.0)
    assert r.told() == []


OOM = "Out of memory: Killed process {} (python) total-vm:9000000kB, anon-rss:8000000kB\n"


def test_what_the_kernel_said_before_we_came_is_not_told(room):
    r = room(1)
    child = r.start("bert")
    r.kmsg.write_text(OOM.format(child.pid))
    r.pass_time(120, every=lambda n: r.print("bert", n))
    assert r.told() == []


def test_a_run_whose_process_the_kernel_kills_for_memory_is_told_and_another_s_kill_is_no_death_of_a_run(room):
    r = room(1)
    child = r.start("bert")
    r.pass_time(60, every=lambda n: r.print("bert", n))
    with open(r.kmsg, "a") as log:
        log.write(OOM.format(1))
    r.pass_time(30, every=lambda n: r.print("bert", 20 + n))
    assert {(rule, run) for rule, run, _ in r.told()} == {("host-memory/neighbour-killed", "gpu-box")}
    with open(r.kmsg, "a") as log:
        log.write(OOM.format(child.pid))
    child.kill()
    child.wait()
    r.pass_time(60)
    (change,) = r.fired("host-memory/killed")
    assert change.run_name == "bert"
    assert "Killed process" in change.say
    assert r.lit() & {"process-died/died"} == set()
    (run,) = (watched for watched in r.engine.runs.values() if watched.run.info.name == "bert")
    assert run.over == "died"


def test_a_disk_without_room_for_the_next_checkpoints_is_told_of_the_run_that_saves(room):
    r = room(1)
    free = [100 << 20]
    here = r.runs / "bert"
    r.start("bert")
    (here / "step_10.pt").write_bytes(b"x" * (10 << 20))
    device = here.stat().st_dev
    r.machine.figures.disks = Disks(ask=lambda path: Space(r.now, device, free[0], 200 << 20, None))
    r.pass_time(60, every=lambda n: r.print("bert", n))
    with r.logs["bert"][0].open("a") as log:
        log.write("saved checkpoint to step_10.pt\n")
    r.pass_time(120, every=lambda n: r.print("bert", 20 + n))
    (run,) = (watched.run for watched in r.engine.runs.values() if watched.run.info.name == "bert")
    (name,) = (name for name in run.series if name.endswith(".saves_left"))
    assert run.series[name].value == 10
    assert not r.fired("disk-filling/next-save")
    free[0] = 15 << 20
    r.until(lambda: r.fired("disk-filling/next-save"))
    (change,) = r.fired("disk-filling/next-save")
    assert change.run_name == "bert"
    assert "1.5 more checkpoints" in change.say
