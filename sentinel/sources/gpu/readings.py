"""From what the child said about one GPU to named readings: counters become rates, the unknown no zero. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Values = dict[str, float]

# Counters of the driver and what their growth is called. Nanoseconds of throttling become a share of the time.
SHARES = {"ns_power_cap": "capped", "ns_heat_sw": "heat_sw", "ns_heat_hw": "heat_hw", "ns_brake": "braked"}
RISES = {"ecc_unc": "ecc_unc_new", "ecc_cor": "ecc_cor_new", "remap_unc": "remap_unc_new"}
RATES = {"pcie_replays": "pcie_replay_rate"}  # per minute
LINK_RETRIES = ("nvlink_replay", "nvlink_recovery", "nvlink_dl_replay", "nvlink_dl_recovery")
LINK_CRC = ("nvlink_crc_flit", "nvlink_crc_data", "nvlink_dl_crc")
# Replays that a link may show a minute and lane, by PCIe generation: DCGM's limits.
REPLAYS_A_LANE = {1: 0.15, 2: 0.3, 3: 0.48, 4: 0.96, 5: 1.92, 6: 3.84}
NANO = 1e9
MINUTE = 60.0


@dataclass(slots=True)
class Memory:
    """What the next sample of a GPU is compared with."""

    at: float | None = None
    counters: Values = field(default_factory=dict)
    links: float = 0.0  # the most NVLinks that were ever up


def readings(given: Mapping[str, float], now: float, memory: Memory) -> Values:
    """The readings of one sample; the memory moves on only with samples that carry counters."""
    out = {name: value for name, value in given.items() if name not in SHARES and not name.startswith("nvlink_")}
    if "ecc_unc" not in given and "energy_mj" not in given and "pcie_replays" not in given and not _link(given):
        return out
    if memory.at is not None and now > memory.at:
        out.update(_grown(given, memory.counters, now - memory.at))
    if "nvlinks_up" in given:
        memory.links = max(memory.links, given["nvlinks_up"])
        out["nvlinks_down"] = memory.links - given["nvlinks_up"]
    if "energy_mj" in out:
        out["energy_wh"] = out.pop("energy_mj") / 3.6e6
    limit = _replay_limit(given)
    if limit is not None:
        out["pcie_replay_limit"] = limit
    memory.at, memory.counters = now, dict(given)
    return out


def _link(given: Mapping[str, float]) -> bool:
    return any(name in given for name in (*LINK_RETRIES, *LINK_CRC, *SHARES))


def _grown(given: Mapping[str, float], before: Values, seconds: float) -> Values:
    out: Values = {}

    def growth(name: str) -> float | None:
        if name not in given or name not in before:
            return None
        return max(0.0, given[name] - before[name])  # a reset takes counters back to zero

    for table, scale in ((SHARES, 1 / (seconds * NANO)), (RISES, 1.0), (RATES, MINUTE / seconds)):
        for name, called in table.items():
            grown = growth(name)
            if grown is not None:
                out[called] = grown * scale
    for names, called in ((LINK_RETRIES, "nvlink_retry_rate"), (LINK_CRC, "nvlink_crc_rate")):
        known = [grown for grown in map(growth, names) if grown is not None]
        if known:
            out[called] = sum(known) * MINUTE / seconds
    return out


def _replay_limit(given: Mapping[str, float]) -> float | None:
    lane = REPLAYS_A_LANE.get(int(given.get("pcie_gen_max", 0)))
    lanes = given.get("pcie_width_max", 0)
    return lane * lanes if lane and lanes else None
