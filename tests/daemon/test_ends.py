"""What the machine knows of a run's end is said after the last line of its files; who writes in a folder works there."""

import subprocess
import sys

from sentinel.core.records import Batch, Fact, How, Origin, Over
from sentinel.daemon.ends import Ends, Workers


class Machine:
    name = "machine"

    def __init__(self, *batches):
        self.batches = batches

    def read(self, now):
        return iter(self.batches)


class Files:
    def __init__(self, *runs):
        self.runs, self.ended = runs, []

    def process_ended(self, key, over):
        self.ended += [over] if key in self.runs else []
        return key in self.runs


FACT = Fact("process.exit_code", 1, "", 0, Origin.PROCESS)
OVER = Over(How.DIED, 5.0, "exit code 1")


def test_the_end_of_a_run_with_files_goes_by_way_of_them():
    files = Files("run")
    assert list(Ends(Machine(Batch("run", (FACT, OVER))), files).read(5.0)) == [Batch("run", (FACT,))]
    assert files.ended == [OVER]


def test_the_end_of_a_run_without_files_is_said_at_once():
    batch = Batch("pid:7:1", (OVER,))
    assert list(Ends(Machine(batch), Files("run")).read(5.0)) == [batch]


def test_a_folder_is_busy_while_somebody_holds_a_file_of_it_open_for_writing(tmp_path):
    code = "import sys; f = open(sys.argv[1], 'w'); print('up', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"up\n"
        workers = Workers()
        assert workers.busy(str(tmp_path), 0.0)
        assert not workers.busy(str(tmp_path)[:-1], 0.0)
        writer.stdin.close()
        writer.wait()
        assert workers.busy(str(tmp_path), 59.0)  # one look at all processes holds for a minute
        assert not workers.busy(str(tmp_path), 61.0)
