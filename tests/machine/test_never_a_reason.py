"""What must never be a reason by itself: each shown by the driver for a long time, and nobody is told."""

import pytest

BUSY = {"gpu.*.util.gpu": 97, "gpu.*.power_mw": 600000, "gpu.*.mem.used_mib": 61000}
ALONE = {
    "a row remap that is pending": {"gpu.*.remap.pending": 1, "gpu.*.remap.unc": 1},
    "a software power cap at full load": {"gpu.*.clocks.reasons": "0x4", "gpu.*.power_mw": 700000},
    "a link that drops its generation while idle": {"gpu.*.pcie.gen": 1, "gpu.*.util.gpu": 0, "gpu.*.power_mw": 60000},
    "no utilisation while the log goes on": {"gpu.*.util.gpu": 0, "gpu.*.power_mw": 90000},
    "full utilisation at little power while the log goes on": {"gpu.*.util.gpu": 100, "gpu.*.power_mw": 90000},
    "memory that is nearly full and steady": {"gpu.*.mem.used_mib": 80900},
    "old memory errors": {"gpu.*.ecc.volatile.unc": 7, "gpu.*.ecc.volatile.cor": 123456},
    "a blink of the hardware brake": {"gpu.*.clocks.reasons": "@calls 0x8 0 0 0"},
}


@pytest.mark.parametrize("shown", ALONE)
def test_alone_it_is_quiet(room, shown):
    r = room(2, **(BUSY | ALONE[shown]))
    r.put_on({0: (child := r.start("llm")), 1: child})
    r.pass_time(2400, step=15.0, every=lambda n: r.print("llm", n))
    assert r.told() == []


@pytest.mark.parametrize("code", [45, 106, 162])
def test_a_storm_of_xids_that_mean_nothing_is_quiet(room, code):
    r = room(1, **BUSY)
    r.put_on({0: r.start("llm")})
    r.pass_time(30, every=lambda n: r.print("llm", n))

    def storm(n):
        r.print("llm", 10 + n)
        with open(r.kmsg, "a") as log:
            log.writelines(
                f"NVRM: Xid (PCI:0000:{r.bus(0)}): {code}, pid='<unknown>', Ch 000000{n:02x}\n" for _ in range(40)
            )

    r.pass_time(600, every=storm)
    assert r.told() == []


def test_a_ghost_at_full_utilisation_without_memory_or_process_is_quiet(room):
    r = room(2, **{"gpu.*.util.gpu": 100, "gpu.*.power_mw": 100000, "gpu.*.mem.used_mib": 0})
    r.pass_time(2400, step=15.0)
    assert r.told() == []
