"""Real processes, no fakes: files, pipes, exits, rights."""

import os
import subprocess
import sys
import time
import warnings

import pytest

from sentinel.core.records import Fact, How, Mark, MarkKind, Over
from sentinel.sources.processes import source as module
from sentinel.sources.processes.attach import Because, KnownRun
from sentinel.sources.processes.groups import Groups
from sentinel.sources.processes.process import Container, FileId, Pid, Process
from sentinel.sources.processes.reading import process, vital
from sentinel.sources.processes.source import Course, ProcessSource
from tests.world.waiting import PATIENCE

CAPTURED = {"capture_output": True, "text": True}
WRITER = "import sys, time; f = open(sys.argv[1], 'a'); f.write('x\\n'); f.flush(); time.sleep(60)"


class Runs:
    """A source over real processes, with a clock of its own."""

    def __init__(self):
        self.source = ProcessSource("host:here", poll=1.0)
        self.now = 0.0
        self.items = []
        self.children = []

    def start(self, *command, **rest):
        child = subprocess.Popen(
            command, stdout=rest.pop("stdout", subprocess.DEVNULL), stderr=subprocess.DEVNULL, **rest
        )
        self.children.append(child)
        return child

    def know(self, key, folder, *files):
        ids = frozenset(FileId(found.st_dev, found.st_ino) for found in map(os.stat, files))
        self.source.runs = {**self.source.runs, key: KnownRun(key, str(folder), ids)}

    def turn(self, seconds=1.0):
        self.now += seconds
        for batch in self.source.read(self.now):
            self.items += [(batch.run, item) for item in batch.items]

    def until(self, seen, seconds=1.0):
        end = time.monotonic() + PATIENCE
        while not seen():
            assert time.monotonic() < end, self.items[-8:]
            self.turn(seconds)
            time.sleep(0.02)

    def over(self, key="run"):
        return next((item for run, item in self.items if run == key and isinstance(item, Over)), None)

    def facts(self, key="run"):
        return {item.name: item.value for run, item in self.items if run == key and isinstance(item, Fact)}

    def members(self, key="run"):
        followed = self.source.followed.get(key)
        return {m.process.id.number: m.because for m in followed.link.members} if followed else {}


@pytest.fixture
def runs():
    made = Runs()
    yield made
    made.source.close()
    for child in made.children:
        child.kill()
        child.wait()


def there(path):
    end = time.monotonic() + PATIENCE
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < end
        time.sleep(0.01)
    return path


def test_a_writer_is_found_with_its_readings_and_its_end_by_sigsegv_is_told(runs, tmp_path):
    log = tmp_path / "train.log"
    child = runs.start(sys.executable, "-c", WRITER, str(log))
    runs.know("run", tmp_path, there(log))
    runs.until(lambda: child.pid in runs.members())
    assert runs.members()[child.pid] is Because.FILE
    row = next(item for _, item in runs.items if "proc.rss_mb" in getattr(item, "names", ()))
    assert row.values[row.names.index("proc.rss_mb")] > 1
    child.send_signal(11)
    child.wait()
    runs.until(lambda: runs.over() is not None)
    if "process.signal" not in runs.facts():
        pytest.skip("this kernel does not keep exit codes for pidfds (Linux 6.15 does)")
    assert runs.facts()["process.signal"] == 11
    assert runs.over().how is How.DIED


def test_an_exit_code_and_a_closing_line_are_told_apart(runs, tmp_path):
    log = tmp_path / "train.log"
    child = runs.start(sys.executable, "-c", WRITER.replace("time.sleep(60)", "time.sleep(1); sys.exit(3)"), str(log))
    runs.know("run", tmp_path, there(log))
    runs.source.courses = {"run": Course((Mark(MarkKind.STOPPED, "train.log", 1, None, "DUE TO TIME LIMIT"),))}
    runs.until(lambda: child.pid in runs.members())
    child.wait()
    runs.until(lambda: runs.over() is not None)
    assert (runs.over().how, runs.over().detail) == (How.STOPPED, "DUE TO TIME LIMIT")


def test_a_deleted_and_a_rotated_log_still_belong_to_their_writer(runs, tmp_path):
    gone, turned = tmp_path / "gone.log", tmp_path / "turned.log"
    first = runs.start(sys.executable, "-c", WRITER, str(gone))
    second = runs.start(sys.executable, "-c", WRITER, str(turned))
    runs.know("gone", "", there(gone))
    runs.know("turned", "", there(turned))
    gone.unlink()
    turned.rename(tmp_path / "turned.log.1")
    runs.until(lambda: runs.members("gone") and runs.members("turned"))
    assert set(runs.members("gone")) == {first.pid}
    assert set(runs.members("turned")) == {second.pid}


