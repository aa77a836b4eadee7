"""A watched disk dies while the service watches: its watchdog ends the loop that waits, the next start leaves the disk out."""

import os
import sys

import pytest

from tests.service.boot import Machine, cannot_boot
from tests.service.test_booted import NAN, SENTINEL, WATCH, journal, runs_of, settings_of

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.torture,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-"),
    pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="no /dev/fuse"),
]
QUICK = "[Service]\nWatchdogSec=4s\nTimeoutAbortSec=1s\nRestartSec=100ms\n"
DEAD = f"{sys.executable} /srv/sentinel/tests/daemon/dead_disk.py /srv/far"


def test_the_rest_is_watched_people_are_told_and_the_disk_is_taken_up_again(tmp_path):
    with Machine(tmp_path) as machine:
        port = machine.serve()
        machine.run("mkdir -p /srv/far/runs/a /srv/near/b")
        for run in ("far/runs/a", "near/b"):
            (machine.root / "srv" / run / "train.log").write_text("step=1 loss=2.0\n")
        machine.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)
        machine.run(f"{SENTINEL} install --rights plain --command {SENTINEL} --no-start")
        text = settings_of(machine).read_text() + WATCH % ("far", "/srv/far/runs") + WATCH % ("near", "/srv/near")
        settings_of(machine).write_text(f'{text}[[channel]]\nname = "hook"\nurl = "json://127.0.0.1:{port}/x"\n')
        machine.run("systemctl restart sentinel")
        machine.until(lambda: {"a", "b"} <= runs_of(machine).keys(), "both")
        machine.run(f"nohup {DEAD} >/root/dead 2>&1 & echo $! > /root/dead.pid")
        machine.until(lambda: (machine.root / "root/dead").read_text() == "dead\n", "the disk's death")
        machine.until(lambda: int(machine.shows("NRestarts")) > 0, "the watchdog")
        machine.until(lambda: machine.shows("ActiveState") == "active", "the start without that disk")
        assert "a" not in runs_of(machine)
        machine.until(
            lambda: any("/srv/far/runs does not answer" in str(told) for told in machine.told()), "the message"
        )
        (machine.root / "srv/near/b/train.log").write_text(NAN)
        machine.until(lambda: runs_of(machine)["b"]["standing"] == "doomed", "the verdict on the other")
        pid, restarts = machine.shows("MainPID"), machine.shows("NRestarts")
        machine.run("kill $(cat /root/dead.pid); umount -l /srv/far")
        machine.until(
            lambda: "a" in runs_of(machine) if machine.says("ls /run/sentinel/control") else False, "the run again"
        )
        assert (machine.shows("MainPID"), machine.shows("NRestarts")) == (pid, restarts)  # no restart to systemd
        assert "begins anew" in journal(machine, "SENTINEL_KIND=stop")
        assert machine.shows("ActiveState") == "active"
