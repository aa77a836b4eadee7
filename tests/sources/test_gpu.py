"""The NVML child on scripted drivers: the real ctypes path where there is a compiler, pure Python everywhere."""

import signal
import sys
import time

import pytest

from sentinel.core.records import Row
from sentinel.sources.gpu.keeper import Crashed, Keeper
from sentinel.sources.gpu.source import Gpu, GpuSource
from tests.world import plain_nvml
from tests.world.fake_nvml import Driver, build
from tests.world.waiting import PATIENCE

HOST = "host:here"


def end_all(machines):
    """Also the children that hang."""
    for one in machines:
        hung = [each.child.process for each in one.source.keeper.hanging]
        one.source.close()
        for process in hung:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("nvml"))


class Machine:
    """A source on a scripted driver, read until something is seen."""

    def __init__(self, keeper):
        self.source = GpuSource(keeper, HOST)
        self.rows = []
        self.now = 1000.0

    def turn(self):
        self.now += 0.02
        for batch in self.source.read(self.now):
            self.rows += [(batch.run, row) for row in batch.items if isinstance(row, Row)]
        time.sleep(0.01)

    def until(self, seen):
        end = time.monotonic() + PATIENCE
        while not seen():
            assert time.monotonic() < end, (self.source.trouble(), self.rows[-5:])
            self.turn()

    def last(self, name, run=None):
        for key, row in reversed(self.rows):
            if name in row.names and run in {None, key}:
                return row.values[row.names.index(name)]
        return None

    def until_row(self, name, value=None, run=None):
        self.rows.clear()
        self.until(lambda: self.last(name, run) is not None and value in {None, self.last(name, run)})

    def texts(self):
        return [row.text for _, row in self.rows if row.text]


@pytest.fixture
def machine(library, tmp_path):
    made = []

    def make(gpus=2, log=False, **keys):
        driver = Driver(tmp_path, library, gpus)
        driver.set(**keys)
        keeper = Keeper(0.03, 0.06, environment=driver.environment(log), deadline=0.4)
        made.append(Machine(keeper))
        return driver, made[-1]

    yield make
    end_all(made)


def test_readings_carry_the_drivers_numbers_in_people_s_units(machine):
    driver, m = machine(1, **{"gpu.0.util.gpu": 97, "gpu.0.power_mw": 642000, "gpu.0.mem.used_mib": 71234})
    driver.set(**{"gpu.0.field.230": "1u", "gpu.0.ecc.volatile.unc": 2, "gpu.0.clocks.reasons": "0x40"})
    m.until_row("gpu.0.recovery")
    assert m.last("gpu.0.util") == 97
    assert m.last("gpu.0.power") == 642
    assert m.last("gpu.0.power_limit") == 700
    assert m.last("gpu.0.memory_used") == 71234
    assert m.last("gpu.0.throttle_hw") == 1
    assert m.last("gpu.0.power_cap") == 0
    assert m.last("gpu.0.recovery") == 1
    assert m.last("gpu.0.ecc_unc") == 2
    assert m.last("gpu.0.pcie_width") == 16
    assert m.last("gpu.0.temp_slowdown") == 87


def test_readings_go_to_the_run_that_owns_the_gpu_and_else_to_the_host(machine):
    _, m = machine(2)
    m.source.owners = {"0": ("run-a",)}
    m.until_row("gpu.0.util", run="run-a")
    m.until_row("gpu.1.util", run=HOST)
    assert m.last("gpu.0.util", HOST) is None
    m.until_row("gpu.0.owned", 1, HOST)
    assert m.last("gpu.1.owned", HOST) == 0


def test_all_gpus_of_a_run_are_one_look(machine):
    _, m = machine(3)
    m.source.owners = {"0": ("run",), "2": ("run",)}
    m.until_row("gpu.0.util", run="run")
    row = next(row for key, row in m.rows if key == "run" and "gpu.0.util" in row.names)
    assert {"gpu.0.util", "gpu.2.util"} <= set(row.names)


def test_an_unsupported_call_is_asked_once_and_never_becomes_a_zero(machine):
    driver, m = machine(1, log=True, **{"gpu.0.err.nvmlDeviceGetPowerUsage": 3})
    m.until_row("gpu.0.util")
    for _ in range(3):
        m.until_row("gpu.0.util")
    assert m.last("gpu.0.power") is None
    assert [name for name, _ in driver.called()].count("nvmlDeviceGetPowerUsage") == 1