def test_the_training_behind_tee_is_found(runs, tmp_path):
    log = tmp_path / "run.log"
    loop = "import time; print('x', flush=True); time.sleep(60)"
    shell = runs.start("bash", "-c", f'"{sys.executable}" -c "{loop}" | tee "{log}"', start_new_session=True)
    try:
        runs.know("run", tmp_path, there(log))
        runs.until(lambda: Because.PIPE in runs.members().values())
        assert Because.CARRIER in runs.members().values()
        assert shell.pid not in runs.members()
    finally:
        os.killpg(shell.pid, 9)


def test_several_runs_in_one_working_directory(runs, tmp_path):
    logs = [tmp_path / "a.log", tmp_path / "b.log"]
    children = [runs.start(sys.executable, "-c", WRITER, str(log), cwd=tmp_path) for log in logs]
    for log in logs:
        runs.know(log.stem, "", there(log))
    runs.until(lambda: runs.members("a") and runs.members("b"))
    assert [set(runs.members(key)) for key in "ab"] == [{children[0].pid}, {children[1].pid}]


def test_a_run_started_anew_within_the_grace_is_a_restart_and_no_end(runs, tmp_path):
    log = tmp_path / "train.log"
    first = runs.start(sys.executable, "-c", WRITER, str(log))
    runs.know("run", tmp_path, there(log))
    runs.until(lambda: first.pid in runs.members())
    first.kill()
    first.wait()
    second = runs.start(sys.executable, "-c", WRITER, str(log))
    time.sleep(0.5)
    runs.until(lambda: second.pid in runs.members())
    runs.turn()
    assert runs.source.followed["run"].restarts == 1
    assert runs.over() is None


def test_a_number_that_is_used_again_is_another_process(runs, tmp_path):
    log = tmp_path / "train.log"
    child = runs.start(sys.executable, "-c", WRITER, str(log))
    there(log)
    seen = process(vital(child.pid))
    member = module.Member(seen, Because.FILE)
    assert runs.source.vitals.look([member])
    stale = module.Member(module.Process(seen.id._replace(start=1), 1, "python"), Because.FILE)
    assert not runs.source.vitals.look([stale])


def test_only_named_variables_leave_an_environment(runs, tmp_path):
    env = {**os.environ, "RANK": "3", "MY_TOKEN": "geheim"}
    child = runs.start(sys.executable, "-c", "import time; time.sleep(60)", env=env)
    seen = process(vital(child.pid))
    end = time.monotonic() + PATIENCE
    while seen.environment.get("RANK") != "3":  # until the exec was done
        assert time.monotonic() < end
        seen = process(vital(child.pid))
    assert "MY_TOKEN" not in seen.environment
    assert seen.rank == 3


