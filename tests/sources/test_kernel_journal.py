"""The kernel's lines out of systemd's journal: from before a restart, and in place of a log that may not be read."""

import json
import shutil
import subprocess
import time

import pytest

from sentinel.sources import kernel, kernel_journal
from sentinel.sources.kernel import KernelLog
from sentinel.sources.kernel_journal import BootBefore, KernelTail, may_read
from tests.world.waiting import until

XID = "NVRM: Xid (PCI:0000:9b:00): 79, pid=4711, name=python, GPU has fallen off the bus."
OOM = "Out of memory: Killed process 4711 (python) total-vm:1kB"
BOOT = "11111111-2222-3333-4444-555555555555"


def entry(stamp, text, ago=60.0, **more):
    micros = {
        "__REALTIME_TIMESTAMP": str(int((time.time() - ago) * 1e6)),
        "_SOURCE_MONOTONIC_TIMESTAMP": str(int(stamp * 1e6)),
    }
    return json.dumps({"MESSAGE": text, **micros, **more})


@pytest.fixture
def journal(tmp_path):
    """A `journalctl` that prints what it is told, and notes what it was asked."""
    program = tmp_path / "journalctl"

    def made(*lines, then=""):
        (tmp_path / "lines").write_text("".join(f"{line}\n" for line in lines))
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat {tmp_path}/lines\n{then}\n')
        program.chmod(0o755)
        return (str(program),)

    return made


def all_of(before):
    found = []
    assert until(lambda: found.extend(before.lines()) or before.over)
    return found


def test_lines_after_the_last_one_read_are_handed_on_with_their_time(journal, tmp_path):
    found = all_of(BootBefore(BOOT, 100.0, journal(entry(99.0, OOM), entry(101.0, XID))))
    assert [line.text for line in found] == [XID]
    assert found[0].away.endswith("UTC, before the machine restarted")
    asked = (tmp_path / "asked").read_text()
    assert "--dmesg --boot=11111111222233334444555555555555" in asked


def test_bytes_that_are_no_text_and_lines_that_are_no_entries_do_no_harm(journal):
    odd = json.dumps({**json.loads(entry(5.0, "")), "MESSAGE": [110, 102, 115, 255]})
    found = all_of(BootBefore(BOOT, 0.0, journal("no json", "[1]", '{"MESSAGE": "x"}', odd)))
    assert [line.text for line in found] == ["nfs\ufffd"]


def test_what_is_older_than_a_day_is_history(journal):
    assert all_of(BootBefore(BOOT, 0.0, journal(entry(5.0, XID, ago=90_000.0)))) == []


def test_a_machine_without_a_journal_has_nothing_to_say(tmp_path):
    assert all_of(BootBefore(BOOT, 0.0, (str(tmp_path / "none"),))) == []


def test_a_journal_that_hangs_is_ended_and_nobody_waits(journal, monkeypatch):
    monkeypatch.setattr(kernel_journal, "PATIENCE", 0.2)
    before = BootBefore(BOOT, 0.0, journal(entry(5.0, XID), then="exec sleep 60"))
    began = time.monotonic()
    assert [line.text for line in all_of(before)] == [XID]
    assert time.monotonic() - began < 30
    assert not before._child.runs


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no systemd here")
def test_the_real_journalctl_takes_these_words_and_ends():
    assert subprocess.run(["journalctl", "--version"], capture_output=True).returncode == 0
    assert all_of(BootBefore(BOOT, 0.0)) == []


def test_a_kernel_log_of_another_boot_tells_what_came_before_and_keeps_its_place_until_all_was_read(journal):
    kept = {"boot": BOOT, "record": 7, "stamp": 100.0}
    log = KernelLog(
        "/dev/null", kept=kept, boot=lambda: "another", journal=journal(entry(101.0, XID), then="sleep 0.5")
    )
    found, places = [], []
    assert until(lambda: found.extend(log.read(0.0)) or places.append(log.bookmark()) or places[-1]["boot"] != BOOT)
    assert [(event.code, event.away, event.before) for event in found] == [(79, True, True)]
    assert places[0] == {"boot": BOOT, "record": -1, "stamp": 100.0}
    assert places[-1]["boot"] == "another"
    log.close()


