"""What NVML's error codes mean for us, each with the cure. A table; nothing else."""

from __future__ import annotations

# Codes with which the library refuses to start. Every sentence names what to do.
CANNOT_START: dict[int, str] = {
    4: "no permission for the GPU devices; run as root, or add the user to the group that owns /dev/nvidia*",
    9: "the NVIDIA driver is not loaded; `modprobe nvidia`, or reboot after an installation",
    12: "no libnvidia-ml.so.1; install the NVIDIA driver, or name the library in [gpu] library",
    15: "a GPU fell off the bus; reboot the machine",
    18: "the driver library and the loaded kernel module differ, as after an update; reboot the machine",
    999: "the devices are out of reach, as in a container after `systemctl daemon-reload`; restart the container, or "
    "start it with `--device /dev/nvidiactl --device /dev/nvidia0 ...`",
}
NO_DRIVER = (9, 12)  # a machine without a GPU answers so; that is no trouble

# The driver's own verdict, field 230.
RECOVERY: dict[int, str] = {
    0: "none",
    1: "reset the GPU",
    2: "reboot the machine",
    3: "drain peer-to-peer traffic",
    4: "drain the GPU, then reset it",
}


def cannot_start(code: int) -> str:
    """One sentence for a library that would not start."""
    return f"NVML does not start (code {code}): {CANNOT_START.get(code, 'run `nvidia-smi` and look at the kernel log')}"


def lost(gpu: str, code: int) -> str:
    """One sentence for a GPU that is gone."""
    if code == 16:
        return f"GPU {gpu} asks for a reset; `sentinel release-gpu --for 10m`, then `nvidia-smi --gpu-reset -i {gpu}`"
    return f"GPU {gpu} is lost; it comes back with a reboot, seldom with a reset"
