"""The kernel log: every pattern matches its own sample, repetitions are told once, the real log is never written."""

import os

import pytest

from sentinel.core.records import Row
from sentinel.sources import xids
from sentinel.sources.gpu.source import Gpu, GpuSource
from sentinel.sources.kernel import PATTERNS, KernelLog, bus_of, understand
from sentinel.sources.machine import Machine


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.kind)
def test_every_pattern_is_met_by_its_own_sample_first(pattern):
    assert understand(pattern.sample).kind == pattern.kind


@pytest.mark.parametrize(
    ("line", "kind", "bus"),
    [
        ("Out of memory: Kill process 4711 (python) score 917 or sacrifice child", "oom", None),
        ("Memory cgroup out of memory: Kill process 4711 (python) score 980 or sacrifice child", "oom_group", None),
        ("NVRM: Xid (0000:9b:00): 31, Ch 00000003, engmask 00000101, intr 10000000", "xid", (0, 0x9B, 0)),
        (
            r"NVRM: The NVIDIA GPU 0000:9b:00.0\x0aNVRM: (PCI ID: 10de:2330) has\x0aNVRM: fallen off the bus and is silent.",
            "off_bus",
            (0, 0x9B, 0),
        ),
        ("NVRM: GPU at PCI:0000:9b:00: GPU has fallen off the bus.", "off_bus", (0, 0x9B, 0)),
    ],
)
def test_older_kernels_and_drivers_say_the_same_in_other_words(line, kind, bus):
    event = understand(line)
    assert (event.kind, event.bus) == (kind, bus)
    assert event.pid == (4711 if kind.startswith("oom") else None)


@pytest.mark.parametrize(
    "line",
    [
        "usb 1-1: new high-speed USB device number 4 using xhci_hcd",
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  570.86.15",
        "oom_reaper: reaped process 4711 (python), now anon-rss:0kB",
        "EXT4-fs (sda1): mounted filesystem with ordered data mode",
    ],
)
def test_ordinary_lines_mean_nothing(line):
    assert understand(line) is None


def test_both_spellings_of_a_pci_address_are_one():
    assert bus_of("0000:9b:00") == bus_of("00000000:9B:00.0") == (0, 0x9B, 0)


def test_an_xid_line_carries_code_and_address():
    event = understand("NVRM: Xid (PCI:0000:1a:00): 48, pid=12, name=python, DBE at partition 3")
    assert (event.code, event.bus) == (48, (0, 0x1A, 0))


def test_new_lines_are_told_once_a_minute_and_old_ones_never(tmp_path):
    path = tmp_path / "kmsg"
    line = "NVRM: Xid (PCI:0000:9b:00): 119, pid=1, Timeout waiting for RPC from GSP\n"
    path.write_text(line)
    log = KernelLog(str(path))
    assert not list(log.read(0.0))  # what stood there before us is history
    with open(path, "a") as file:
        file.write(line + line)
    assert [event.code for event in log.read(1.0)] == [119]
    with open(path, "a") as file:
        file.write(line[:20])
        file.flush()
        assert not list(log.read(100.0))
        file.write(line[20:])
    assert [event.code for event in log.read(200.0)] == [119]
    log.close()


def test_a_log_that_may_not_be_read_is_named_with_the_cure(tmp_path):
    log = KernelLog(str(tmp_path / "none"))
    assert not list(log.read(0.0))
    assert "[host] kernel_log" in log.cannot  # no right opens what is not there
    (tmp_path / "none").symlink_to("none")  # it is there and cannot be opened
    assert not list(log.read(0.0))
    assert log.cannot.endswith("; sudo sentinel install --rights see-all")


def test_an_xid_is_told_once_though_two_sources_tell_it_and_storms_stay_one():
    book = xids.Book()
    assert book.is_new("3", 119, 0.0)
    assert not any(book.is_new("3", 119, 6.0 * n) for n in range(1, 30))
    assert book.is_new("3", 48, 6.0)
    assert book.is_new("3", 119, 500.0)


def test_the_table_says_what_matters_most():
    assert xids.meaning(79).gpu == xids.REBOOT
    assert xids.meaning(45).level == xids.INFO
    assert "not in our table" in xids.sentence("0", 9999)


def test_a_log_that_was_rotated_or_emptied_goes_on_at_its_start(tmp_path):
    path = tmp_path / "kern.log"
    path.write_text("Out of memory: Killed process 1 (python) total-vm:1kB\n")  # of before: never told
    log = KernelLog(str(path))
    assert list(log.read(0.0)) == []
    path.rename(tmp_path / "kern.log.1")
    path.write_text("Out of memory: Killed process 2 (python) total-vm:1kB\n")
    assert [event.pid for event in log.read(1.0)] == [2]
    path.write_text("nfs: server a not responding\n")
    assert [event.kind for event in log.read(2.0)] == ["nfs"]
    log.close()


