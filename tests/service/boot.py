"""Boots a real systemd as PID 1 of a container with the host's /usr and an /etc of its own, without any network.

Needs root, `systemd-nspawn` and `dbus`. Nothing is downloaded; what it writes stays in its folder.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from sentinel.cli.asking import NoDaemon, ask
from tests.world.waiting import awaited

REPOSITORY = Path(__file__).parents[2]
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
FOLDERS = "etc/systemd/system usr var/lib proc sys dev run tmp opt/sentinel/bin root home srv/sentinel"
MASKED = """
    console-getty.service getty.target systemd-networkd.service systemd-resolved.service systemd-timesyncd.service
    systemd-logind.service apt-daily.timer apt-daily-upgrade.timer man-db.timer e2scrub_all.timer fstrim.timer
    dpkg-db-backup.timer systemd-update-utmp.service systemd-update-utmp-runlevel.service ldconfig.service
    systemd-tmpfiles-clean.timer systemd-hwdb-update.service systemd-firstboot.service systemd-journal-flush.service
"""
NEEDED = (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux"), ("dbus-daemon", "dbus"))
GROUPS = "root:x:0:\nutmp:x:43:\ntty:x:5:\ndisk:x:6:\nnogroup:x:65534:\nadm:x:4:\n"
USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
BOOTS = itertools.count(1)
DEADLINE = 180  # a busy machine starts a Python slowly


def cannot_boot():
    """Why this machine cannot boot one, or nothing."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    for command, package in NEEDED:
        if not shutil.which(command):
            return f"{command} is missing: apt-get install {package}"
    if not Path("/bin").is_symlink():
        return "the host's /bin is no link to /usr/bin"
    return ""


