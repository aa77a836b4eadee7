"""Rule files that a stranger puts beside a run: whatever they are, nothing of another's is read, and nothing hangs."""

from __future__ import annotations

import json
import os
import stat
import time

import pytest

from sentinel.core.telling_letter import letter_from
from sentinel.outlets.plain import brief
from sentinel.sources.own_rules import LARGEST, LARGEST_IN_ALL, MOST_FILES, MOST_NAMES, Place, read_own, stamp_of
from tests.daemon.test_own_rules import MINE, Home, begun
from tests.security.test_text import steering
from tests.security.test_users import ADA, EVE, as_user, ask, daemon, place, until  # noqa: F401

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="taking on other users' ids needs root")
GOOD = MINE % 3
SECRET = "signature: the-secret-of-somebody-else"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / ".sentinel" / "rules").mkdir(parents=True)
    (tmp_path / "secret.yml").write_text(SECRET)
    return folder


def read(run, uid=None):
    begun_at = time.monotonic()
    at = Place(str(run), os.stat(run).st_uid if uid is None else uid)
    stamp_of(at)
    found = read_own(at)
    assert time.monotonic() - begun_at < 1.0
    assert SECRET not in repr(found)
    return found


def names(found):
    return [name for name, _ in found.texts]


def why(found):
    return " | ".join(str(fault) for fault in found.faults)


def test_plain_files_of_the_user_are_read_in_name_order(run):
    rules = run / ".sentinel" / "rules"
    for name in ("b.yml", "a.yaml", "README.md", ".hidden.yml", "c.yml~"):
        (rules / name).write_text(GOOD)
    found = read(run)
    assert names(found) == ["a.yaml", "b.yml"]
    assert found.texts[0] == ("a.yaml", GOOD)
    assert not found.faults


def test_nothing_there_is_nothing_wrong(tmp_path):
    at = Place(str(tmp_path), os.getuid())
    assert (stamp_of(at), read_own(at).faults) == (None, ())
    assert stamp_of(Place(str(tmp_path / "none"), os.getuid())) is None
    (tmp_path / "train.log").write_text("x")
    assert stamp_of(Place(str(tmp_path / "train.log"), os.getuid())) is None  # a log that is a run of its own


FILES = {
    "a link to a secret": lambda path, secret: path.symlink_to(secret),
    "a link to /etc/shadow": lambda path, _: path.symlink_to("/etc/shadow"),
    "a link to itself": lambda path, _: path.symlink_to(path),
    "a second name": lambda path, secret: os.link(secret, path),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
    "a sparse terabyte": lambda path, _: (path.touch(), os.truncate(path, 1 << 40)),
    "a little too large": lambda path, _: path.write_bytes(b"#" * (LARGEST + 1)),
    "no text": lambda path, _: path.write_bytes(b"\xff\xfe\0\0"),
    "writable by others": lambda path, _: (path.write_text(GOOD), path.chmod(0o666)),
    "writable by a group": lambda path, _: (path.write_text(GOOD), path.chmod(0o664)),
}


@pytest.mark.parametrize("trick", FILES)
def test_a_file_that_is_not_what_it_should_be_is_named_and_the_others_are_read(run, trick):
    rules = run / ".sentinel" / "rules"
    (rules / "good.yml").write_text(GOOD)
    FILES[trick](rules / "bad.yml", run.parent / "secret.yml")
    found = read(run)
    assert names(found) == ["good.yml"]
    assert f"{rules}/bad.yml: " in why(found)
    if "writable" in trick:
        assert f"mend: chmod go-w {rules}/bad.yml" in why(found)


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK])
@ROOT
def test_a_device_is_not_opened(run, kind):
    os.mknod(run / ".sentinel" / "rules" / "zero.yml", kind | 0o666, os.makedev(1, 5))
    assert "no plain file" in why(read(run))


@pytest.mark.parametrize("part", [".sentinel", ".sentinel/rules"])
@pytest.mark.parametrize("trick", ["link", "file", "pipe", "open to all"])
def test_a_folder_on_the_way_that_is_none_of_the_users_own_leads_nowhere(run, part, trick):
    elsewhere = run.parent / "elsewhere" / "rules"
    elsewhere.mkdir(parents=True)
    (elsewhere / "other.yml").write_text(SECRET)
    (elsewhere.parent / "other.yml").write_text(SECRET)
    (run / ".sentinel" / "rules" / "good.yml").write_text(GOOD)
    at = run / part
    if trick == "open to all":
        at.chmod(0o777)
    else:
        (run / ".sentinel").rename(run / "moved")
        at.parent.mkdir(exist_ok=True)
        {"link": lambda: at.symlink_to(elsewhere.parent if part == ".sentinel" else elsewhere),
         "file": at.touch, "pipe": lambda: os.mkfifo(at)}[trick]()  # fmt: skip
    found = read(run)
    assert found.texts == ()
    assert str(at) in why(found)


def test_ten_thousand_files_are_none(run):
    rules = run / ".sentinel" / "rules"
    for n in range(10_000):
        (rules / f"{n}.yml").touch()
    found = read(run)
    assert found.texts == ()
    assert f"more than {MOST_NAMES} names" in why(found)


def test_more_files_or_more_bytes_than_are_read_are_said(run):
    rules = run / ".sentinel" / "rules"
    for n in range(MOST_FILES):
        (rules / f"{n}.yml").write_text("#" * (LARGEST - 1))
    found = read(run)
    assert len(found.texts) == LARGEST_IN_ALL // (LARGEST - 1)
    assert f"at most {LARGEST_IN_ALL >> 10} KiB together" in why(found)
    (rules / "one-more.yml").touch()
    assert read(run).texts == ()


