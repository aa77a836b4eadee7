"""The sender's child: a late one is killed, one that babbles is not believed, an idle one goes."""

import sys
import time

from sentinel.core.telling_answers import Code
from sentinel.daemon.sending import DEADLINE, IDLE, Sending


def sending(code):
    return Sending("c", lambda: None, (sys.executable, "-c", code))


def answer(one, steady=0.0):
    for _ in range(500):
        got = one.collect(steady)
        if got is not None:
            return got
        time.sleep(0.01)
    raise AssertionError("no answer")


def test_a_child_that_hangs_is_killed_at_its_deadline():
    one = sending("import time; time.sleep(60)")
    one.start(7, {}, 0.0)
    assert one.collect(DEADLINE - 1) is None
    n, got = answer(one, DEADLINE)
    assert (n, got.code, one.pid) == (7, Code.TIMEOUT, None)


def test_a_child_that_dies_or_babbles_is_an_answer():
    for code in ("raise SystemExit(3)", "print('hello', flush=True); input()"):
        one = sending(code)
        one.start(1, {}, 0.0)
        assert answer(one)[1].code is Code.BROKEN


def test_an_idle_child_is_gone_after_half_a_minute():
    one = sending('import sys\nfor line in sys.stdin: print(\'{"code": "sent"}\', flush=True)')
    one.start(1, {}, 0.0)
    assert answer(one, 1.0)[1].sent
    assert one.collect(IDLE) is None
    assert one.pid
    one.collect(1.0 + IDLE)
    assert one.pid is None
