"""What a process has open is known without a touch of the disk where it lies: a dead one holds nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.sources.mounts import FAR
from sentinel.sources.processes.open_files import open_files
from sentinel.sources.processes.process import FileId

ROOT = Path(__file__).parents[2]
DISK = Path(__file__).with_name("one_file_disk.py")
LOOK = """
import sys
from sentinel.sources.processes.open_files import open_files
print([(file.path, file.id) for file in open_files(f"/proc/{sys.argv[1]}").writes])
"""


@pytest.mark.parametrize(
    ("line", "far"),
    [
        ("41 27 0:52 / /data rw - nfs4 files:/data rw", True),
        ("42 27 0:53 / /mnt/s3 rw - fuse.s3fs s3fs rw", True),
        ("43 27 0:54 / /mnt/x rw - fuse.one one rw", True),
        ("44 27 0:55 / /scratch rw shared:7 - lustre a@tcp:/x rw", True),
        ("45 27 8:1 / /nfs rw - ext4 /dev/nfs rw", False),
        ("46 27 0:23 / /sys/fs/fuse/connections rw - fusectl fusectl rw", False),
    ],
)
def test_a_mount_behind_a_server_is_known_by_its_kind(line, far):
    assert bool(FAR.search(line)) == far


def test_a_file_is_known_by_its_device_and_inode(tmp_path):
    with (tmp_path / "log").open("w") as file:
        found = os.fstat(file.fileno())
        files = {each.path: each.id for each in open_files(f"/proc/{os.getpid()}").writes}
        assert files[str(tmp_path / "log")] == FileId(found.st_dev, found.st_ino)


def test_the_kernels_note_of_a_descriptor_names_the_same_file_as_a_look_at_it(tmp_path, monkeypatch):
    import re

    with (tmp_path / "log").open("w") as file:
        found = os.fstat(file.fileno())
        monkeypatch.setattr("sentinel.sources.processes.open_files.FAR", re.compile(" - "))  # as if all were far
        monkeypatch.setattr("sentinel.sources.processes.open_files._regular", lambda _link: None)
        files = {each.path: each.id for each in open_files(f"/proc/{os.getpid()}").writes}
        assert files[str(tmp_path / "log")] == FileId(found.st_dev, found.st_ino)


@pytest.mark.skipif(os.getuid() != 0 or not os.path.exists("/dev/fuse"), reason="needs root and /dev/fuse")
def test_a_file_on_a_disk_that_went_dead_is_named_and_nobody_waits(tmp_path):
    (tmp_path / "far").mkdir()
    with subprocess.Popen([sys.executable, DISK, tmp_path / "far"], stdout=subprocess.PIPE) as disk:
        try:
            assert disk.stdout.readline() == b"dead\n"
            look = [sys.executable, "-c", LOOK, str(disk.pid)]
            found = subprocess.run(look, cwd=ROOT, capture_output=True, text=True, timeout=60)
            assert f"('{tmp_path}/far/log', FileId(device=" in found.stdout, found
            assert "inode=77" in found.stdout
        finally:
            disk.kill()
            disk.wait()
            subprocess.run(["umount", "-l", tmp_path / "far"], check=False)
