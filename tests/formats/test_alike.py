"""Which lines may wait: those that read like the ones before them but for their digits. All else is news."""

import pytest

from sentinel.formats.alike import alike, shapes_of

STEPS = b"step=9 loss=2.5000 lr=1e-4\nstep=10 loss=0.9000 lr=9.9e-05\n"
BAR = " 45%|████▌     | 45/100 [00:10<00:12,  4.41it/s, loss=0.512]\r".encode()
NEXT_BAR = "100%|██████████| 100/100 [1:00:22<00:00, 14.40it/s, loss=0.498]\r".encode()


@pytest.mark.parametrize(
    ("last", "come"),
    [
        (STEPS, b"step=11 loss=1234567.0 lr=1e-4\n"),
        (STEPS, b"step=11 loss=1.2E+06 lr=0.0001\nstep=12 loss=-3 lr=1e-4\n"),
        (STEPS, b""),
        (b"1,2.5,0.1\n", b"2,2.25,1e-3\n3,2.0,0.1\n"),
        (b'{"step": 1, "loss": 2.5}\n', b'{"step": 20, "loss": 12.25}\n'),
        (BAR, NEXT_BAR),
    ],
)
def test_more_of_the_same_may_wait(last, come):
    assert alike(come, shapes_of(last))


@pytest.mark.parametrize(
    "come",
    [
        b"step=11 loss=nan lr=1e-4\n",
        b"step=11 loss=-inf lr=1e-4\n",
        b"step=11 loss=1.0 lr=1e-4\nTraceback (most recent call last):\n",
        b"RuntimeError: CUDA out of memory\n",
        b"Killed\n",
        b"val loss 2.5\n",
        b"step=11 loss=2.5 lr=1e-4 grad_norm=1.0\n",
    ],
)
def test_what_reads_otherwise_is_news(come):
    assert not alike(come, shapes_of(STEPS))


@pytest.mark.parametrize("number", ["nan", "NaN", "-inf", "Infinity", "nan(ind)", "1.#QNAN", "None"])
def test_after_a_number_that_is_none_nothing_waits_so_that_the_next_of_them_is_met_at_once(number):
    assert shapes_of(STEPS + f"step=11 loss={number} lr=1e-4\n".encode()) == frozenset()


def test_a_word_that_only_holds_such_a_number_is_no_sign():
    assert alike(b"INFO finance step 12\n", shapes_of(b"INFO finance step 11\n"))


def test_wide_text_never_waits():
    assert shapes_of("step=1 loss=2\n".encode("utf-16")) == frozenset()