def as_nobody(work):
    """What a function says in a process that gave up root's rights; forked, for nobody may not run this interpreter."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, repr(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@ROOT_ALONE
def test_another_user_s_process_is_a_run_s_where_we_have_the_rights_to_see_its_files(runs, tmp_path):
    log = tmp_path / "train.log"
    log.write_text("x\n")
    with log.open("a") as out:
        child = runs.start("sleep", "60", stdout=out, user=65534, group=65534, cwd="/")
    runs.know("run", tmp_path, log)
    runs.until(lambda: runs.members().get(child.pid) is Because.FILE)
    assert runs.source.followed["run"].link.members[0].process.uid == 65534


@ROOT_ALONE
def test_without_those_rights_what_is_hidden_is_named_with_the_cure(runs, tmp_path):
    child = runs.start("sleep", "60", cwd=tmp_path)
    assert process(vital(child.pid)).cwd == str(tmp_path)
    assert as_nobody(lambda: sorted(process(vital(child.pid)).denied)) == "['cwd', 'environment', 'files']"

    def troubles():
        source = ProcessSource("host:here", poll=1.0, gpus={"0": (child.pid,)})
        for now in (0.0, 61.0, 122.0):
            list(source.read(now))
        return source.trouble()

    said = as_nobody(troubles)
    assert f"cannot see what process {child.pid} has open: no rights" in said
    assert "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH" in said
    assert "cannot tell what it writes; see the missing rights" in said


def test_an_oom_kill_in_a_cgroup_is_a_death(runs, tmp_path):
    base = "/sys/fs/cgroup/memory"
    group = f"{base}/sentinel-test-{os.getpid()}"
    try:
        os.mkdir(group)
        with open(f"{group}/memory.limit_in_bytes", "w") as limit:
            limit.write(str(64 << 20))
    except OSError as error:
        pytest.skip(f"no memory cgroup that we may make: {error}")
    log = tmp_path / "train.log"
    code = (
        "import sys, time; open(sys.argv[2] + '/cgroup.procs', 'w').write('0'); f = open(sys.argv[1], 'a')\n"
        "f.write('x\\n'); f.flush(); time.sleep(1); held = [bytearray(1 << 20) for _ in range(400)]; time.sleep(60)"
    )
    child = runs.start(sys.executable, "-c", code, str(log), group)
    try:
        runs.know("run", tmp_path, there(log))
        runs.until(lambda: child.pid in runs.members())
        assert child.wait(PATIENCE) == -9
        # The kernel log is the witness; here its line is handed in as the machine would.
        runs.source.kernel_said = {
            child.pid: (f"Memory cgroup out of memory: Killed process {child.pid} (python)", True)
        }
        runs.until(lambda: runs.over() is not None)
        assert runs.over().how is How.DIED
    finally:
        child.kill()
        child.wait()
        os.rmdir(group)


@pytest.mark.torch
def test_two_ranks_of_torchrun_are_one_run(runs, tmp_path):
    script = tmp_path / "t.py"
    script.write_text(
        "import os, sys, time, torch.distributed as d\n"
        "d.init_process_group('gloo')\n"
        "if d.get_rank() == 0:\n"
        "    f = open(sys.argv[1], 'a'); f.write('x\\n'); f.flush()\n"
        "time.sleep(60)\n"
    )
    log = tmp_path / "train.log"
    command = (
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node=2",
        "--master-port=29617",
        str(script),
        str(log),
    )
    launcher = runs.start(*command, start_new_session=True)
    try:
        end = time.monotonic() + 60
        while not log.exists() and time.monotonic() < end:
            time.sleep(0.2)
        runs.know("run", "", there(log))
        runs.until(lambda: len(runs.members()) >= 3)
        ranks = {m.process.rank for m in runs.source.followed["run"].link.members}
        assert {0, 1} <= ranks
        assert launcher.pid in runs.members()
    finally:
        launcher.terminate()  # it passes the signal on to its ranks, which have sessions of their own
        launcher.wait(PATIENCE)


def test_kills_in_a_job_s_cgroup_are_counted_and_those_of_a_login_session_are_not(tmp_path):
    group = tmp_path / "cgroup" / "system.slice" / "slurmstepd" / "job_77"
    group.mkdir(parents=True)
    proc = tmp_path / "proc" / "12"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text("0::/system.slice/slurmstepd/job_77\n")
    groups = Groups(str(tmp_path / "proc"), str(tmp_path / "cgroup"))
    job = Process(Pid(12, 1), 1, "python", container=Container("slurm", "77"))
    (group / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert groups.new_kills(job) == 0.0  # of before
    (group / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert groups.new_kills(job) == 1.0
    assert groups.new_kills(Process(Pid(12, 1), 1, "python")) is None


def test_a_process_is_a_run_s_by_the_id_in_its_environment(runs, tmp_path):
    sleeper = runs.start("sleep", "60", env={**os.environ, "WANDB_RUN_ID": "ab12cd34"}, cwd="/")
    runs.source.runs = {"run": KnownRun("run", str(tmp_path), ids=frozenset({"ab12cd34"}))}
    runs.until(lambda: runs.members().get(sleeper.pid) is Because.ID)


def test_a_kill_counts_as_somebodys_will_only_where_the_kernel_was_heard(runs, tmp_path):
    log = tmp_path / "train.log"
    child = runs.start(sys.executable, "-c", WRITER, str(log))
    runs.know("run", tmp_path, there(log))
    runs.source.hears_kernel = lambda: False
    runs.until(lambda: child.pid in runs.members())
    child.kill()
    child.wait()
    runs.until(lambda: runs.over() is not None)
    assert runs.over().how is How.UNCLEAR


def test_what_sentinel_itself_stopped_was_stopped_by_someone_and_says_so(runs, tmp_path):
    log = tmp_path / "train.log"
    child = runs.start(sys.executable, "-c", WRITER, str(log))
    runs.know("run", tmp_path, there(log))
    runs.source.by_us = lambda key: f"Sentinel stopped {key}"
    runs.until(lambda: child.pid in runs.members())
    child.kill()
    child.wait()
    runs.until(lambda: runs.over() is not None)
    assert (runs.over().how, runs.over().detail) == (How.STOPPED, "Sentinel stopped run")
