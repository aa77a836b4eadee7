"""The hands on real processes: who is a run's, how it is asked, what is refused, and the whole ladder."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_world import Level
from sentinel.outlets.hands.consent import NAME, consent_of, read_consent, write_consent
from sentinel.outlets.hands.guard import protect
from sentinel.outlets.hands.ladder import Patience, climb_whole, survey
from sentinel.outlets.hands.process import Pin, read_process
from sentinel.outlets.hands.sending import Refused, ask, audit, check_crew, claim, signal_ranks
from sentinel.outlets.hands.survey import Crew, crew_of_folder
from sentinel.outlets.hands.ways import LISTENS, find_way
from sentinel.outlets.proof.finding import KEPT
from sentinel.outlets.proof.proving import State, prove
from tests.world.waiting import PATIENCE, awaited

TRAINING = Path(__file__).parent / "trainings" / "plain.py"
CALM = Patience(save=30.0, leave=30.0, quiet=0.5, still=0.1, look=0.05)  # what comes may come late
QUICK = Patience(save=1.5, leave=1.0, quiet=0.5, still=0.1, look=0.05)  # for what never comes


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(mode, *more, folder=tmp_path / "run"):
        folder.mkdir(exist_ok=True)
        command = [sys.executable, str(TRAINING), str(folder), mode, *map(str, more)]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        log = folder / "train.log"
        awaited(lambda: log.exists() and (f"step {35 if 'lock' not in mode else 30}" in log.read_text()))
        return folder, started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def climb(folder, tmp_path, patience=CALM, **options):
    return climb_whole(survey(folder, tmp_path / "audit.jsonl"), os.getuid(), patience, **options)


def test_a_loop_with_a_handler_saves_is_proven_and_ends(start, tmp_path):
    folder, process = start("handler,early")
    done = climb(folder, tmp_path)
    assert (done.outcome, process.wait(PATIENCE)) == ("stopped", 0)
    assert prove(folder / "ckpt.pt").step > 30
    assert next((folder / KEPT).iterdir()).name.endswith("ckpt.pt")


def test_a_loop_without_a_handler_is_ended_on_its_last_good_checkpoint(start, tmp_path):
    folder, process = start("early")
    done = climb(folder, tmp_path)
    assert (done.outcome, process.wait(PATIENCE)) == ("stopped", -signal.SIGTERM)
    assert any("not asked: no handler" in said for said in done.said)


def test_a_loop_without_handler_and_checkpoint_is_refused_and_untouched(start, tmp_path):
    folder, process = start("none")
    assert (climb(folder, tmp_path).outcome, process.poll()) == ("refused", None)


def test_a_loop_that_saves_nan_onto_its_only_file_keeps_the_good_one(start, tmp_path):
    folder, process = start("handler,early,nan,inplace")
    done = climb(folder, tmp_path)
    assert done.outcome == "stopped"
    assert process.wait(PATIENCE) is not None
    assert prove(folder / "ckpt.pt").state is State.TAINTED
    assert prove(next((folder / KEPT).iterdir())).state is State.SANE


def test_a_tainted_newest_checkpoint_is_never_added_to(start, tmp_path):
    folder, process = start("handler,nan,late,inplace")
    done = climb(folder, tmp_path, checkpoint_only=True)
    assert (done.outcome, process.poll()) == ("refused", None)
    assert "tainted" in done.said[-1]


def test_what_a_daemon_knows_against_asking_holds_for_a_persons_own_stop_too(start, tmp_path):
    folder, process = start("handler,early")
    begun = survey(folder, tmp_path / "audit.jsonl")
    begun.against = "finite: its numbers are not finite"
    before = prove(folder / "ckpt.pt").step
    done = climb_whole(begun, os.getuid(), QUICK)
    assert any("not asked: finite" in said for said in done.said)
    assert (done.outcome, process.wait(5), begun.saved) == ("stopped", 0, None)
    assert prove(next((folder / KEPT).iterdir())).step == before


def test_a_save_that_takes_longer_than_the_patience_is_waited_for_while_bytes_come(start, tmp_path):
    folder, process = start("handler,early,slow,fresh")
    done = climb(folder, tmp_path, QUICK)
    assert (done.outcome, process.wait(PATIENCE)) == ("stopped", 0)
    assert done.saved.path.endswith("stop.pt")


def test_a_full_disk_in_the_save_is_seen_and_the_good_copy_stays(start, tmp_path):
    folder, process = start("handler,early,full")
    done = climb(folder, tmp_path)
    assert done.saved is None
    assert process.wait(PATIENCE) == 1
    assert prove(folder / "ckpt.pt").state is State.INCOMPLETE
    assert prove(next((folder / KEPT).iterdir())).state is State.SANE


@pytest.mark.parametrize("how", ["stopped", "lock"])
def test_a_run_that_hangs_goes_only_with_level_kill(start, tmp_path, how):
    folder, process = start("deaf,early" + (",lock" if how == "lock" else ""))
    if how == "stopped":
        process.send_signal(signal.SIGSTOP)
        awaited(lambda: read_process(process.pid).state == "T")
    done = climb(folder, tmp_path, QUICK)
    assert (done.outcome, process.poll()) == ("failed", None)
    assert climb(folder, tmp_path, QUICK, kill=True).outcome == "stopped"
    assert process.wait(PATIENCE) == -signal.SIGKILL


def test_the_gift_saves_and_goes_on_then_saves_and_leaves_with_75(start, tmp_path):
    folder, process = start("gift,early")
    done = climb(folder, tmp_path, checkpoint_only=True)
    assert (done.outcome, process.poll(), done.saved.path) == ("saved", None, str(folder / "gift.pt"))
    assert (climb(folder, tmp_path).outcome, process.wait(PATIENCE)) == ("stopped", 75)


def test_level_checkpoint_refuses_a_way_that_ends_the_run(start, tmp_path):
    folder, process = start("handler,early")
    done = climb(folder, tmp_path, checkpoint_only=True)
    assert (done.outcome, process.poll()) == ("refused", None)


def test_a_process_that_carries_two_runs_is_seen_from_either_and_never_signalled(start, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    folder, process = start("handler,early", other)
    crews = crew_of_folder(str(folder)), crew_of_folder(str(other))
    assert {p.pid for crew in crews for p in crew.ranks} == {process.pid}
    twice = Crew(crews[0].ranks, runs=2)
    with pytest.raises(Refused, match="more than one run"):
        check_crew(twice, os.getuid())


@pytest.mark.parametrize("pipe", ["| tee {log}", "2>&1 | grep --line-buffered . | tee -a {log}"])
def test_behind_a_tee_it_is_the_training_that_is_asked_and_never_the_tee(tmp_path, pipe):
    folder, log = tmp_path / "run", tmp_path / "run" / "train.log"
    folder.mkdir()
    line = f"{sys.executable} {TRAINING} {folder} handler,early,prints {pipe.format(log=log)}"
    shell = subprocess.Popen(["sh", "-c", line], stdout=subprocess.DEVNULL)
    try:
        awaited(lambda: log.exists() and "step 35" in log.read_text())
        assert [rank.name[:6] for rank in crew_of_folder(str(folder)).ranks] == ["python"]
        assert (climb(folder, tmp_path).outcome, shell.wait(PATIENCE)) == ("stopped", 0)
        assert prove(folder / "ckpt.pt").step > 35
    finally:
        shell.kill()
        shell.wait()


@pytest.mark.parametrize("line", ["cat > {log}", "exec 3<&0; yes | sh -c 'exec {python} {training} {folder} handler'"])
def test_who_only_carries_or_is_fed_by_another_is_refused(tmp_path, line):
    folder = tmp_path / "run"
    folder.mkdir()
    words = {"log": folder / "train.log", "python": sys.executable, "training": TRAINING, "folder": folder}
    shell = subprocess.Popen(["sh", "-c", line.format(**words)], stdin=subprocess.PIPE)
    try:
        awaited(lambda: crew_of_folder(str(folder)).ranks)
        with pytest.raises(Refused, match=r"only carries|cannot be told"):
            check_crew(crew_of_folder(str(folder)), os.getuid())
    finally:
        for rank in crew_of_folder(str(folder)).ranks:
            os.kill(rank.pid, signal.SIGKILL)
        shell.stdin.close()
        shell.wait()


def test_two_processes_that_write_in_one_folder_are_no_single_run(start, tmp_path):
    folder, _ = start("handler,early")
    start("handler")
    awaited(lambda: len(crew_of_folder(str(folder)).ranks) == 2)
    assert climb(folder, tmp_path).outcome == "refused"


def test_ranks_elsewhere_are_never_signalled_from_here(start, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "0")
    folder, process = start("handler,early")
    assert (climb(folder, tmp_path).outcome, process.poll()) == ("refused", None)


def test_a_pid_that_was_given_to_another_process_is_not_signalled(start):
    _, process = start("handler")
    seen = read_process(process.pid)
    reused = type(seen)(**{**{name: getattr(seen, name) for name in seen.__slots__}, "start": seen.start - 1})
    with pytest.raises(ProcessLookupError):
        Pin(reused)


def test_a_pin_on_a_process_that_ended_signals_nobody(start):
    _, process = start("handler")
    pin = Pin(read_process(process.pid))
    process.kill()
    process.wait()
    assert pin.send(signal.SIGTERM) is False
    assert pin.gone()


def test_another_users_processes_are_refused(start):
    folder, _ = start("handler")
    with pytest.raises(Refused, match="uid"):
        check_crew(crew_of_folder(str(folder)), os.getuid() + 1)


def test_sentinel_never_signals_itself():
    crew = Crew((read_process(os.getpid()),))
    from sentinel.outlets.hands.survey import crew_of_pids

    assert "Sentinel" in crew_of_pids([os.getpid()]).trouble[0]
    assert crew.ranks


def test_what_ignores_or_catches_a_signal_is_read_from_proc(start):
    _, process = start("handler")
    assert read_process(process.pid).disposition(signal.SIGTERM) == "caught"
    assert read_process(process.pid).disposition(signal.SIGUSR1) == "default"


def test_every_framework_that_is_refused_says_what_to_do_by_hand(start):
    folder, _ = start("none")
    way = find_way(crew_of_folder(str(folder)), str(folder))
    assert not way.known
    assert "kill -TERM" in way.words


def test_who_listens_in_a_container_is_known_by_its_pid_in_there(start):
    folder, process = start("handler")
    (folder / LISTENS).write_text("7\n")
    crew = crew_of_folder(str(folder))
    assert find_way(crew, str(folder)).protocol == "signal"
    inside = replace(crew, ranks=(replace(crew.ranks[0], innermost=7),))
    assert find_way(inside, str(folder)).protocol == "file"
    assert process.poll() is None


def test_the_owners_own_way_goes_before_what_was_found(start, tmp_path):
    folder, _ = start("handler")
    crew = crew_of_folder(str(folder))
    assert find_way(crew, str(folder), "signal:USR1").argument == "USR1"
    assert find_way(crew, str(folder), "file:SAVE").argument == str(folder / "SAVE")
    assert not find_way(crew, str(folder), "nonsense").known


def test_the_owners_own_command_is_run_without_a_shell_and_its_failure_is_a_refusal(start, tmp_path):
    folder, _ = start("handler,early")
    crew = crew_of_folder(str(folder))
    ask(crew, find_way(crew, str(folder), f"command:touch '{folder}/a b'"), tmp_path / "audit.jsonl", stop=True)
    assert (folder / "a b").exists()
    with pytest.raises(Refused, match="ended with 1"):
        ask(crew, find_way(crew, str(folder), "command:false"), tmp_path / "audit.jsonl", stop=True)


def test_the_owners_own_command_is_told_who_is_meant_and_what_is_asked(start, tmp_path):
    folder, process = start("handler,early")
    told = tmp_path / "told"
    way = find_way(
        crew_of_folder(str(folder)), str(folder), f"command:sh -c 'echo $SENTINEL_PIDS $SENTINEL_ASKED > {told}'"
    )
    ask(crew_of_folder(str(folder)), way, tmp_path / "audit.jsonl", stop=False)
    assert told.read_text() == f"{process.pid} checkpoint\n"


def test_a_claim_is_given_once(tmp_path):
    assert claim(tmp_path, "ask")
    assert not claim(tmp_path, "ask")


def test_the_record_is_only_ever_added_to(tmp_path):
    audit(tmp_path / "a.jsonl", "one")
    audit(tmp_path / "a.jsonl", "two", pids=[1])
    assert (tmp_path / "a.jsonl").read_text().count("\n") == 2


@pytest.mark.parametrize(("room", "signalled"), [(1, False), (2, True)])
def test_nothing_is_sent_that_could_not_be_written_down_and_what_was_sent_is_no_failure(
    start, tmp_path, room, signalled
):
    folder, process = start("handler,early")
    record = tmp_path / "audit.jsonl"
    record.write_text("x" * 100)
    child = os.fork()
    if child == 0:  # a disk that is full after so many lines
        size = 100 + (140 if room == 2 else 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            signal_ranks(crew_of_folder(str(folder)), signal.SIGTERM, record)
            os._exit(0)
        except OSError:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (0 if signalled else 1)
    if signalled:
        assert process.wait(5) == 0
    else:
        time.sleep(0.3)
        assert process.poll() is None


def test_no_room_for_a_copy_is_a_refusal(start, tmp_path, monkeypatch):
    folder, _ = start("early")
    monkeypatch.setattr("sentinel.outlets.hands.guard.SPARE", 1 << 60)
    with pytest.raises(Refused, match="no room"):
        protect(folder / "ckpt.pt", folder)


def test_a_copy_that_was_damaged_since_is_made_again_and_a_whole_one_is_not(start):
    folder, _ = start("early")
    copy = protect(folder / "ckpt.pt", folder)
    inode = copy.stat().st_ino
    assert protect(folder / "ckpt.pt", folder).stat().st_ino == inode
    copy.write_bytes(copy.read_bytes()[:100])
    again = protect(folder / "ckpt.pt", folder)
    assert (again, prove(again).state) == (copy, State.SANE)


def test_consent_counts_only_from_a_file_that_is_the_owners_alone(tmp_path):
    write_consent(tmp_path, Level.STOP)
    assert read_consent(tmp_path).level is Level.STOP
    (tmp_path / NAME).chmod(0o666)
    assert read_consent(tmp_path).level is Level.NEVER
    write_consent(tmp_path, Level.STOP, "2001-01-01")
    assert "ended" in read_consent(tmp_path).why
    write_consent(tmp_path, Level.KILL)
    os.link(tmp_path / NAME, tmp_path / "second")
    assert read_consent(tmp_path).level is Level.NEVER
    write_consent(tmp_path, Level.NEVER)
    granted = (os.getuid(), Level.KILL)
    assert consent_of(tmp_path, [{"SENTINEL_ALLOW": "kill"}], granted).level is Level.NEVER


def test_consent_may_stand_in_the_environment_of_every_rank_or_in_the_settings(tmp_path):
    said, granted = {"SENTINEL_ALLOW": "stop"}, (os.getuid(), Level.CHECKPOINT)
    assert consent_of(tmp_path, [said, {"SENTINEL_ALLOW": "kill"}], None).level is Level.STOP
    assert consent_of(tmp_path, [said, {}], None).level is Level.NEVER
    assert consent_of(tmp_path, [], granted).level is Level.CHECKPOINT
    assert consent_of(tmp_path, [], (os.getuid() + 1, Level.KILL)).level is Level.NEVER
