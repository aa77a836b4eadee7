"""Eight ranks on eight scripted GPUs, and all shipped rules: how runs hang, and who is named."""

import signal

import pytest

from tests.world.room import NAME, head_of, text_of

STEP = 15.0
BUSY = {"gpu.*.util.gpu": 98, "gpu.*.util.mem": 40, "gpu.*.power_mw": 620000, "gpu.*.mem.used_mib": 61000}
IDLE = {"gpu.*.util.gpu": 0, "gpu.*.util.mem": 0, "gpu.*.power_mw": 120000}
SPINNING = {"gpu.*.util.gpu": 100, "gpu.*.util.mem": 0, "gpu.*.power_mw": 130000}


def eight_ranks(room):
    """Eight ranks that train well for a quarter of an hour, a line every 15 s."""
    r = room(8, **BUSY)
    ranks = {rank: r.start("llm", rank, 8) for rank in range(8)}
    r.put_on(ranks)
    r.pass_time(900, step=STEP, every=lambda n: r.print("llm", n))
    assert r.told() == []
    return r, ranks


@pytest.fixture
def training(room):
    """On one kind of driver."""
    return eight_ranks(room)


def test_all_gpus_idle_with_their_memory_held_is_told_with_every_rank(training):
    r, ranks = training
    r.driver.set(**IDLE)
    r.until(lambda: r.fired("hang/idle-hang"), step=STEP)
    (change,) = r.fired("hang/idle-hang")
    text = text_of(r, change)
    assert NAME in text
    for rank, child in ranks.items():
        assert f"rank {rank}, pid {child.pid}, GPU {rank} at 0 %: sleeping in " in text
    assert 'last line "step=59 loss=' in text
    assert "py-spy" in text or "Thread" in text
    assert r.now - change.at <= STEP


def test_gpus_that_spin_without_progress_are_told_before_they_burn_the_night(training):
    r, ranks = training
    r.driver.set(**SPINNING)
    r.until(lambda: r.fired("hang/spin-hang"), step=STEP)
    change = r.fired("hang/spin-hang")[0]
    assert (change.run_name, change.severity.word) == ("llm", "critical")
    assert f"pid {ranks[5].pid}" in text_of(r, change)
    assert f"{change.instance.replace('gpu.', 'GPU ')}" in head_of(r, change)
    silent = 15 * 60
    assert change.at - (r.now - silent) < silent


def test_of_a_mixed_hang_the_title_names_the_rank_that_the_others_wait_for(either):
    r, ranks = eight_ranks(either)
    r.driver.set(**SPINNING, **{"gpu.3.util.gpu": 0, "gpu.3.power_mw": 110000})
    ranks[3].send_signal(signal.SIGSTOP)
    r.until(lambda: r.fired("hang/odd-rank"), step=STEP)
    r.pass_time(300, step=STEP)
    (change,) = r.fired("hang/odd-rank")
    assert "rank 3" in head_of(r, change)
    assert f"rank 3, pid {ranks[3].pid}, GPU 3 at 0 %: stopped by a signal" in change.say
    assert f"--pid {ranks[3].pid}" in text_of(r, change)
    assert not r.fired("hang/spin-hang")
    assert not {"hang/log-stalled", "hang/spin-hang"} & r.lit()  # its symptoms are hidden behind it ...
    stalled = r.fired("hang/log-stalled")
    assert all(abs(change.at - other.at) < 30 for other in stalled)  # ... and go into the same message
    ranks[3].send_signal(signal.SIGCONT)


def test_a_rank_that_left_the_loop_early_is_named_though_its_process_lives(training):
    r, _ = training
    r.driver.set(**SPINNING, **{"gpu.6.util.gpu": 0, "gpu.6.power_mw": 90000})
    r.until(lambda: r.fired("hang/odd-rank"), step=STEP)
    (change,) = r.fired("hang/odd-rank")
    assert "rank 6" in head_of(r, change)


def test_an_evaluation_and_a_checkpoint_with_idle_gpus_alarm_nobody(training):
    r, _ = training
    for pause in (150, 200, 240):
        r.driver.set(**IDLE)
        r.pass_time(pause, step=STEP)
        r.driver.set(**BUSY)
        r.pass_time(300, step=STEP, every=lambda n: r.print("llm", 200 + n))
    assert r.told() == []


def test_the_limit_grows_with_the_longest_pause_that_the_run_made_by_itself(training):
    r, _ = training
    r.driver.set(**BUSY)
    r.pass_time(280, step=STEP)  # compiling: GPUs busy, no line
    r.pass_time(100, step=STEP, every=lambda n: r.print("llm", 200 + n))
    r.pass_time(1300, step=STEP)  # five times that pause is not over yet
    assert r.told() == []
    r.until(lambda: r.fired("hang/log-stalled"), step=STEP)