def test_not_available_is_unknown(machine):
    _, m = machine(1, **{"gpu.0.power_mw": "na", "gpu.0.util.gpu": 7})
    m.until_row("gpu.0.util", 7)
    assert m.last("gpu.0.power") is None


def test_an_old_driver_is_read_through_its_older_functions(machine):
    old = ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetComputeRunningProcesses_v3")
    keys = {f"gpu.0.err.{name}": 13 for name in (*old, "nvmlDeviceGetCurrentClocksEventReasons")}
    _, m = machine(1, **keys, **{"gpu.0.clocks.reasons": "0x20", "gpu.0.procs": "17:1024", "gpu.0.mem.used_mib": 500})
    m.until_row("gpu.0.processes", 1)
    assert m.last("gpu.0.throttle_heat") == 1
    assert m.last("gpu.0.memory_used") == 500 + 550  # the old call counts the driver's own part too
    assert m.source.gpus["0"].processes == ((17, 1024.0),)


def test_a_call_that_hangs_is_named_and_the_other_gpus_go_on(machine):
    driver, m = machine(8)
    m.until_row("gpu.6.power")
    driver.set(**{"gpu.6.hang.nvmlDeviceGetPowerUsage": 1})
    m.until_row("gpu.6.answers", 0)
    assert "GPU 6: nvmlDeviceGetPowerUsage does not answer" in m.source.trouble()[0]
    m.until_row("gpu.7.power")
    assert m.last("gpu.6.power") is None
    driver.clear("gpu.6.hang.nvmlDeviceGetPowerUsage")
    m.until_row("gpu.6.power")
    assert not m.source.trouble()


def test_a_hanging_driver_never_holds_back_the_daemon_or_its_end(machine):
    driver, m = machine(1)
    m.until_row("gpu.0.power")
    driver.set(**{"gpu.0.hang.nvmlDeviceGetPowerUsage": 1})
    m.until_row("gpu.0.answers", 0)
    began = time.monotonic()
    m.turn()
    hung = [each.child.process for each in m.source.keeper.hanging]
    m.source.close()
    assert time.monotonic() - began < PATIENCE
    driver.clear("gpu.0.hang.nvmlDeviceGetPowerUsage")
    assert [process.wait(PATIENCE) for process in hung] == [0]  # it ends by itself once the driver answers


def test_a_crash_in_the_library_costs_one_call_of_one_gpu(machine):
    driver, m = machine(4)
    m.until_row("gpu.2.memory_used")
    driver.set(**{"gpu.2.crash.nvmlDeviceGetMemoryInfo_v2": 1})
    m.until_row("gpu.2.answers", 0)
    assert "GPU 2: nvmlDeviceGetMemoryInfo_v2 crashed the driver library" in m.texts()[-1]
    m.until_row("gpu.2.util")
    assert m.last("gpu.2.memory_used") is None
    m.until_row("gpu.3.memory_used")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (-signal.SIGSEGV, "crashed the driver library"),
        (-signal.SIGKILL, "was cut off: its process was ended by signal 9"),
        (7, "ended its process with code 7"),
    ],
)
def test_only_a_crash_is_called_the_librarys(code, said):
    assert Crashed(0, "nvmlDeviceGetPowerUsage", code).what == said


def broken_start():
    """A source whose child ends before it met any driver."""
    return Machine(Keeper(0.03, 0.06, command=lambda options, note: (sys.executable, "-c", "raise SystemExit(7)")))


def ended(m):
    return m.source.keeper.start_at > 0.0


def test_a_child_that_cannot_start_where_there_is_no_gpu_is_no_trouble():
    m = broken_start()
    m.until(lambda: ended(m))
    m.turn()
    assert not m.rows and not m.source.trouble()
    m.source.close()


def test_a_child_that_cannot_start_where_there_was_a_gpu_is_told():
    m = broken_start()
    m.source.gpus["0"] = Gpu("0")
    m.until(m.texts)
    assert m.texts()[0].startswith("NVML: start ended its process with code 7")
    m.source.close()


def test_a_lost_gpu_is_told_and_spares_the_others(machine):
    driver, m = machine(3)
    m.until_row("gpu.1.util")
    driver.lose(1)
    m.until_row("gpu.1.lost", 1)
    assert "reboot" in m.source.trouble()[0]
    m.until_row("gpu.2.util")
    assert m.last("gpu.1.util") is None


def test_a_slow_call_is_a_reading(machine):
    driver, m = machine(1)
    driver.set(**{"gpu.0.delay_ms.nvmlDeviceGetPowerUsage": 300})
    m.until_row("gpu.0.slow")
    assert 0.3 <= m.last("gpu.0.slow") < 0.4


