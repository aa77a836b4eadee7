"""What goes wrong with a GPU, from the driver's library to the alert: it names GPU, run and next step; others go on."""

import pytest

from tests.world.room import HOST, text_of

BUSY = {"gpu.*.util.gpu": 97, "gpu.*.power_mw": 600000, "gpu.*.mem.used_mib": 61000}


@pytest.fixture
def training(either):
    """A run on GPUs 0 to 3 of eight, another on 4 to 7."""
    r = either(8, **BUSY)
    one, two = r.start("llm"), r.start("vision")
    r.put_on(dict.fromkeys(range(4), one) | dict.fromkeys(range(4, 8), two))
    train(r, 90)
    assert r.told() == []
    return r


def train(r, seconds=150, since=0, step=5.0):
    r.pass_time(seconds, step=step, every=lambda n: (r.print("llm", since + n), r.print("vision", since + n)))


def only(r, rule, run, gpu):
    """One alert of that rule on that GPU of that run; what a person reads of it."""
    (change,) = r.fired(rule)
    assert (change.run_name, change.instance) == (run, f"gpu.{gpu}")
    text = text_of(r, change)
    assert f"GPU {gpu}" in text
    return text


def others_go_on(r, but):
    """All other GPUs still give readings."""
    r.seen.clear()
    train(r, 30, since=500)
    names = {name for batch in r.seen for row in batch.items for name in getattr(row, "names", ())}
    assert {f"gpu.{n}.util" for n in range(8)} - names <= {f"gpu.{but}.util"}


def test_a_lost_gpu(training):
    training.driver.lose(5)
    train(training)
    text = only(training, "gpu-health/lost", "vision", 5)
    assert "reboot" in text
    others_go_on(training, 5)


def test_a_call_that_hangs_names_call_and_gpu(training):
    training.driver.set(**{"gpu.6.hang.nvmlDeviceGetPowerUsage": 1})
    train(training)
    text = only(training, "gpu-health/no-answer", "vision", 6)
    assert "GPU 6: nvmlDeviceGetPowerUsage does not answer" in text
    assert "kernel log" in text
    others_go_on(training, 6)


def test_a_crash_inside_the_driver_library(training):
    training.driver.set(**{"gpu.2.crash.nvmlDeviceGetUtilizationRates": 1})
    train(training)
    text = only(training, "gpu-health/no-answer", "llm", 2)
    assert "GPU 2: nvmlDeviceGetUtilizationRates crashed the driver library" in text
    others_go_on(training, 2)


def test_slow_answers_twice_in_ten_minutes(training):
    training.driver.set(**{"gpu.1.delay_ms.nvmlDeviceGetPowerUsage": 1100})
    training.gpu.keeper.deadline = 5.0
    train(training, 15)
    training.driver.clear("gpu.1.delay_ms.nvmlDeviceGetPowerUsage")
    text = only(training, "gpu-health/slow-answers", "llm", 1)
    assert "1.1 s" in text


@pytest.mark.parametrize("heard", ["nvml", "kernel", "both"])
def test_xid_79_from_the_driver_from_the_kernel_log_or_both_is_told_once(training, heard):
    if heard != "kernel":
        training.driver.xid(4, 79)
    if heard != "nvml":
        bus = training.gpu.gpus["4"].bus
        with open(training.kmsg, "a") as log:
            log.write(
                f"NVRM: Xid (PCI:0000:{bus[1]:02x}:{bus[2]:02x}): 79, pid=4711, name=python, GPU has fallen off\n"
            )
    training.until(lambda: training.fired("xid/critical"))
    train(training, 60)
    text = only(training, "xid/critical", "vision", 4)
    assert "Xid 79" in text
    assert "reboot the machine before the next run" in text


def test_xid_48_asks_for_a_reset(training):
    training.driver.xid(0, 48)
    training.until(lambda: training.fired("xid/critical"))
    text = only(training, "xid/critical", "llm", 0)
    assert "uncorrectable (double bit) ECC error" in text
    assert "release-gpu" in text


def test_new_uncorrectable_errors(training):
    training.driver.set(**{"gpu.7.ecc.volatile.unc": 3})
    train(training)
    text = only(training, "gpu-health/ecc-uncorrected", "vision", 7)
    assert "nvidia-smi" in text


def test_the_driver_s_own_verdict(training):
    training.driver.set(**{"gpu.3.field.230": "2u"})
    train(training)
    assert "2 reboot" in only(training, "gpu-health/recovery", "llm", 3)


def test_a_gpu_that_is_slowed_down_by_heat(training):
    training.driver.set(**{"gpu.2.clocks.reasons": "0x48", "gpu.2.temp": 93, "gpu.2.clock.sm": 900})
    train(training, 700, step=10.0)
    text = only(training, "throttle/hardware", "llm", 2)
    assert "93 °C" in text
    assert "cooling" in text


def test_a_link_that_went_down(training):
    training.driver.set(**{"gpu.3.nvlink.4.state": 0})
    train(training, 200)
    assert "1 NVLinks" in only(training, "gpu-health/nvlink-down", "llm", 3)


def test_after_an_update_of_the_driver_the_message_says_reboot(training):
    training.driver.set(**{"err.nvmlInitWithFlags": 18})
    training.gpu.keeper.renew()
    training.until(lambda: training.gpu.cannot)
    train(training, 150)
    (change,) = training.fired("host-trouble/driver")
    assert change.run == HOST
    assert "reboot" in text_of(training, change)
    assert "llm" in text_of(training, change)
    assert any("reboot" in sentence for sentence in training.machine.trouble())


def test_memory_that_nobody_holds(training):
    training.driver.set(**{"gpu.1.procs": ""})
    for child in training.children:
        child.kill()
        child.wait()
    training.driver.clear(*[f"gpu.{n}.procs" for n in range(8)])
    training.pass_time(700)
    orphans = {change.instance for change in training.fired("gpu-memory/orphan")}
    assert orphans == {f"gpu.{n}" for n in range(8)}
    assert "reset" in text_of(training, training.fired("gpu-memory/orphan")[0])


def test_a_mig_instance_gives_its_memory_to_the_run_on_it(either):
    r = either(2, **{"gpu.0.mig.mode": 1, "gpu.0.mig.count": 2, "gpu.0.mig.1.mem.used_mib": 9000, "gpu.1.util.gpu": 90})
    r.driver.set(**{"gpu.0.mig.1.procs": f"{r.start('llm').pid}:na"})
    r.pass_time(60, every=lambda n: r.print("llm", n))
    names = {name for batch in r.seen for row in batch.items for name in getattr(row, "names", ())}
    assert {"gpu.0m0.memory_used", "gpu.0m1.memory_used"} <= names
    (llm,) = (watched.run for watched in r.engine.runs.values() if watched.run.info.name == "llm")
    assert llm.series["gpu.0m1.memory_used"].value == 9000
    assert "gpu.0m0.memory_used" not in llm.series
    assert "gpu.0m0.util" not in names  # not supported there, and never a zero
    assert r.told() == []
