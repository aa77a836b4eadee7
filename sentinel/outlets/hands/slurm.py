"""Slurm: a job is asked and parked through Slurm, its processes are never signalled by us. Measured with Slurm 22.05.

`scancel --signal` to a step reaches all its processes; with `--full` to the batch step it also reaches the batch shell,
which dies of it, and Slurm then ends what is left within KillWait, whatever it was saving.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from sentinel.core.records import Json
from sentinel.outlets.hands.process import read_process
from sentinel.outlets.hands.sending import Refused, ask, audit
from sentinel.outlets.hands.survey import Crew
from sentinel.outlets.hands.ways import Way

PATIENCE = 60.0
STEP_DAEMON = "slurmstepd"  # the parent of what a batch script has become by `exec`
GONE = ("", "COMPLETED", "CANCELLED", "FAILED", "COMPLETING")
HELD = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")


def job_of(crew: Crew) -> str:
    """The one job that all ranks here belong to, or ""."""
    jobs = {process.environment.get("SLURM_JOB_ID", "") for process in crew.ranks}
    return jobs.pop() if len(jobs) == 1 else ""


def ask_job(crew: Crew, name: str, record: Path) -> str:
    """Signal the ranks through Slurm; refused where that would also hit who must not be hit."""
    job = job_of(crew)
    if not job:
        raise Refused("no single Slurm job was found in its environment")
    if crew.others:
        raise Refused(f"Slurm would signal its {len(crew.others)} workers too, which then take the save down with them")
    steps = {process.environment.get("SLURM_STEP_ID", "") for process in crew.ranks}
    if all(step.isdigit() for step in steps):
        return "; ".join(_run(["scancel", f"--signal={name}", f"{job}.{step}"], job, record) for step in sorted(steps))
    if any((above := read_process(rank.parent)) is None or above.name != STEP_DAEMON for rank in crew.ranks):
        raise Refused(f"the batch shell of job {job} would die of it: start the training with srun, or with exec")
    return _run(["scancel", f"--signal={name}", "--full", job], job, record)


def park(crew: Crew, record: Path) -> str:
    """End the job and hold it: `scontrol release JOB` undoes it."""
    job = job_of(crew)
    if not job:
        raise Refused("no single Slurm job was found in its environment")
    return _run(["scontrol", "requeuehold", job], job, record, HELD)


def state_of(job: str) -> str:
    """What Slurm says of a job now; "" when it does not know it any more, "unknown" when it does not answer."""
    try:
        words = ["squeue", "--noheader", "--format=%T", f"--jobs={job}"]
        done = subprocess.run(
            words, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if done.returncode and "Invalid job id" not in done.stderr:
        return "unknown"
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""


def _run(words: list[str], job: str, record: Path, wanted: tuple[str, ...] = ()) -> str:
    """Run one command, once; after any error Slurm is asked what became of the job, and nothing is tried again."""
    audit(record, "running", command=list[Json](words))
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
        code, said = done.returncode, done.stderr[-200:].decode(errors="replace").strip()
    except (OSError, subprocess.TimeoutExpired) as trouble:
        code, said = -1, str(trouble)
    with contextlib.suppress(OSError):
        audit(record, "ran", command=list[Json](words), code=code)
    if code == 0:
        return f"ran {' '.join(words)}"
    state = state_of(job)
    if state in (*wanted, *GONE):
        return f"{' '.join(words)} ended with {code} ({said}), and yet job {job} is {state or 'gone'}"
    raise Refused(f"{words[0]} ended with {code}: {said}; job {job} is {state}")


def ask_by(crew: Crew, way: Way, record: Path, *, stop: bool) -> str:
    """Ask in that way, a Slurm job through Slurm."""
    return ask_job(crew, way.argument, record) if way.protocol == "slurm" else ask(crew, way, record, stop=stop)