class Machine:
    """A booted systemd; commands run inside it."""

    def __init__(self, folder, own_usr=False, logind=False):
        """`own_usr`: /usr can be written to, for packages; what is written is forgotten. `logind`: people log in and out."""
        self.own_usr = own_usr
        self.root = folder / "root"
        self.log = folder / "boot.log"
        build_root(self.root)
        if logind:
            add_logind(self.root)

    def __enter__(self):
        with self.log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                nspawn_command(self.root, self.own_usr),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._leader = wait_for(lambda: child_of(self._nspawn.pid, "systemd"), "the container's PID 1", self.log)
            self._leash = leash(self._leader)
            wait_for(self._is_up, "the boot to end", self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_trouble):
        if getattr(self, "_leader", None):
            self.run("systemctl start --no-block --job-mode=replace-irreversibly poweroff.target", check=False)
        try:
            self._nspawn.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            if getattr(self, "_leader", None):
                os.kill(self._leader, signal.SIGKILL)  # it outlives the one that started it
            os.killpg(self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait(DEADLINE)
        if getattr(self, "_leash", None):
            self._leash.communicate(b"gone\n")
            self._leash = self._leader = None

    def run(self, command, check=True, timeout=DEADLINE):
        """What a shell inside says; its exit code is the result's `returncode`."""
        enter = ["nsenter", "-t", str(self._leader), "-m", "-p", "-n", "-i", "-u", "-C", "--", "/bin/sh", "-c", command]
        environ = {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin", "LC_ALL": "C", "HOME": "/root", "SYSTEMD_PAGER": "cat"}
        done = subprocess.run(
            enter, capture_output=True, text=True, errors="replace", timeout=timeout, env=environ, cwd="/"
        )
        if check and done.returncode:
            raise AssertionError(f"{command}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def asks(self, **request):
        """What the daemon of this machine answers; no command is started for it."""
        socket = f"/proc/{self._leader}/root/run/sentinel/control"
        try:
            return ask(Namespace(socket=socket), request)
        except (NoDaemon, OSError):
            return {}

    def says(self, command):
        """The output of a command, whatever its exit code."""
        done = self.run(command, check=False)
        return (done.stdout + done.stderr).strip()

    def shows(self, name, unit="sentinel.service"):
        """One property of a unit."""
        return self.says(f"systemctl show --value -p {name} {unit}")

    def until(self, condition, what, seconds=DEADLINE):
        """Waits for something to be true inside."""
        return wait_for(condition, what, self.log, seconds)

    def serve(self, folder="/root/sink"):
        """A local HTTP server inside that keeps what it is told; `said` reads it. The answer is its port."""
        self.run(f"mkdir -p {folder}")
        program = f"{sys.executable} /srv/sentinel/tests/service/sink.py {folder}"
        self.run(f"nohup {program} >{folder}/log 2>&1 & echo $! > {folder}/pid")
        return self.until((self.root / folder.lstrip("/") / "port").exists, "the sink") and int(
            (self.root / folder.lstrip("/") / "port").read_text()
        )

    def told(self, folder="/root/sink"):
        """What the server was told, in order."""
        return [json.loads(path.read_text()) for path in sorted((self.root / folder.lstrip("/")).glob("*.json"))]

    def write(self, path, text, mode=0o644):
        """A file inside, as root."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def _is_up(self):
        return self.says("systemctl is-system-running") in {"running", "degraded"}


def leash(leader):
    """Ends the machine when this process ends without having done so: it waits on a pipe that only we hold open."""
    watch = f'read word; [ "$word" = gone ] || kill -KILL {leader}'
    return subprocess.Popen(["/bin/sh", "-c", watch], stdin=subprocess.PIPE, start_new_session=True)


def build_root(root):
    """A root with nothing in it but what a boot needs; /usr is the host's, read-only."""
    for name in FOLDERS.split():
        (root / name).mkdir(parents=True)
    for name, target in LINKS.items():
        if Path("/", name).is_symlink():
            (root / name).symlink_to(target)
    etc = root / "etc"
    shutil.copy("/etc/os-release", etc / "os-release")
    (etc / "passwd").write_text(USERS)
    (etc / "group").write_text(GROUPS)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
    (etc / "machine-id").write_text("5f1d7a84db2446c1967e00adb9f7a7aa\n")
    for unit in MASKED.split():
        (etc / "systemd/system" / unit).symlink_to("/dev/null")
    put_command(root / "opt/sentinel/bin/sentinel")


def add_logind(root):
    """Sessions and lingering as on a real machine; PAM lets everybody in."""
    (root / "etc/systemd/system/systemd-logind.service").unlink()
    (root / "etc/pam.d").mkdir()
    for name in ("systemd-user", "login", "other"):
        lines = ("account required pam_permit.so", "auth required pam_permit.so", "session optional pam_systemd.so")
        (root / "etc/pam.d" / name).write_text("\n".join(lines) + "\n")


def put_command(place):
    """The command of this checkout, where the shipped units look for it."""
    start = f'exec {sys.executable} -P -m sentinel "$@"'
    place.write_text(f"#!/bin/sh\nexport PYTHONPATH=/srv/sentinel PYTHONDONTWRITEBYTECODE=1\n{start}\n")
    place.chmod(0o755)


def nspawn_command(root, own_usr):
    """How the container is started; the interpreter is bound where it lies outside /usr."""
    prefixes = {sys.prefix, sys.base_prefix}
    outside = sorted(prefix for prefix in prefixes if not Path(prefix).is_relative_to("/usr"))
    binds = [*outside, f"{REPOSITORY}:/srv/sentinel"]
    fuse = ["--bind=/dev/fuse"] if os.path.exists("/dev/fuse") else []  # for disks that do not answer
    usr = "--overlay=/usr::/usr" if own_usr else "--bind-ro=/usr"
    options = "--register=no --keep-unit --private-network --console=pipe --link-journal=no --capability=CAP_SYSLOG -q"
    name = f"--machine=sentinel-test-{os.getpid()}-{next(BOOTS)}"
    return [
        *("setpriv", "--pdeathsig", "KILL"),  # a test run that is killed takes its machine along
        "systemd-nspawn",
        "-b",
        "-D",
        str(root),
        name,
        usr,
        *options.split(),
        *fuse,
        *(f"--bind-ro={bind}" for bind in binds),
    ]


def child_of(pid, name):
    """The child of that process with that name."""
    for line in subprocess.run(["pgrep", "-P", str(pid), "-x", name], capture_output=True, text=True).stdout.split():
        return int(line)
    return None


def wait_for(condition, what, log, seconds=DEADLINE):
    """What `condition` gives once it is true; the boot's log when it never is."""
    return awaited(condition, seconds, lambda: f"{what}\n{log.read_text(errors='replace')[-4000:]}", every=0.1)