def test_a_kernel_log_of_this_boot_asks_no_journal(journal, tmp_path):
    log = KernelLog("/dev/null", kept={"boot": BOOT, "record": 7, "stamp": 1.0}, boot=lambda: BOOT, journal=journal())
    assert list(log.read(0.0)) == []
    assert not (tmp_path / "asked").exists()
    log.close()


# --- in place of a log that may not be read ----------------------------------------------------------------------------


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A kernel log that is there and may not be opened, whoever asks."""
    path = tmp_path / "kmsg"
    path.symlink_to("kmsg")
    monkeypatch.setattr(kernel, "KMSG", str(path))
    return str(path)


def test_who_may_not_read_the_kernels_log_hears_it_through_the_journal(journal, closed, tmp_path):
    command = journal(entry(9.0, OOM, ago=-5.0, __CURSOR="c7", _BOOT_ID=BOOT.replace("-", "")), then="exec sleep 60")
    log = KernelLog(closed, journal=command, readable=lambda: True, boot=lambda: BOOT)
    found = []
    assert until(lambda: found.extend(log.read(0.0)) or found)
    assert [(event.pid, event.away) for event in found] == [(4711, False)]
    assert (log.cannot, log.bookmark()) == ("", {"cursor": "c7"})
    assert "_TRANSPORT=kernel --follow --since=@" in (tmp_path / "asked").read_text()
    log.close()


def test_it_goes_on_after_its_cursor_and_names_what_came_before_a_restart(journal, closed, tmp_path):
    lines = [entry(9.0, OOM, _BOOT_ID="f" * 32), entry(9.5, XID, _BOOT_ID=BOOT.replace("-", ""))]
    command = journal(*lines, then="exec sleep 60")
    log = KernelLog(closed, journal=command, readable=lambda: True, boot=lambda: BOOT, kept={"cursor": "c7"})
    found = []
    assert until(lambda: found.extend(log.read(0.0)) or len(found) == 2)
    assert [(event.kind, event.away, event.before) for event in found] == [("oom", True, True), ("xid", True, False)]
    assert "--after-cursor=c7" in (tmp_path / "asked").read_text()
    log.close()


def test_who_may_read_neither_is_told_the_cure(closed):
    log = KernelLog(closed, readable=lambda: False)
    assert list(log.read(0.0)) == []
    assert log.cannot.endswith("; sudo sentinel install --rights see-all")


def test_a_child_that_ends_is_trouble_and_started_again(journal, monkeypatch):
    monkeypatch.setattr(kernel_journal, "AGAIN", 0.0)
    tail = KernelTail(BOOT, command=journal(entry(1.0, XID, ago=-5.0), then="exit 3"))
    found, troubles = [], []
    assert until(lambda: found.extend(tail.lines()) or troubles.append(tail.trouble) or len(found) >= 2)
    assert any("ended with code 3; it is started again" in trouble for trouble in troubles)
    tail.close()


def test_a_missing_journalctl_is_trouble_with_its_cure(closed):
    log = KernelLog(closed, journal=("/no/such/journalctl",), readable=lambda: True)
    assert list(log.read(0.0)) == []
    assert "/no/such/journalctl: No such file or directory; sudo sentinel install" in log.cannot


def test_the_journal_may_be_read_where_one_of_its_files_may(tmp_path):
    (tmp_path / "id").mkdir()
    pattern = [f"{tmp_path}/*/system.journal"]
    assert not may_read(pattern)
    (tmp_path / "id" / "system.journal").write_text("")
    assert may_read(pattern)
