"""The health set: which NVML calls are made once a minute, and what each answer is called. One table; no state, no clock.

A call has several ways: the newest first, older ones for older drivers. What a driver does not support is left out of
the answer; it never becomes a zero. Only the standard library is imported here, for the child must stay small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sentinel.sources.gpu.hot import NOT_AVAILABLE

Values = tuple[tuple[str, float], ...]
Ask = Callable[[Any, Any], Values]  # (pynvml, handle) -> named values


class Way(NamedTuple):
    """One function of the library that answers a call."""

    function: str
    ask: Ask


class Call(NamedTuple):
    """One question to a GPU."""

    name: str
    ways: tuple[Way, ...]


def _scalar(function: str, name: str, scale: float = 1.0, *rest: Any) -> Way:
    def ask(nvml: Any, handle: Any) -> Values:
        value = getattr(nvml, function)(handle, *rest)
        return ((name, value * scale),) if value < NOT_AVAILABLE else ()

    return Way(function, ask)


def _ecc(name: str, kind: int) -> Ask:
    def ask(nvml: Any, handle: Any) -> Values:
        return ((name, float(nvml.nvmlDeviceGetTotalEccErrors(handle, kind, nvml.NVML_VOLATILE_ECC))),)

    return ask


def _remapped(nvml: Any, handle: Any) -> Values:
    names = ("remap_cor", "remap_unc", "remap_pending", "remap_failed")
    return tuple((name, float(v)) for name, v in zip(names, nvml.nvmlDeviceGetRemappedRows(handle), strict=True))


def _retired(nvml: Any, handle: Any) -> Values:
    single = len(nvml.nvmlDeviceGetRetiredPages(handle, nvml.NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS))
    double = len(nvml.nvmlDeviceGetRetiredPages(handle, nvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR))
    return (("retired_pages", float(single + double)), ("retired_double", float(double)))


def _threshold(name: str, which: str) -> Ask:
    def ask(nvml: Any, handle: Any) -> Values:
        degrees = nvml.nvmlDeviceGetTemperatureThreshold(handle, getattr(nvml, which))
        return ((name, float(degrees)),) if 0 < degrees < 200 else ()

    return ask


# Field values come in one batch, each with its own return code. The counters 74, 75 and 269-271 are nanoseconds spent
# throttled, which say more than a bit that catches the instant.
FIELDS: dict[int, str] = {
    230: "recovery",
    82: "memory_temp",
    83: "energy_mj",
    74: "ns_power_cap",
    269: "ns_heat_sw",
    270: "ns_heat_hw",
    271: "ns_brake",
    38: "nvlink_crc_flit",
    45: "nvlink_crc_data",
    52: "nvlink_replay",
    59: "nvlink_recovery",
    161: "nvlink_dl_replay",
    162: "nvlink_dl_recovery",
    163: "nvlink_dl_crc",
    94: "pcie_replays",
}
_VALUE_OF_TYPE = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal")


def _fields(nvml: Any, handle: Any) -> Values:
    out = []
    for field in nvml.nvmlDeviceGetFieldValues(handle, list(FIELDS)):
        if field.nvmlReturn == 0 and field.valueType < len(_VALUE_OF_TYPE):
            value = float(getattr(field.value, _VALUE_OF_TYPE[field.valueType]))
            if value < 2.0**63:
                out.append((FIELDS[field.fieldId], value))
    return tuple(out)


def _links(nvml: Any, handle: Any) -> Values:
    """How many NVLinks are up and how many exist; a GPU without links answers the first one with "not supported"."""
    up = links = 0
    for link in range(nvml.NVML_NVLINK_MAX_LINKS):
        try:
            up += nvml.nvmlDeviceGetNvLinkState(handle, link)
        except nvml.NVMLError as error:
            if link == 0 or error.value not in (2, 3):
                raise
            break
        links += 1
    return (("nvlinks_up", float(up)), ("nvlinks", float(links)))


HEALTH: tuple[Call, ...] = (
    # The driver's own verdict is among the fields, so they are asked first.
    Call("fields", (Way("nvmlDeviceGetFieldValues", _fields),)),
    Call("ecc uncorrected", (Way("nvmlDeviceGetTotalEccErrors", _ecc("ecc_unc", 1)),)),
    Call("ecc corrected", (Way("nvmlDeviceGetTotalEccErrors", _ecc("ecc_cor", 0)),)),
    Call("remap", (Way("nvmlDeviceGetRemappedRows", _remapped),)),
    Call("retired", (Way("nvmlDeviceGetRetiredPages", _retired),)),
    Call("retired pending", (_scalar("nvmlDeviceGetRetiredPagesPendingStatus", "retired_pending"),)),
    Call("pcie generation", (_scalar("nvmlDeviceGetCurrPcieLinkGeneration", "pcie_gen"),)),
    Call("pcie generation most", (_scalar("nvmlDeviceGetMaxPcieLinkGeneration", "pcie_gen_max"),)),
    Call("pcie width", (_scalar("nvmlDeviceGetCurrPcieLinkWidth", "pcie_width"),)),
    Call("pcie width most", (_scalar("nvmlDeviceGetMaxPcieLinkWidth", "pcie_width_max"),)),
    Call("pcie replays", (_scalar("nvmlDeviceGetPcieReplayCounter", "pcie_replays"),)),
    Call(
        "slowdown at",
        (Way("nvmlDeviceGetTemperatureThreshold", _threshold("temp_slowdown", "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN")),),
    ),
    Call(
        "most allowed",
        (Way("nvmlDeviceGetTemperatureThreshold", _threshold("temp_max", "NVML_TEMPERATURE_THRESHOLD_GPU_MAX")),),
    ),
    Call(
        "memory most allowed",
        (
            Way(
                "nvmlDeviceGetTemperatureThreshold", _threshold("memory_temp_max", "NVML_TEMPERATURE_THRESHOLD_MEM_MAX")
            ),
        ),
    ),
    Call("state", (_scalar("nvmlDeviceGetPerformanceState", "pstate"),)),
    Call("top sm clock", (_scalar("nvmlDeviceGetMaxClockInfo", "sm_clock_max", 1.0, 1),)),
    Call("energy", (_scalar("nvmlDeviceGetTotalEnergyConsumption", "energy_mj"),)),
    Call("links", (Way("nvmlDeviceGetNvLinkState", _links),)),
)
