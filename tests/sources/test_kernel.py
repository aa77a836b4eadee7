"""The kernel log: every pattern matches its own sample, repetitions are told once, the real log is never written."""

import pytest

from sentinel.sources import xids
from sentinel.sources.kernel import PATTERNS, KernelLog, bus_of, understand


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.kind)
def test_every_pattern_is_met_by_its_own_sample_first(pattern):
    assert understand(pattern.sample).kind == pattern.kind


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
    assert "CAP_SYSLOG" in log.cannot


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