def test_an_xid_comes_through_the_event_set_once(machine):
    driver, m = machine(6)
    m.until_row("gpu.5.util")
    m.turn()
    driver.xid(5, 79)
    m.until_row("gpu.5.xid", 79)
    assert "GPU 5: Xid 79, GPU fell off the bus; reboot the machine before the next run" in m.texts()
    assert not list(m.source.xid("5", 79, m.now))  # the kernel log tells the same event
    assert list(m.source.xid("5", 48, m.now))


def test_a_version_mismatch_says_reboot_and_a_new_driver_is_met(machine):
    driver, m = machine(1)
    m.until_row("gpu.0.util")
    driver.set(**{"err.nvmlInitWithFlags": 18})
    m.source.keeper.renew()
    m.until_row("nvml.up", 0)
    assert "reboot" in m.source.trouble()[0]
    driver.clear("err.nvmlInitWithFlags")
    m.source.keeper.start_at = 0
    m.until_row("nvml.up", 1)
    assert not m.source.trouble()


def test_a_gpu_keeps_its_number_when_indices_move(machine):
    driver, m = machine(3)
    m.until_row("gpu.2.util")
    uuids = {label: gpu.uuid for label, gpu in m.source.gpus.items()}
    driver.set(**{"gpu.count": 2, "gpu.0.uuid": uuids["0"], "gpu.1.uuid": uuids["2"], "gpu.1.util.gpu": 55})
    m.source.keeper.renew()
    m.until_row("gpu.2.util", 55)
    assert m.last("gpu.1.lost") == 1


def test_mig_instances_are_read_beside_their_gpu(machine):
    _, m = machine(1, **{"gpu.0.mig.mode": 1, "gpu.0.mig.count": 2, "gpu.0.mig.1.mem.used_mib": 777})
    m.until_row("gpu.0m1.memory_used", 777)
    assert m.last("gpu.0m1.util") is None


def test_release_lets_the_driver_go_and_comes_back(machine):
    _, m = machine(1)
    m.until_row("gpu.0.util")
    assert "reset the GPU now" in m.source.release(0.5, m.now)
    m.until(lambda: not m.source.keeper.pids)
    m.until_row("gpu.0.util")


def test_the_child_stays_small(machine):
    _, m = machine(8)
    m.until_row("gpu.7.util")
    with open(f"/proc/{m.source.keeper.pids[0]}/status") as status:
        held = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert held <= 25 * 1024


@pytest.fixture
def plain(tmp_path):
    made = []

    def make(gpus=1, **keys):
        driver = Driver(tmp_path, tmp_path / "none", gpus)
        driver.set(**keys)
        made.append(Machine(Keeper(0.03, 0.06, command=plain_nvml.command(driver.state), deadline=0.4)))
        return driver, made[-1]

    yield make
    end_all(made)


def test_a_machine_without_a_compiler_is_tested_on_pure_python(plain):
    driver, m = plain(2, **{"gpu.0.util.gpu": 40, "gpu.1.util.gpu": 90, "gpu.1.power_mw": 300000})
    m.until_row("gpu.1.power", 300)
    assert m.last("gpu.1.util") == 90
    driver.lose(0)
    driver.set(**{"gpu.1.util.gpu": 91})
    m.until_row("gpu.1.util", 91)
    m.until_row("gpu.0.lost", 1)


def test_hang_and_crash_cost_one_child_on_pure_python_too(plain):
    driver, m = plain(2)
    m.until_row("gpu.1.util")
    driver.set(**{"gpu.0.hang.nvmlDeviceGetPowerUsage": 1})
    m.until_row("gpu.0.answers", 0)
    m.until_row("gpu.1.util")
    driver.set(**{"gpu.1.crash.nvmlDeviceGetPowerUsage": 1})
    m.until_row("gpu.1.answers", 0)
    m.until_row("gpu.1.util")


def test_a_machine_without_a_driver_is_no_trouble(plain):
    _, m = plain(0, **{"err.nvmlInitWithFlags": 12})
    for _ in range(40):
        m.turn()
    assert not m.rows
    assert not m.source.trouble()


def test_a_container_without_its_devices_is_told_the_cure(plain):
    _, m = plain(0, **{"err.nvmlInitWithFlags": 999})
    m.until_row("nvml.up", 0)
    assert "restart the container" in m.source.trouble()[0]
