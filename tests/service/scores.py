"""Lays the units out as an administrator would have them, for `systemd-analyze` to judge offline."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"


def laid_out(folder, *drop_ins):
    """The shipped units in a folder, with the named drop-ins in force and a command that exists."""
    for path in UNITS.glob("*.service"):
        text = path.read_text().replace("/opt/sentinel/bin/sentinel", "/bin/true")
        (folder / path.name).write_text(text)
    (folder / "sentinel.service.d").mkdir()
    for name in drop_ins:
        shutil.copy(UNITS / "sentinel.service.d" / name, folder / "sentinel.service.d" / name)
    return folder / "sentinel.service"


def analyze(*words, **environ):
    """`systemd-analyze` with these words: its exit code and all that it said."""
    command = ["systemd-analyze", "--no-pager", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ})
    return done.returncode, done.stdout + done.stderr
