"""What is said of a program by its own runtime, its launcher or its machine when it dies: one form a line, with a sample.

Each form stands where only the runtime, launcher or scheduler itself writes it, so that prose, help and a number named `error`
are none. Somebody's will (Ctrl-C, a plain kill: signals 1, 2 and 15) is no death.
"""

from __future__ import annotations

import re2

_FAULT = r"(?:[3-9]|1[0-46-9]|[2-6]\d)"  # signals that are nobody's will
_CODE = rf"(?:-{_FAULT}|[1-9]\d*)"
_KINDS = r"(?:Killed|Segmentation fault|Aborted|Bus error|Illegal instruction|Floating point exception)"
_LOST = (
    "an illegal memory access was encountered|device-side assert triggered|unspecified launch (?:failure|timeout)"
    "|uncorrectable ECC error encountered|misaligned address|an illegal instruction was encountered|unknown error"
)

FORMS: tuple[tuple[str, str], ...] = (
    (r"(?i)^(?:fatal error|\[?fatal\b|segmentation fault|aborted|killed$|bus error)", "Segmentation fault"),
    (r"^F\d{4} \d\d:", "F0421 09:02:45.1 72 math.cu:52] Check failed: status == CUBLAS_STATUS_SUCCESS"),
    (
        r"(?:^|[\d\]:] )F (?:tensorflow|external|xla|tsl|third_party)/\S+:\d+\] ",
        "F xla/service/device.cc:22] Unexpected Event status: 1",
    ),
    (r"\bterminate called\b", "terminate called after throwing an instance of 'std::bad_alloc'"),
    (rf"(?i){_KINDS}\s+\(core dumped\)", "  it/s]Segmentation fault (core dumped)"),
    (
        rf": line \d+:\s+\d+ {_KINDS}\s.*(?:python|torchrun|accelerate|deepspeed|srun|mpirun|train|\"\$@\")",
        "./go.sh: line 3:  7364 Killed                  python3 train.py --name=a",
    ),
    (
        r"(?i)slurmstepd: error|Out of memory: Killed|oom-kill",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.",
    ),
    (
        r"^srun: error: \S+: tasks? [\d,-]+: (?:Out Of Memory|Killed|Segm|Bus|Abort|Floating|Exited with exit code [1-9])",
        "srun: error: n07: task 0: Out Of Memory",
    ),
    (
        rf"failed \(exitcode: {_CODE}\) local_rank: \d",
        "E0801 api.py:874] failed (exitcode: -9) local_rank: 3 (pid: 33) of binary: python",
    ),
    (
        rf"\] exits with return code = {_CODE}\s*$",
        "[ERROR] [launch.py:434] ['python', 'train.py'] exits with return code = -9",
    ),
    (
        rf"noticed that process rank \d+ with PID \d+ on node \S+ exited on signal {_FAULT}\b",
        "mpirun noticed that process rank 3 with PID 0 on node n1 exited on signal 9 (Killed).",
    ),
    (
        r"^a non-zero exit code\. Per user-direction, the job has been aborted",
        "a non-zero exit code. Per user-direction, the job has been aborted.",
    ),
    (r"^Error executing job with overrides: ", "Error executing job with overrides: ['lr=0.1']"),
    (r"^(?:\(\S+ pid=[^)]*\) )?The actor is dead because ", "The actor is dead because its worker process has died."),
    (
        r"^\(raylet\b.*(?:A worker died or was killed while executing|\d Workers \(tasks / actors\) killed due to memory)",
        "(raylet) A worker died or was killed while executing a task by an unexpected system error.",
    ),
    (r"^command terminated with exit code [1-9]", "command terminated with exit code 137"),
    (r"^The node was low on resource: ", "The node was low on resource: memory. Container a was using 31Gi."),
    (
        r"^Memory access fault by GPU node-\d",
        "Memory access fault by GPU node-1 on address 0x1e4000. Reason: Page not present.",
    ),
    (rf"\bCUDA error: (?:{_LOST})", "[ERROR] trainer - CUDA error: device-side assert triggered"),
    (
        r"we are taking the entire process down\.|watchdog thread terminated with exception: ",
        "[Rank 4] To avoid data inconsistency, we are taking the entire process down.",
    ),
    (
        r"^(?:[A-Za-z_]\w*\.)+_?[A-Z]\w*(?:Error|Exception)(?:\(\w+\))?: ?",
        "jaxlib.xla_extension.XlaRuntimeError: INTERNAL: no",
    ),
    (
        r"^(?:FloatingPoint|ResourceExhausted|OutOfMemory|Memory|System|Fatal)Error(?: \(see above for traceback\))?: ?",
        "FloatingPointError: Loss became infinite or NaN at iteration=7!",
    ),
    (
        r"^RuntimeError: (?:(?i:CUDA|cuDNN|cuBLAS)|NCCL|HIP|MPS|NPU|XPU|HCCL|\[enforce|DataLoader worker|Pin memory thread)\b",
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
    ),
    (r"^Exception in device=\S+: ", "Exception in device=TPU:4: RESOURCE_EXHAUSTED: From /job:tpu_worker"),
    (r"^Error Message Summary:\s*$", "Error Message Summary:"),
    (r"^E[A-Z]\d{4}: \S", "EI0002: The wait execution of the Notify register times out."),
    (r"^ERROR \([\w-]+\[[^\]]*\]:", "ERROR (nnet3-train[5.4]:CopyToVec():cu-vector.cc:899) cudaError_t 4"),
    (r"^EXCEPTION occurred: ", "EXCEPTION occurred: CUBLAS failure 13"),
)

PATTERN = "|".join(f"(?:{form})" for form, _ in FORMS)
DEATH = re2.compile(PATTERN)


# A crash without a word of Python's own: libraries are torn down like that, too, after a training that ended well.
_CRASH = re2.compile(rf"(?i)^(?:terminate called|{_KINDS}(?: |$))|: line \d+:\s+\d+ {_KINDS}\s")


def is_crash(text: str) -> bool:
    """Whether a death is a bare crash, `Segmentation fault (core dumped)`, and no exception, kill or want of memory."""
    return bool(_CRASH.search(text)) and "Killed" not in text
