"""What the child gives up before it opens a stranger's file: memory, files, network, GPU, rights. What it could not
give up is named, and the report shows it.
"""

from __future__ import annotations

import ctypes
import os
import resource

NOBODY = 65534
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 38, 9
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUSER = 0x40000000, 0x08000000, 0x10000000


def leave_capabilities() -> None:
    """Before the child is begun: what a service manager gave us beyond a user's rights does not go on to it."""
    ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def give_up(memory: int, cpu: int, parent: int) -> list[str]:
    """Drop all that can be dropped; what could not be, in words. Whose parent has ended already ends here."""
    kept = []
    for what, limit, most in (
        ("core dumps", resource.RLIMIT_CORE, 0),
        ("processor time", resource.RLIMIT_CPU, cpu),
        ("writing files", resource.RLIMIT_FSIZE, 0),
        ("memory", resource.RLIMIT_DATA, memory),
    ):
        try:
            resource.setrlimit(limit, (most, most))
        except (ValueError, OSError):
            kept.append(what)
    try:
        os.nice(19)
    except OSError:  # a service manager may forbid even this
        kept.append("priority")
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.geteuid() == 0
    if libc.unshare((0 if root else CLONE_NEWUSER) | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        kept.append("network")
    if root and not _become_nobody():
        kept.append("root")
    if libc.prctl(PR_SET_PDEATHSIG, SIGKILL) != 0:  # after the change of user, which takes it away again
        kept.append("living on without its parent")
    if os.getppid() != parent:  # it ended before we could ask to end with it
        os._exit(1)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        kept.append("new privileges")
    if _capable():
        kept.append("capabilities")
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    except (ValueError, OSError):
        kept.append("new processes")
    return kept


def _capable() -> bool:
    """Whether it holds a right that a plain user has not; true too where that cannot be read."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            held = next(line for line in status if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return True
    return int(held.split()[1], 16) != 0


def _become_nobody() -> bool:
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        return False
    return True
