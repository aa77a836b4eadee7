"""A pid that the kernel really gives again while a plan is under way, before the whole armed daemon: nobody is signalled."""

import json
import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_plan import Stage
from tests.daemon.stopping_night import ROOT

ALONE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def cannot_choose_pids():
    """Why this machine gives no pid on demand, or nothing."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return "a pid namespace of one's own needs root and unshare (util-linux)"
    tried = subprocess.run([*ALONE, "sh", "-c", "echo 999 > /proc/sys/kernel/ns_last_pid"], capture_output=True)
    return "this kernel lets nobody choose the next pid (ns_last_pid)" if tried.returncode else ""


FORBIDDEN = cannot_choose_pids()
pytestmark = [pytest.mark.skipif(bool(FORBIDDEN), reason=FORBIDDEN or "-"), pytest.mark.timeout(300)]
torture = pytest.mark.torture
HELD, RESTARTED = 0, 1  # the daemon held the process all the time; it was killed -9 before, and a new one came after
GONE, ANEW = "its processes have gone", "was started after this plan was made"
UNSAVED, ENDED = "no good checkpoint came; the run ended", "checkpoint: "

CASES = (
    pytest.param(Stage.ANNOUNCED, "healthy", HELD, Stage.VETOED, GONE, marks=torture),
    pytest.param(Stage.ANNOUNCED, "healthy", RESTARTED, Stage.VETOED, GONE, marks=torture),
    (Stage.GRACE, "healthy", HELD, Stage.VETOED, GONE),
    pytest.param(Stage.GRACE, "healthy", RESTARTED, Stage.VETOED, GONE, marks=torture),
    pytest.param(Stage.GRACE, "heir", HELD, Stage.VETOED, ANEW, marks=torture),
    pytest.param(Stage.GRACE, "heir", RESTARTED, Stage.VETOED, ANEW, marks=torture),
    pytest.param(Stage.ASKED, "healthy", HELD, Stage.FAILED, UNSAVED, marks=torture),
    pytest.param(Stage.ASKED, "healthy", RESTARTED, Stage.FAILED, UNSAVED, marks=torture),
    pytest.param(Stage.VERIFIED, "healthy", HELD, Stage.STOPPED, ENDED, marks=torture),
    (Stage.VERIFIED, "healthy", RESTARTED, Stage.STOPPED, ENDED),
)


@pytest.mark.parametrize(("stage", "stranger", "restarted", "end", "why"), CASES)
def test_a_stranger_that_gets_the_pid_of_a_doomed_run_is_never_signalled(
    tmp_path, stage, stranger, restarted, end, why
):
    words = [sys.executable, "-m", "tests.daemon.stopping_reuse", str(tmp_path), stage.value, stranger, str(restarted)]
    done = subprocess.run([*ALONE, *words], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    came = json.loads(done.stdout)
    assert came["stranger"] == came["pid"]  # the kernel gave it again
    assert (came["code"], came["said"], came["saved"]) == (None, "", False)  # it goes on, and heard nothing
    assert came["after"] == came["before"]  # no signal of any kind was sent after the run had gone
    assert (came["plans"], came["strangers_plans"]) == (1, 0)
    assert (came["stage"], why in came["why"]) == (end.value, True), came["why"]
