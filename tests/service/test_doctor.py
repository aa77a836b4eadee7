"""`sentinel doctor`: each precondition, broken on purpose, is named with the command that mends it."""

import argparse
import grp
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentinel import __version__
from sentinel.cli import doctor
from sentinel.daemon import last_word, sending
from sentinel.daemon.doctor import channels, files, findings, machine, running
from sentinel.daemon.doctor.examination import examine, examine_apart, patient_at
from sentinel.daemon.doctor.findings import Account, Finding, Patient, State, as_account
from sentinel.daemon.settings import parse_settings

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="taking another account's rights needs root")
NOBODY = Account("nobody", 65534, (65534,))
ME = Account("me", os.geteuid(), (os.getegid(),))


def patient(text="", account=ME, path="/etc/sentinel/sentinel.toml", **more):
    settings, faults = parse_settings(text, "sentinel.toml")
    return Patient(path, settings, faults, account, **more)


def worst(found):
    return next((finding for finding in found if finding.state is State.MISSING), None)


@pytest.fixture
def open_tmp():
    """A folder that other accounts can reach. Not pytest's: whenever another pytest starts, it closes them all."""
    with tempfile.TemporaryDirectory(prefix="sentinel-doctor-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@as_root
def test_a_closed_home_names_the_users_own_service_as_the_cure(open_tmp):
    home = open_tmp / "ada"
    (home / "runs" / "a").mkdir(parents=True)
    os.chown(home, 12345, 12345)
    home.chmod(0o700)
    found = worst(files.watches(patient(f'[[watch]]\nruns = "{home}/runs/*"\n', NOBODY)))
    assert f"{home}/runs/a" in found.what or str(home) in found.what
    assert "sentinel install --user" in found.cure
    assert "sudo sentinel install --rights see-all" in found.cure


@as_root
def test_a_file_of_a_group_is_mended_by_joining_the_group(open_tmp):
    run = open_tmp / "runs" / "a"
    run.mkdir(parents=True)
    log = run / "train.log"
    log.write_text("step 1\n")
    os.chown(log, 12345, 4)
    log.chmod(0o640)
    found = worst(files.watches(patient(f'[[watch]]\nruns = "{open_tmp}/runs/*"\n', NOBODY)))
    assert found.what == f"{log} may not be read (mode 640, of uid 12345)"
    assert found.cure.startswith("sudo usermod -aG adm nobody")


def test_what_can_be_read_is_counted(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    found = files.watches(patient(f'[[watch]]\nname = "nlp"\nruns = "{tmp_path}/*"\n'))
    assert [(f.check, f.state) for f in found] == [("watch nlp", State.OK)]
    assert "2 matches" in found[0].what


def test_a_pattern_without_a_match_is_a_note(tmp_path):
    (found,) = files.watches(patient(f'[[watch]]\nruns = "{tmp_path}/none/*"\n'))
    assert found.state is State.NOTE


def test_a_network_folder_is_recognised_by_its_mount(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nnas:/x {tmp_path} nfs4 rw 0 0\n/dev/sdb {tmp_path}/local xfs rw 0 0\n")
    assert files.network_kind(tmp_path / "runs", str(mounts)) == "nfs4"
    assert files.network_kind(tmp_path / "local" / "runs", str(mounts)) == ""


def test_too_few_inotify_watches_are_mended_by_one_line(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).mkdir()
    limit = tmp_path / "limit"
    limit.write_text("2")
    monkeypatch.setattr(files, "_LIMITS", limit)
    found = worst(files.inotify(patient(f'[[watch]]\nruns = "{tmp_path}/*"\n')))
    assert found.what == "3 folders, 2 watches"
    assert "fs.inotify.max_user_watches=524288" in found.cure


def test_a_broken_state_file_is_found(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    whole = state / "a.db"
    with sqlite3.connect(whole) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    (state / "b.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    found = files.state(patient(f'[sentinel]\nstate = "{state}"\n'))
    assert "b.db" in worst(found).what
    assert any("a.db is whole" in finding.what for finding in found)


@as_root
def test_a_state_folder_that_the_service_may_not_write_is_named(open_tmp):
    found = worst(files.state(patient(f'[sentinel]\nstate = "{open_tmp}"\n', NOBODY)))
    assert found.cure == f"sudo chown -R nobody {open_tmp}"


def test_settings_that_others_may_change_are_refused(tmp_path):
    path = tmp_path / "sentinel.toml"
    path.write_text("")
    path.chmod(0o666)
    found = worst(files.settings(patient(path=path)))
    assert found.cure == f"chmod go-w {path}"


@as_root
def test_settings_and_rules_that_the_service_may_not_read_are_named_and_the_cure_opens_them(open_tmp):
    path, rule = open_tmp / "sentinel.toml", open_tmp / "mine.yml"
    for place in (path, rule):
        place.write_text("")
        place.chmod(0o640)
    subject = patient(f'[sentinel]\nrules = ["{open_tmp}"]\n', NOBODY, path=path)
    for check in (files.settings, running.rules):
        found = worst(check(subject))
        assert "may not be read (mode 640, of root)" in found.what
        assert found.cure.startswith("sudo chgrp nobody ")
        command = found.cure.replace("sudo ", "").replace(
            "chgrp nobody", "chgrp 65534"
        )  # a group of that name need not be
        subprocess.run(command, shell=True, check=True)
        found = worst(check(subject))
        assert found is None or "may not be read" not in found.what


def test_faults_of_the_settings_are_shown_with_their_line(tmp_path):
    path = tmp_path / "sentinel.toml"
    path.write_text("[tell]\ngrup = 3\n")
    found = worst(files.settings(patient_at(path)))
    assert f"{path}:2:1" in found.what


@as_root
def test_a_closed_kernel_log_says_what_stays_unseen(open_tmp):
    log = open_tmp / "kmsg"
    log.write_text("")
    log.chmod(0o600)
    found = worst(machine.kernel_log(patient(f'[host]\nkernel_log = "{log}"\n', NOBODY)))
    assert "Xid" in found.what
    assert "see-all" in found.cure


@as_root
def test_a_closed_kernel_log_is_no_loss_where_the_journal_may_be_read(open_tmp, monkeypatch):
    log = open_tmp / "kmsg"
    log.write_text("")
    log.chmod(0o600)
    monkeypatch.setattr(machine, "KMSG", str(log))
    monkeypatch.setattr(machine, "may_read", lambda: True)
    (found,) = machine.kernel_log(patient(f'[host]\nkernel_log = "{log}"\n', NOBODY))
    assert found.state is State.OK
    assert "journal" in found.what


def test_the_groups_that_a_unit_and_its_drop_ins_give_count_as_the_services(tmp_path, monkeypatch):
    unit = tmp_path / "sentinel.service"
    unit.write_text("[Service]\nSupplementaryGroups=no-such-group root\n")
    (tmp_path / "ml.conf").write_text("[Service]\nSupplementaryGroups=daemon\n")
    monkeypatch.setattr(findings, "_drop_ins", lambda pattern: sorted(tmp_path.glob(pattern)))
    assert set(findings.unit_groups(unit)) == {grp.getgrnam("root").gr_gid, grp.getgrnam("daemon").gr_gid}


def test_a_kernel_log_that_this_machine_has_not_is_no_matter_of_rights(tmp_path):
    (found,) = machine.kernel_log(patient(f'[host]\nkernel_log = "{tmp_path}/kmsg"\n'))
    assert found.state is State.NOTE
    assert "Xid" in found.what
    assert "see-all" not in found.cure


def test_a_check_that_breaks_does_not_silence_the_others():
    def broken(_patient):
        raise RuntimeError("boom")

    found = list(examine(patient(), (broken, lambda _patient: [Finding("x", State.OK, "fine")])))
    assert [finding.state for finding in found] == [State.MISSING, State.OK]
    assert "boom" in found[0].what


@as_root
def test_another_accounts_answer_is_asked_with_its_rights_and_ours_stay():
    assert as_account(NOBODY, lambda: [str(os.geteuid()), str(os.getgroups())]) == ["65534", "[65534]"]
    assert os.geteuid() == 0


def test_every_finding_is_one_json_object(tmp_path, capsys):
    from sentinel.cli import doctor

    parser = argparse.ArgumentParser()
    doctor.configure(parser)
    path = tmp_path / "sentinel.toml"
    path.write_text(f'[sentinel]\nstate = "{tmp_path}/state"\n')
    assert doctor.run(parser.parse_args(["--settings", str(path), "--json"])) in {0, 1}
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"settings", "gpu", "clock", "extras"} <= {thing["check"] for thing in objects}
    assert all(set(thing) == {"v", "check", "state", "what", "cure"} for thing in objects)


@contextmanager
def server(answer=b""):
    """A port that says one thing to who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard = []

        def serve():
            connection, _ = listener.accept()
            with connection:
                if answer:
                    heard.append(connection.recv(4096).decode())
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(10)


def told(url, tell=""):
    text = f'[tell]\n{tell}\n[[channel]]\nname = "x"\nurl = "{url}"\n'
    (found,) = channels.channels(patient(text, environ={}))
    return found


def test_a_channel_that_answers_is_fine_and_its_secret_is_not_shown():
    with server() as (port, _):
        found = told(f"json://ada:hunter22@127.0.0.1:{port}/hooks/T0SECRET")
    assert found.state is State.OK
    assert "hunter22" not in str(found)
    assert "T0SECRET" not in str(found)


def test_a_closed_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = told(f"json://127.0.0.1:{port}/")
    assert found.state is State.MISSING
    assert f"127.0.0.1:{port} is not reached directly" in found.what


def test_the_proxy_in_force_is_asked_as_a_sender_would_ask_it():
    with server(b"HTTP/1.1 200 Connection established\r\n\r\n") as (port, heard):
        found = told("slack://a/b/c", f'proxy = "http://u:p%40ss@127.0.0.1:{port}"')
    assert found.what.startswith("slack.com:443 answers through the proxy")
    assert heard[0].startswith("CONNECT slack.com:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic dTpwQHNz" in heard[0]


def test_a_proxy_that_refuses_is_quoted():
    with server(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as (port, _):
        found = told("slack://a/b/c", f'proxy = "http://127.0.0.1:{port}"')
    assert "the proxy says 407 Proxy Authentication" in found.what


def test_an_address_that_cannot_be_had_says_what_mends_it():
    found = told("env:NO_SUCH_VARIABLE")
    assert found.state is State.MISSING
    assert "NO_SUCH_VARIABLE" in found.what


def test_nobody_to_tell_is_a_note():
    (found,) = channels.channels(patient())
    assert found.state is State.NOTE


def test_the_last_word_reaches_the_channels_with_what_is_missing(tmp_path, capsys):
    from sentinel.cli import doctor

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as hooks:
        hooks.heard = []
        thread = threading.Thread(target=hooks.serve_forever, daemon=True)
        thread.start()
        path = tmp_path / "sentinel.toml"
        path.write_text(
            f'[sentinel]\nstate = "{tmp_path}"\n[host]\nkernel_log = "{tmp_path}/none"\n'
            f'[[channel]]\nname = "hook"\nurl = "json://127.0.0.1:{hooks.server_port}/x"\n'
            '[[channel]]\nname = "gone"\nurl = "env:NO_SUCH_VARIABLE"\n'
        )
        parser = argparse.ArgumentParser()
        doctor.configure(parser)
        try:
            doctor.run(parser.parse_args(["--settings", str(path), "--tell", "Sentinel has given up"]))
        finally:
            hooks.shutdown()
            thread.join()
    assert "Sentinel has given up" in hooks.heard[0]
    assert "channel gone: the environment has no NO_SUCH_VARIABLE" in hooks.heard[0]
    assert "channel gone: " in capsys.readouterr().err


def test_people_see_aligned_lines_and_each_cure_once():
    found = [
        Finding("rules", State.MISSING, "a", "sentinel check"), Finding("rules", State.MISSING, "b", "sentinel check"),
        Finding("watch nlp", State.OK, "3 matches"),
    ]  # fmt: skip
    assert list(doctor.lines_of(found, as_json=False)) == [
        "MISS  rules      a",
        "MISS             b",
        "                 -> sentinel check",
        "ok    watch nlp  3 matches",
        "",
        "2 things are missing; the arrow below each says how to mend it",
    ]


def test_broken_rules_are_found_with_their_place(tmp_path):
    (tmp_path / "mine.yml").write_text("signature: mine\nrules:\n  - rule: x\n    wenn: 1\n")
    found = running.rules(patient(f'[sentinel]\nrules = ["{tmp_path}"]\n'))
    assert {finding.state for finding in found} == {State.MISSING}
    assert any("mine.yml:4:5: 'wenn' is no key here; did you mean 'when'?" in finding.what for finding in found)
    assert found[0].cure == f"sentinel check {tmp_path}"
    assert [finding.state for finding in running.rules(patient())] == [State.OK]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_rules_of_somebody_else_are_named_with_the_command_that_mends_them(tmp_path):
    (tmp_path / "mine.yml").write_text("signature: mine\n")
    os.chown(tmp_path / "mine.yml", 4711, 4711)
    (finding,) = running.rules(patient(f'[sentinel]\nrules = ["{tmp_path}"]\n'))
    assert finding.cure == f"chown -h root {tmp_path / 'mine.yml'}"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"ok": True, "version": "0.0.1", "runs": []}, ["it is 0.0.1, this command is"]),
        ({"ok": True, "version": __version__, "on_disk": False}, ["kept in memory only"]),
        (
            {"ok": True, "version": __version__, "troubles": ["no NVML (x); load the driver"]},
            ["no NVML (x)", "load the driver"],
        ),
        ({"ok": False}, ["does not answer"]),
    ],
)
def test_what_the_running_daemon_lacks_is_asked_of_it(tmp_path, answer, words):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control"))
        listener.listen(1)

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rw") as line:
                line.readline()
                line.write(json.dumps(answer) + "\n")

        thread = threading.Thread(target=serve)
        thread.start()
        found = running.daemon(patient(f'[sentinel]\nsocket = "{tmp_path}/control"\n'))
        thread.join()
    said = " ".join(f"{finding.what} {finding.cure}" for finding in found if finding.state is State.MISSING)
    assert all(word in said for word in words)


def test_no_daemon_is_a_note_and_a_socks_proxy_is_missing_something(tmp_path):
    assert running.daemon(patient(f"[sentinel]\nsocket = '{tmp_path}/none'\n"))[0].state is State.NOTE
    text = '[[channel]]\nname = "x"\nurl = "json://127.0.0.1:1/x"\n[tell]\nproxy = "socks5://127.0.0.1:1080"\n'
    assert "socks5 proxies are not spoken" in worst(channels.channels(patient(text))).what


@as_root
def test_a_state_on_a_disk_that_went_read_only_is_named_with_its_mount(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (disk / "state").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        (found,) = files.state(patient(f'[sentinel]\nstate = "{disk}/state"\n'))
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    assert found.state is State.MISSING
    assert "read-only now" in found.what
    assert f"mount -o remount,rw {disk}" in found.cure


def test_what_stands_beside_our_own_interpreter_is_found_and_the_command_that_adds_it_names_that_environment(
    tmp_path, monkeypatch
):
    """As in pipx's or a package's environment, whose folder of commands is not on PATH. The index's `sentinel-watch` is a
    stranger's: no cure names a distribution of ours."""
    monkeypatch.setattr(machine, "BESIDE", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    (before,) = [finding for finding in machine.extras(patient()) if "py-spy" in finding.what]
    assert before.state is State.NOTE
    assert before.cure.endswith(f"{sys.executable} -m pip install py-spy")
    (tmp_path / "py-spy").write_text("#!/bin/sh\n")
    (tmp_path / "py-spy").chmod(0o755)
    (after,) = [finding for finding in machine.extras(patient()) if "py-spy" in finding.what]
    assert after.state is State.OK
    assert not any("sentinel" in finding.cure.partition("pip install")[2] for finding in machine.extras(patient()))


def test_where_the_environment_has_no_pip_the_systems_is_named(monkeypatch):
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda _name: None)
    assert machine.adding("pandas").endswith(f"python3 -m pip --python {sys.prefix} install pandas")


def test_a_check_that_does_not_end_holds_up_the_last_word_no_longer_than_allowed(tmp_path):
    """What it found until then is told; here a daemon takes the connection and never answers."""
    path = tmp_path / "sentinel.toml"
    path.write_text(f'[sentinel]\nsocket = "{tmp_path}/control"\nstate = "{tmp_path}"\n[gpu]\nenabled = false\n')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control"))
        listener.listen(1)
        began = time.monotonic()
        found = examine_apart(path, 3)
        took = time.monotonic() - began
    assert took < 4.5
    assert "the examination did not end within 3 s" in found[-1].what
    assert all(finding.check != "extras" for finding in found)  # it comes after the daemon


def test_the_examination_apart_finds_what_the_one_at_hand_finds(tmp_path):
    path = tmp_path / "sentinel.toml"
    path.write_text(f'[sentinel]\nstate = "{tmp_path}/state"\n[tel]\n')
    apart = examine_apart(path, 60)
    assert "'tel' is no key here" in worst(apart).what
    assert [(finding.check, finding.state) for finding in apart] == [
        (finding.check, finding.state) for finding in examine(patient_at(path))
    ]


def test_the_last_word_does_not_wait_for_one_channel_after_the_other(monkeypatch):
    """Four that never answer cost the patience with one, and the fifth is told: the unit has two minutes for all."""
    monkeypatch.setattr(sending, "DEADLINE", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        text = "".join(f'[[channel]]\nname = "x{n}"\nurl = "json://127.0.0.1:{port}/x"\n' for n in range(4))
        settings, _ = parse_settings(text, "x")
        began = time.monotonic()
        troubles = last_word.send(settings, last_word.letter_of("x", (), 0.0))
        took = time.monotonic() - began
    assert len(troubles) == 4
    assert took < 12