# --- what was written while nobody watched ---------------------------------------------------------------------------

OOM = "Out of memory: Killed process {} (python) total-vm:1kB\n"


def test_lines_written_while_we_were_away_are_read_back_once_and_say_so(tmp_path):
    path = tmp_path / "kern.log"
    path.write_text(OOM.format(1))
    first = KernelLog(str(path))
    list(first.read(0.0))
    with path.open("a") as file:
        file.write(OOM.format(2) + OOM.format(3)[:20])
        file.flush()
        assert [event.pid for event in first.read(1.0)] == [2]
        first.close()
        file.write(OOM.format(3)[20:] + OOM.format(4))
    second = KernelLog(str(path), kept=first.bookmark())
    events = list(second.read(2.0))
    assert [(event.pid, event.away) for event in events] == [(3, True), (4, True)]
    assert events[0].text.endswith("[written while Sentinel was away]")
    with path.open("a") as file:
        file.write(OOM.format(5))
    assert [(event.pid, event.away) for event in second.read(3.0)] == [(5, False)]
    second.close()
    third = KernelLog(str(path), kept=second.bookmark())
    assert list(third.read(4.0)) == []
    third.close()


def test_of_a_log_that_was_rotated_while_we_were_away_the_new_one_is_read_and_no_more_than_a_mebibyte(tmp_path):
    path = tmp_path / "kern.log"
    path.write_text("")
    first = KernelLog(str(path))
    list(first.read(0.0))
    first.close()
    path.rename(tmp_path / "kern.log.1")
    path.write_text(OOM.format(6) + "usb 1-1: new device\n" * 60_000 + OOM.format(7))
    second = KernelLog(str(path), kept=first.bookmark())
    events = [event for turn in range(2000) for event in second.read(float(turn))]
    assert [event.pid for event in events] == [7]
    second.close()


def records(log):
    return [line for _ in range(20) for line in log._lines()]


def kernel_log():
    try:
        with open("/dev/kmsg", "rb") as file:
            os.set_blocking(file.fileno(), False)
            return file.read(1) is not None or True
    except OSError:
        return False


@pytest.mark.skipif(not kernel_log(), reason="/dev/kmsg cannot be read here")
def test_the_real_log_is_read_on_after_the_record_of_the_bookmark_and_from_its_start_in_another_boot():
    end = KernelLog("/dev/kmsg")
    assert end._open()
    assert records(end) == []
    end.close()
    again = KernelLog("/dev/kmsg", kept=end.bookmark())
    assert again._open()
    assert [line for line in records(again) if not line.away] == []
    whole = again.bookmark()
    again.close()
    if whole["record"] < 20:
        pytest.skip("the kernel log of this machine is empty")
    other = KernelLog("/dev/kmsg", kept=whole | {"boot": "another"})
    assert other._open()
    everything = records(other)
    other.close()
    some = KernelLog("/dev/kmsg", kept=whole | {"record": whole["record"] - 5})
    assert some._open()
    read = records(some)
    some.close()
    assert len(everything) > len(read) >= 5
    assert all("while Sentinel was away" in line.away for line in read[:5])


class SilentKeeper:
    """An NVML child that has not said hello yet."""

    def read(self):
        return iter(())

    def close(self):
        pass


def test_an_xid_of_a_gpu_that_has_no_name_yet_waits_for_the_driver_but_no_longer_than_a_minute(tmp_path):
    path = tmp_path / "kern.log"
    path.write_text("")
    gpu = GpuSource(SilentKeeper(), "host:h")
    machine = Machine("host:h", gpu=gpu, kernel=KernelLog(str(path)))
    assert list(machine.read(0.0)) == []
    with path.open("a") as file:
        file.write("NVRM: Xid (PCI:0000:9b:00): 79, pid=1\nNVRM: Xid (PCI:0000:9c:00): 48, pid=1\n")
    assert list(machine.read(10.0)) == []
    assert len(machine.early) == 2
    gpu.gpus["3"] = Gpu("3", bus=(0, 0x9B, 0))
    rows = [item for batch in machine.read(11.0) for item in batch.items if isinstance(item, Row)]
    assert [row.names for row in rows] == [("gpu.3.xid", "gpu.3.xid_level"), ("kernel.xid",)]
    assert machine.early == []
    machine.close()