def test_names_files_and_folders_inside_are_said_to_be_left_out(run):
    rules = run / ".sentinel" / "rules"
    (rules / "names.yml").write_text("train.loss: {better: higher}")
    (rules / "more").mkdir()
    found = read(run)
    assert found.texts == ()
    assert "`names:` says" in why(found)
    assert "side by side" in why(found)


def test_a_name_that_steers_a_terminal_is_written_out(run):
    (run / ".sentinel" / "rules" / "x\x1b[2J\n.yml").symlink_to("/etc/passwd")
    (run / ".sentinel" / "rules" / os.fsdecode(b"\xff.yml")).touch()
    found = read(run)
    assert steering(repr(names(found)) + why(found)) == []
    json.dumps(why(found)).encode()


def test_what_moves_moves_the_stamp_and_a_look_alone_does_not(run):
    at, file = Place(str(run), os.getuid()), run / ".sentinel" / "rules" / "a.yml"
    stamps = [stamp_of(at)]
    for change in (lambda: file.write_text("a"), lambda: file.write_text("ab"), lambda: file.chmod(0o600), file.unlink):
        change()
        stamps += [stamp_of(at)]
        assert stamps[-1] == stamp_of(at)
    assert len(set(stamps)) == 5


@ROOT
def test_what_belongs_to_another_user_is_not_read_wherever_it_lies(run):
    file = run / ".sentinel" / "rules" / "a.yml"
    file.write_text(GOOD)
    for path in (run, run / ".sentinel", run / ".sentinel" / "rules", file):
        os.chown(path, ADA, ADA)
    assert names(read(run, ADA)) == ["a.yml"]
    for path in (file, run / ".sentinel" / "rules", run / ".sentinel"):
        os.chown(path, EVE, EVE)
        found = read(run, ADA)
        assert found.texts == ()
        assert f"belongs to uid {EVE}" in why(found)
        os.chown(path, ADA, ADA)
    assert "not the user's folder any more" in why(read(run, EVE))


@ROOT
def test_eve_cannot_put_rules_beside_adas_run_even_where_she_may_write(place):  # noqa: F811
    run = place / "runs" / "ada"
    run.chmod(0o777)
    code = "import os, sys; os.makedirs(sys.argv[1]); open(sys.argv[1] + '/e.yml', 'w').write(sys.argv[2])"
    assert as_user(EVE, code, run / ".sentinel" / "rules", GOOD).returncode == 0
    found = read(run, ADA)
    assert found.texts == ()
    assert f"belongs to uid {EVE}" in why(found)


@ROOT
def test_eves_folder_that_became_a_link_to_adas_brings_nothing(place):  # noqa: F811
    rules = place / "runs" / "ada" / ".sentinel" / "rules"
    rules.mkdir(parents=True)
    (rules / "a.yml").write_text(SECRET)
    for path in (rules.parent, rules, rules / "a.yml"):
        os.chown(path, ADA, ADA)
    (place / "runs" / "eve").rmdir()
    (place / "runs" / "eve").symlink_to(place / "runs" / "ada")
    assert read_own(Place(str(place / "runs" / "eve"), EVE)).texts == ()


@ROOT
def test_as_root_each_users_rules_meet_their_own_run_and_faults_are_shown_to_them_alone(place, daemon):  # noqa: F811
    for name, uid, text in (("ada", ADA, GOOD), ("eve", EVE, GOOD.replace("when:", "wenn:") + "secret: 1\n")):
        run = place / "runs" / name
        rules = run / ".sentinel" / "rules"
        rules.mkdir(parents=True)
        (rules / "mine.yml").write_text(text)
        (run / "train.log").write_text("step=1 loss=5.0\nstep=2 loss=5.0\n")
        for path in (rules.parent, rules, rules / "mine.yml", run / "train.log"):
            os.chown(path, uid, uid)
        rules.parent.chmod(0o700)
    wanted = lambda: {a["run"] for a in ask(place, 0, ask="status")["alerts"] if a["signature"] == "own:mine"}  # noqa: E731
    assert until(lambda: wanted() == {"ada"}, 30)
    assert until(lambda: ask(place, EVE, ask="status")["own_faults"])
    shown = {uid: json.dumps(ask(place, uid, ask="status")["own_faults"]) for uid in (ADA, EVE, 0)}
    assert "'secret' is no key here" in shown[EVE]
    assert "'secret' is no key here" in shown[0]
    assert shown[ADA] == "[]"
    assert "secret" not in (place / "out.txt").read_text()


# --- what their texts say ----------------------------------------------------------------------------------------------

HOSTILE = r"\e[2J\e]0;owned\a\u202egnp.exe <script>x()</script> <!channel> [here](javascript:x)\r\nBcc: eve@example.org"


def test_the_texts_of_such_a_rule_are_a_strangers_in_every_outlet(tmp_path):
    text = f'''signature: mine
title: "{HOSTILE}"
family: dynamics
why: ["{HOSTILE}"]
try: ["{HOSTILE}"]
wrong_if: ["{HOSTILE}"]
rules:
  - {{rule: big, when: train.loss > 3, severity: critical, say: "{HOSTILE} {{train.loss:.0f}}"}}
'''
    home = Home(tmp_path)
    try:
        home.own("r", text)
        begun(home, "r")
        home.until(home.own_alerts)
        home.until(home.letters)
        letters = [letter_from(each) for _, _, each in home.letters()]
        (letter,) = [each for each in letters if each.change is not None and each.change.signature == "own:mine"]
        assert letter.story.why
        shown = brief(letter, None)
        assert "owned" in shown
        assert steering(shown) == []
    finally:
        home.daemon.close()
