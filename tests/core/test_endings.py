"""How a run went: the surest witness speaks first, and what nobody saw is "cannot tell"."""

import pytest

from sentinel.core.endings import Traces, how_it_went, signal_of
from sentinel.core.records import How, Mark, MarkKind


def mark(kind, detail=""):
    return Mark(kind, "train.log", 9, 1.0, detail)


FINISHED, FATAL, STOPPED = (mark(kind) for kind in (MarkKind.FINISHED, MarkKind.FATAL, MarkKind.STOPPED))


@pytest.mark.parametrize(
    ("traces", "how"),
    [
        (Traces(), How.UNCLEAR),
        (Traces(marks=(FINISHED,)), How.ENDED),
        (Traces(exit_code=0), How.ENDED),
        (Traces(progress=1.0), How.ENDED),
        (Traces(marks=(FATAL,)), How.DIED),
        (Traces(marks=(FATAL,), exit_code=0), How.ENDED),  # it was caught
        (Traces(marks=(FATAL, FINISHED)), How.ENDED),
        (Traces(marks=(FINISHED, FATAL)), How.DIED),
        (Traces(marks=(FINISHED,), signal=11), How.DIED),  # it died after its closing line
        (Traces(marks=(FINISHED,), exit_code=1), How.DIED),
        (Traces(exit_code=1), How.DIED),
        (Traces(signal=11), How.DIED),
        (Traces(exit_code=139), How.DIED),
        (Traces(signal=15), How.STOPPED),
        (Traces(exit_code=-9), How.STOPPED),
        (Traces(exit_code=-9, heard=False), How.UNCLEAR),  # the kernel may have killed it and nobody heard
        (Traces(signal=9, out_of_memory=True), How.DIED),
        (Traces(signal=9, kernel="NVRM: Xid 79"), How.DIED),
        (Traces(marks=(STOPPED,), exit_code=1), How.STOPPED),
        (Traces(marks=(FATAL,), by_us="Sentinel stopped it"), How.STOPPED),
        (Traces(progress=0.4), How.UNCLEAR),
        (Traces(lost="the machine restarted"), How.DIED),
        (Traces(lost="the machine restarted", progress=1.0), How.ENDED),
    ],
)
def test_how_a_run_went(traces, how):
    assert how_it_went(traces).how is how


def test_the_detail_says_who_said_so():
    assert how_it_went(Traces(signal=11)).detail == "ended by SIGSEGV"
    assert how_it_went(Traces(marks=(mark(MarkKind.FATAL, "RuntimeError: x"),))).detail == "RuntimeError: x"
    assert how_it_went(Traces(marks=(FATAL,))).detail == "train.log:9"


def test_a_shells_and_a_parents_exit_code_hold_the_signal():
    assert [signal_of(Traces(exit_code=code)) for code in (137, -11, 1, 0)] == [9, 11, None, None]
