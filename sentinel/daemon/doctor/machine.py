"""Checks of the machine: NVML, the kernel's log, the clock, units and their score, the daemon, extras."""

from __future__ import annotations

import glob
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sentinel.daemon.doctor.findings import Finding, Patient, State, as_account
from sentinel.daemon.install_plan import SHIPPED_COMMAND, Place, shipped, user_unit
from sentinel.sources.kernel import KMSG
from sentinel.sources.kernel_journal import may_read

EXTRAS = {  # a module or command: what to install for it, what is lost without it
    "matplotlib": ("matplotlib", "messages carry a small curve without axes"),
    "pandas": ("pandas", "`replay` and `backtest` write no tables"),
    "torch": ("torch safetensors numpy", "checkpoints are checked by their structure, not by their numbers"),
    "py-spy": ("py-spy", "a silent run's message does not say where it hangs"),
}
_NVML = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount(), n.nvmlSystemGetDriverVersion())"
_SCORE = re.compile(r"exposure level for \S+: ([\d.]+)")
OWN_UNIT = ".config/systemd/user/sentinel.service"
HIGHEST_SCORE = 3.3
BESIDE = Path(sys.executable).parent  # the commands of our own environment, which is rarely on a service's PATH
NOTHING = subprocess.DEVNULL


def gpu(patient: Patient) -> list[Finding]:
    """NVML answers wherever there is a GPU to ask."""
    if not patient.known.gpu.enabled:
        return [Finding("gpu", State.NOTE, "switched off in the settings: [gpu] enabled = false")]
    if not Path("/proc/driver/nvidia").is_dir() and not glob.glob("/dev/nvidia[0-9]*"):
        return [Finding("gpu", State.NOTE, "this machine has no NVIDIA driver; GPUs are not watched")]
    code, said = asked([sys.executable, "-c", _NVML], 15)
    if code == 0:
        return [Finding("gpu", State.OK, f"NVML answers: {said} (GPUs, driver)")]
    cure = "nvidia-smi; if it fails too, reinstall the driver; if not, set [gpu] library to libnvidia-ml.so.1"
    return [Finding("gpu", State.MISSING, f"NVML does not answer: {said}", cure)]


def kernel_log(patient: Patient) -> list[Finding]:
    """The kernel's log can be read: Xid errors and out-of-memory kills stand there."""
    path = patient.known.host.kernel_log
    if not path or not patient.known.host.enabled:
        return [Finding("kernel log", State.NOTE, "switched off in the settings: [host] kernel_log")]
    trouble = as_account(patient.account, lambda: opened(path))
    if not trouble or (patient.account.sees_all and Path(path).exists()):
        return [Finding("kernel log", State.OK, path)]
    if path == KMSG and as_account(patient.account, lambda: ["yes"] if may_read() else []):
        return [Finding("kernel log", State.OK, f"{path}: {trouble[0]}; its lines are taken from systemd's journal")]
    what = f"{path}: {trouble[0]}: GPU errors (Xid) and out-of-memory kills stay unseen"
    if not os.path.lexists(path):  # no right opens what is not there
        return [
            Finding(
                "kernel log", State.NOTE, what, f"where this machine writes it, as [host] kernel_log in {patient.path}"
            )
        ]
    return [Finding("kernel log", State.MISSING, what, "sudo sentinel install --rights see-all")]


