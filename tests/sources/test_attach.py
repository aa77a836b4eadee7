"""Which process belongs to which run: pure snapshots in, links out."""

from sentinel.sources.processes.attach import Because, KnownRun, attach
from sentinel.sources.processes.process import Container, FileId, OpenFile, Pid, Process

LOG = FileId(1, 100)
OTHER = FileId(1, 200)


def a(number, parent=1, name="python", files=(), env=None, **rest):
    writes = tuple(OpenFile(f"/data/{file.inode}", file) for file in files)
    return Process(Pid(number, number), parent, name, writes=writes, environment=env or {}, **rest)


def run(key="run", folder="/runs/a", files=(LOG,), ids=()):
    return KnownRun(key, folder, frozenset(files), frozenset(ids))


def members(links, key="run"):
    return {m.process.id.number: m.because for m in links.runs[key].members} if key in links.runs else {}


def test_a_file_open_for_writing_makes_a_process_the_runs_own():
    assert members(attach([a(10, files=[LOG]), a(11)], [run()], {})) == {10: Because.FILE}


def test_a_file_below_the_runs_folder_counts_too_and_the_deepest_folder_wins():
    writer = Process(Pid(5, 5), 1, "python", writes=(OpenFile("/runs/a/b/x.log", OTHER),))
    links = attach([writer], [run(files=()), run("inner", "/runs/a/b", ())], {})
    assert members(links, "inner") == {5: Because.FILE}
    assert not members(links)


def test_the_writer_behind_tee_is_the_run_and_tee_only_carries():
    train = a(10, pipes_out=frozenset({"pipe:[7]"}))
    tee = a(11, name="tee", files=[LOG], pipe_in="pipe:[7]")
    assert members(attach([train, tee], [run()], {})) == {10: Because.PIPE, 11: Because.CARRIER}


def test_a_pipe_is_followed_over_two_hops():
    train = a(10, pipes_out=frozenset({"pipe:[7]"}))
    grep = a(11, name="grep", pipe_in="pipe:[7]", pipes_out=frozenset({"pipe:[8]"}))
    tee = a(12, name="tee", files=[LOG], pipe_in="pipe:[8]")
    assert members(attach([train, grep, tee], [run()], {}))[10] is Because.PIPE


def test_workers_follow_their_parent_and_ranks_their_launcher():
    launcher = a(10, name="torchrun", command=("python", "-m", "torch.distributed.run", "t.py"))
    first, second = a(11, 10, files=[LOG]), a(12, 10)
    worker = a(13, 12)
    found = members(attach([launcher, first, second, worker], [run()], {"0": [11], "1": [12]}))
    assert found == {10: Because.FAMILY, 11: Because.FILE, 12: Because.FAMILY, 13: Because.FAMILY}


def test_ranks_on_one_master_port_are_one_run():
    env = {"MASTER_ADDR": "n1", "MASTER_PORT": "29500", "WORLD_SIZE": "2"}
    first, second = a(11, files=[LOG], env=env | {"RANK": "0"}), a(12, env=env | {"RANK": "1"})
    links = attach([first, second], [run()], {"0": [11], "1": [12]})
    assert links.owners() == {"0": ("run",), "1": ("run",)}


def test_what_one_shell_started_side_by_side_is_not_one_run():
    shell = a(5, name="bash")
    assert set(members(attach([shell, a(10, 5, files=[LOG]), a(11, 5)], [run()], {}))) == {10}


def test_the_editor_or_scheduler_that_started_a_run_is_no_part_of_it():
    editor = a(5, command=("python", "agent.py"))
    assert set(members(attach([editor, a(10, 5, command=("python", "t.py"), files=[LOG])], [run()], {}))) == {10}


def test_a_process_that_carries_two_runs_is_shared_and_belongs_to_neither():
    links = attach([a(10, files=[LOG, OTHER])], [run(), run("two", "/runs/two", (OTHER,))], {"0": [10]})
    assert links.shared == {Pid(10, 10)}
    assert not links.runs


def test_several_runs_in_one_folder_are_told_apart_by_their_files():
    runs = [run("one", "/runs/a", (LOG,)), run("two", "/runs/a", (OTHER,))]
    links = attach([a(10, files=[LOG], cwd="/runs/a"), a(11, files=[OTHER], cwd="/runs/a")], runs, {})
    assert (set(members(links, "one")), set(members(links, "two"))) == ({10}, {11})


def test_ids_and_jobs_prove_it_where_no_file_is_open():
    by_id = a(10, env={"WANDB_RUN_ID": "ab12"})
    by_job = a(11, container=Container("slurm", "77"))
    found = members(attach([by_id, by_job], [run(files=(), ids=("ab12", "77"))], {}))
    assert found == {10: Because.ID, 11: Because.JOB}


def test_a_program_in_the_runs_folder_is_watched_but_that_is_no_proof():
    assert members(attach([a(10, cwd="/runs/a")], [run(files=())], {})) == {10: Because.PLACE}


def test_a_training_that_no_watch_names_is_a_stray():
    links = attach([a(10, terminal="pts/3")], [run()], {"2": [10]})
    assert [stray.first.id.number for stray in links.strays] == [10]
    assert links.strays[0].members[0].gpus == ("2",)


def test_pids_that_proc_does_not_know_live_in_another_namespace():
    assert attach([], [], {"0": [999]}).foreign == {"0": (999,)}
