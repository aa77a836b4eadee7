"""The host's figures on made-up `/proc` trees and on the real one."""

import threading

from sentinel.sources.host.disks import Disks, Space
from sentinel.sources.host.figures import Jumps, counters, group_kills, load, memory, pressure
from sentinel.sources.host.source import HostSource

GIB = 1 << 30


def proc(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


def test_memory_is_the_available_share(tmp_path):
    root = proc(tmp_path, meminfo="MemTotal: 1000 kB\nMemAvailable: 50 kB\nSwapTotal: 100 kB\nSwapFree: 25 kB\n")
    assert memory(root) == {"host.mem_available_mb": 50 / 1024, "host.mem_available": 0.05, "host.swap_used": 0.75}


def test_what_a_kernel_does_not_tell_is_left_out(tmp_path):
    root = str(tmp_path)
    assert (memory(root), pressure(root), counters(root), load(root)) == ({}, {}, {}, {})


def test_pressure_and_kills(tmp_path):
    text = "some avg10=1.50 avg60=2.00 avg300=0.00 total=9\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=3\n"
    root = proc(tmp_path, pressure__memory=text, vmstat="nr_free 1\noom_kill 7\n")
    assert pressure(root)["host.memory_full_avg10"] == 0.25
    assert counters(root) == {"oom_kills": 7}
    assert group_kills(proc(tmp_path, events="low 0\noom_kill 2\n") + "/events") == 2


def test_the_real_machine_gives_a_row(tmp_path):
    source = HostSource("host:here")
    batch = next(iter(source.read(1.0)))
    assert "host.load" in batch.items[0].names
    assert not list(source.read(2.0))  # not before the poll is due


def answered(disks):
    disks.look()
    disks._thread.join(5)
    return disks.look()


def test_a_disk_says_when_it_will_be_full():
    looks = iter([Space(0.0, 1, 100 * GIB, 200 * GIB, 0.5), Space(100.0, 1, 90 * GIB, 200 * GIB, 0.5)])
    disks = Disks(ask=lambda _: next(looks, Space(200.0, 1, 80 * GIB, 200 * GIB, 0.5)))
    disks.watch(["/data/runs"])
    answered(disks)
    answered(disks)
    found = disks.of(["/data/runs"])["data_runs"]
    assert found["free_gb"] in {80, 90}
    assert found["full_in_s"] in {900, 800}
    assert found["inodes_free"] == 0.5


def test_a_disk_that_does_not_answer_is_named_and_the_others_go_on():
    hold, clock = threading.Event(), [0.0]

    def ask(folder):
        if folder == "/nfs":
            hold.wait(20)
        return Space(clock[0], len(folder), GIB, 2 * GIB, None)

    disks = Disks(ask, lambda: clock[0])
    disks.watch(["/nfs", "/local"])
    disks.look()
    clock[0] = 31.0
    disks.look()
    disks._thread.join(5)
    disks.look()
    assert disks.stuck.keys() == {"/nfs"}
    assert set(disks.of(["/nfs", "/local"])) == {"local"}
    hold.set()


def test_a_clock_that_jumps_is_noticed():
    jumps = Jumps()
    assert jumps.look() is None
    jumps.between -= 5
    assert 4.9 < jumps.look() < 5.1
    assert jumps.look() is None