def opened(path: str) -> list[str]:
    """Why a file cannot be opened for reading; nothing when it can."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return [error.strerror or str(error)]
    return []


def clock(_patient: Patient) -> list[Finding]:
    """The clock is kept right: stamps, quiet hours and messages depend on it."""
    code, said = asked(["timedatectl", "show", "-p", "NTPSynchronized", "--value"])
    if code or said not in {"yes", "no"}:
        return [Finding("clock", State.NOTE, "whether the clock is kept right cannot be told here")]
    if said == "no":
        nobody = asked(["timedatectl", "show", "-p", "CanNTP", "--value"])[1] == "no"
        cure = "sudo apt-get install -y systemd-timesyncd" if nobody else "sudo timedatectl set-ntp true"
        return [Finding("clock", State.MISSING, "the clock is not synchronised", cure)]
    return [Finding("clock", State.OK, "synchronised")]


def units(patient: Patient) -> list[Finding]:
    """The installed unit is that of this version, gives away no more than promised, and runs."""
    own = Path.home() / OWN_UNIT
    if patient.unit is not None:
        return [_fresh(patient.unit), *_score(patient.unit), _running(patient.unit.name)]
    if own.is_file():
        return [_fresh(own, "--user"), _running(own.name, "--user"), _lingers(pwd.getpwuid(os.geteuid()).pw_name)]
    what = "no service is installed; nothing watches after a reboot"
    return [Finding("unit", State.NOTE, what, "sudo sentinel install (or, without root: sentinel install --user)")]


def _fresh(unit: Path, whose: str = "") -> Finding:
    text = unit.read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=(.+) run ", text, re.MULTILINE)
    place = Place(command[1] if command else "", home=Path.home())
    ships = user_unit(unit.name, place) if whose else shipped(unit.name).replace(SHIPPED_COMMAND, place.command)
    if text == ships:
        return Finding("unit", State.OK, f"{unit} is of this version")
    what = f"{unit} is not as this version ships it; own changes belong in: systemctl {whose} edit sentinel"
    return Finding(
        "unit", State.NOTE, " ".join(what.split()), "sentinel install --user" if whose else "sudo sentinel install"
    )


def _lingers(user: str, people: Path = Path("/var/lib/systemd/linger")) -> Finding:
    if (people / user).exists():
        return Finding("unit", State.OK, "it goes on after you log out")
    return Finding("unit", State.MISSING, "the watch ends when you log out", f"loginctl enable-linger {user}")


def _score(unit: Path) -> list[Finding]:
    code, said = asked(["systemd-analyze", "--no-pager", "security", "--offline=true", str(unit)])
    found = _SCORE.search(said)
    if code or not found:
        return []
    state = State.OK if float(found[1]) <= HIGHEST_SCORE else State.NOTE
    cure = "" if state is State.OK else "systemctl cat sentinel: which drop-in gives that much away?"
    return [Finding("unit", state, f"exposure {found[1]} of 10 (systemd-analyze security)", cure)]


def _running(name: str, whose: str = "") -> Finding:
    code, said = asked(["systemctl", *filter(None, [whose]), "is-active", name])
    if code == 0:
        return Finding("unit", State.OK, f"{name} is active")
    why = f"{name} is {said or 'not running'}; why: journalctl {whose} -u sentinel -n 20"
    start = f"{'systemctl --user' if whose else 'sudo systemctl'} restart sentinel"  # also after a start limit
    return Finding("unit", State.MISSING, " ".join(why.split()), start)


def extras(_patient: Patient) -> list[Finding]:
    """What can be installed beside Sentinel, and what is lost without it."""
    return [_extra(module, *facts) for module, facts in EXTRAS.items()]


def _extra(module: str, packages: str, lost: str) -> Finding:
    if importlib.util.find_spec(module) or shutil.which(module, path=f"{os.environ.get('PATH', os.defpath)}:{BESIDE}"):
        return Finding("extras", State.OK, f"{module} is there")
    return Finding("extras", State.NOTE, f"without {module} {lost}", adding(packages))


def adding(packages: str) -> str:
    """The command that adds packages to the very environment that this Sentinel runs in; a Debian package's has no pip."""
    own = Path(sys.prefix).stat().st_uid == os.geteuid()
    pip = f"{sys.executable} -m pip" if importlib.util.find_spec("pip") else f"python3 -m pip --python {sys.prefix}"
    return f"{'' if own else 'sudo '}{pip} install {packages}"


def asked(words: list[str], seconds: float = 10) -> tuple[int, str]:
    """What a command answers in time, on one line."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        return 127, f"{words[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {seconds:.0f} s"
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return done.returncode, said[-1] if said else ""
