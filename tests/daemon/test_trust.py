"""Who may change a file that a daemon with rights obeys."""

import os
import stat
import struct
import tempfile
from pathlib import Path

import pytest

from sentinel.daemon.trust import am_privileged, distrust, is_privileged

FOLDER, FILE = stat.S_IFDIR, stat.S_IFREG


def facts(kind, mode, uid=0, gid=0):
    return os.stat_result((kind | mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


def looked(**special):
    """A world in which every path is root's, but for those named."""
    usual = {"/x/rules/own.yml": facts(FILE, 0o644)}
    world = {path.replace("_", "/"): fact for path, fact in special.items()}
    return lambda path: {**usual, **world}.get(str(path), facts(FOLDER, 0o755))


RULE = Path("/x/rules/own.yml")


def test_a_file_of_root_in_folders_of_root_is_obeyed():
    assert distrust(RULE, uid=994, look=looked()) == ""


@pytest.mark.parametrize(
    ("special", "mend"),
    [
        ({"/x/rules/own.yml": facts(FILE, 0o666)}, "chmod go-w /x/rules/own.yml"),
        ({"/x/rules/own.yml": facts(FILE, 0o664, gid=100)}, "chmod go-w /x/rules/own.yml"),
        ({"/x/rules/own.yml": facts(FILE, 0o644, uid=1000)}, "chown -h root /x/rules/own.yml"),
        ({"/x/rules": facts(FOLDER, 0o777)}, "chmod go-w /x/rules"),
        ({"/x": facts(FOLDER, 0o755, uid=1000)}, "chown -h root /x"),
    ],
)
def test_whoever_could_change_or_replace_it_is_named_with_the_mending(special, mend):
    def look(path):
        return special.get(str(path)) or looked()(path)

    assert distrust(RULE, uid=994, look=look).endswith(f"mend: {mend}")


def test_a_sticky_folder_lets_nobody_replace_what_is_not_theirs():
    world = {"/x/rules": facts(FOLDER, 0o1777)}
    assert distrust(RULE, 994, lambda path: world.get(str(path)) or looked()(path)) == ""


def test_the_daemons_own_files_are_its_own():
    world = {"/x/rules/own.yml": facts(FILE, 0o600, uid=994)}
    assert distrust(RULE, 994, lambda path: world.get(str(path)) or looked()(path)) == ""


def test_a_link_is_judged_by_where_it_leads(tmp_path):
    target = tmp_path / "target.yml"
    target.write_text("")
    target.chmod(0o666)
    (tmp_path / "own.yml").symlink_to(target)
    assert "target.yml can be changed by others" in distrust(tmp_path / "own.yml", os.geteuid())


def test_what_is_not_there_is_not_obeyed(tmp_path):
    assert "No such file" in distrust(tmp_path / "none.yml", os.geteuid())


@pytest.mark.parametrize(
    ("euid", "capabilities", "expected"),
    [(0, "0000000000000000", True), (994, "0000000000000000", False), (994, "0000000000000004", True)],
)
def test_root_or_any_capability_is_privilege(euid, capabilities, expected):
    assert is_privileged(euid, f"Name:\tx\nCapEff:\t{capabilities}\n") is expected


def test_this_process_can_tell_of_itself():
    assert am_privileged() or os.geteuid() != 0


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")


@as_root
def test_a_link_in_somebody_elses_folder_is_not_obeyed_for_they_can_let_it_lead_elsewhere():
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "rules").mkdir(mode=0o755)
        (place / "rules" / "own.yml").write_text("")
        (place / "theirs").mkdir()
        (place / "theirs" / "link").symlink_to("../rules")
        os.chown(place / "theirs", 54001, 54001)
        assert distrust(place / "rules" / "own.yml", 0) == ""
        assert f"{place}/theirs belongs to uid 54001" in distrust(place / "theirs" / "link" / "own.yml", 0)
        (place / "second").symlink_to("theirs/link")  # and a link of root's to theirs no more
        assert f"{place}/theirs belongs to uid 54001" in distrust(place / "second" / "own.yml", 0)


def test_links_in_a_circle_are_not_obeyed(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert distrust(tmp_path / "a", os.geteuid()) != ""


@as_root
def test_who_is_named_by_an_access_list_alone_is_found():
    """The mode says that root's group may write; the list says that a user may."""
    user, nobody = 54001, 0xFFFFFFFF
    entries = ((1, 6, nobody), (2, 6, user), (4, 4, nobody), (16, 6, nobody), (32, 4, nobody))
    text = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "own.yml")
        path.write_text("")
        path.chmod(0o664)
        assert distrust(path, 0) == ""
        try:
            os.setxattr(path, "system.posix_acl_access", text)
        except OSError as trouble:
            pytest.skip(f"no access lists here: {trouble}")
        assert "its access list names them" in distrust(path, 0)
        assert distrust(path, 0).endswith(f"mend: setfacl -b {path}")
