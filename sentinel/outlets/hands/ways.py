"""How a run can be asked for a checkpoint: the table of what runs show of themselves, and of what is refused, with the
exact words for a person. Supported are those lines that the tests run for real.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from sentinel.outlets.hands.scripts import is_lightning, saves_nothing_of_itself
from sentinel.outlets.hands.survey import Crew

LISTENS = ".sentinel-listens"  # written by sentinel.trainer: the pids that poll the stop file
STOP_FILE = ".sentinel-stop"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask; without a protocol it is a refusal, and `words` is what a person can do."""

    name: str
    protocol: str = ""  # "signal", "file", "slurm", "command"
    argument: str = ""
    ends: bool = True
    words: str = ""

    @property
    def known(self) -> bool:
        """Whether it can be asked."""
        return bool(self.protocol)

    @property
    def remote(self) -> bool:
        """Whether it reaches ranks on other nodes."""
        return self.protocol in ("file", "slurm", "command")


# What the command line or environment shows -> why it is refused, and what a person does instead.
REFUSED: tuple[tuple[str, str, str], ...] = (
    (
        r"deepspeed",
        "DeepSpeed",
        "its launcher passes SIGTERM to loader workers too; call engine.save_checkpoint() or wait",
    ),
    (
        r"megatron|pretrain_gpt",
        "Megatron-LM",
        "restart it with --exit-signal-handler, then: kill -TERM PID of every rank",
    ),
    (r"nemo", "NeMo", "use its PreemptionCallback through the scheduler; only rank 0's signal counts"),
    (r"composer", "Composer", "SIGTERM ends it without a save: wait for its next save, then interrupt it"),
    (r"fairseq", "fairseq", "it has no handler: wait for checkpoint_last.pt, then kill -TERM PID"),
    (r"submitit", "submitit", "job._interrupt() from its launcher saves and requeues"),
    (r"ray::|raylet|ray\.train", "Ray Train", "ray job stop JOB_ID; do not signal its workers"),
    (r"keras|tensorflow", "Keras", "BackupAndRestore saves by itself; set model.stop_training = True"),
    (r"orbax|jax", "JAX", "use the preemption service of jax.distributed"),
    (
        r"axolotl",
        "Axolotl",
        "touch OUTPUT_DIR/axolotl_checkpoint.save with dynamic_checkpoint.enabled; it goes on after",
    ),
    (r"llamafactory|llama-factory", "LLaMA-Factory", "press Abort in its board; SIGABRT alone saves only weights"),
    (r"torchtitan", "torchtitan", "it has no handler: wait for the next step-N folder, then kill -TERM PID"),
)

LIGHTNING = (
    "Lightning catches SIGTERM and saves nothing, unless ModelCheckpoint has save_on_exception=True, which neither its script"
    ' nor its config says; if it has, write ask = "signal:TERM"; else wait for a checkpoint, then kill -TERM {pids}'
)
TOGETHER = (  # lightning 2.6.6: `_sigterm_notifier_fn` broadcasts, and the first rank sends the signal on besides
    "over several ranks Lightning answers SIGTERM by a broadcast from within its handler, in which they may wait for each other"
    " for ever: give it sentinel.trainer.lightning.StopOnRequest; now wait for a checkpoint, then kill -TERM {pids}"
)


def find_way(crew: Crew, folder: str, override: str = "") -> Way:
    """How this run can be asked. An owner's setting (`ask`) goes before what was found."""
    if override:
        return _overridden(override, folder)
    shown = " ".join(process.line.lower() for process in (*crew.ranks, *crew.agents))
    listens = _listens(crew, folder)
    if listens is not None:
        return listens
    if any("SLURM_JOB_ID" in process.environment for process in crew.ranks):
        job = next(p.environment["SLURM_JOB_ID"] for p in crew.ranks if "SLURM_JOB_ID" in p.environment)
        return Way("Slurm", words=f'set ask = "slurm:TERM" for this watch, or: scancel --signal=TERM --full {job}')
    for pattern, name, words in REFUSED:
        if re.search(pattern, shown):
            return Way(name, words=words)
    way = _by_signal(crew)
    pids = " ".join(str(process.pid) for process in crew.ranks)
    if way.known and max(crew.world, len(crew.ranks)) > 1 and is_lightning(crew, folder):
        return Way("Lightning over several ranks", words=TOGETHER.format(pids=pids))
    if way.known and saves_nothing_of_itself(crew, folder):
        return Way("Lightning", words=LIGHTNING.format(pids=pids))
    return way


def _overridden(text: str, folder: str) -> Way:
    protocol, _, argument = text.partition(":")
    if protocol == "signal" and f"SIG{argument.removeprefix('SIG')}" in signal.Signals.__members__:
        return Way(f"signal {argument}", "signal", argument.removeprefix("SIG"))
    if protocol == "file":
        return Way(f"stop file {argument}", "file", str(Path(folder, argument)))
    if protocol in ("slurm", "command") and argument:
        return Way(f"{protocol} {argument}", protocol, argument)
    return Way("unknown", words=f"ask = '{text}': write signal:USR1, file:PATH, slurm:TERM or command:...")


def _listens(crew: Crew, folder: str) -> Way | None:
    """sentinel.trainer's own note of who polls the stop file; it counts only while one of them is the run's."""
    try:
        pids = {int(word) for word in Path(folder, LISTENS).read_text()[:4096].split() if word.isdigit()}
    except OSError:
        return None
    if not pids & {
        pid for process in crew.ranks for pid in (process.pid, process.innermost)
    }:  # a container counts its own
        return None
    return Way("stop file of sentinel.trainer", "file", str(Path(folder, STOP_FILE)), ends=False)


def _by_signal(crew: Crew) -> Way:
    for number, name in ((signal.SIGTERM, "TERM"), (signal.SIGUSR1, "USR1")):
        if crew.ranks and all(process.disposition(number) == "caught" for process in crew.ranks):
            return Way(f"signal {name}", "signal", name)
    pids = " ".join(str(process.pid) for process in crew.ranks)
    return Way(
        "no handler",
        words=f"any signal loses what came after its last checkpoint: wait for one, then kill -TERM {pids}",
    )
