"""Growth: whole lines, halves of lines, nothing, and more than one look may take."""

import os

from tests.sources.one_log import lines, told


def test_what_is_appended_comes_once(one):
    one.append(1, 2)
    assert one.steps() == [1, 2]
    assert one.steps() == []
    one.append(3)
    assert one.steps() == [3]


def test_half_a_line_comes_when_its_end_does(one):
    one.write("step=1 lo")
    assert one.steps() == []
    with one.path.open("a") as file:
        file.write("ss=0.5\nstep=2")
    assert one.steps() == [1]
    one.restart()
    with one.path.open("a") as file:
        file.write(" loss=1\n")
    assert one.steps() == [2]


def test_a_file_may_be_empty_at_first(one):
    one.write("")
    assert one.steps() == []
    one.append(1)
    assert one.steps() == [1]


def test_a_look_takes_no_more_than_it_may_and_the_rest_comes_with_the_next_ones(one):
    one.append(*range(1000))
    seen, looks = [], 0
    while len(seen) < 1000:
        seen += told(one.look(limit=1000))
        looks += 1
    assert seen == list(range(1000))
    assert looks > 10


def test_a_touch_without_growth_gives_nothing(one):
    one.append(1)
    one.steps()
    os.utime(one.path)
    assert one.steps() == []


def test_descriptors_are_closed_when_idle_and_opened_when_the_file_moves(one):
    one.append(1)
    one.steps()
    one.steps()
    one.steps(seconds=100)
    assert [part.content for part in one.log.parts] == [None]
    one.append(2)
    assert one.steps() == [2]


def test_a_restart_goes_on_at_the_unfinished_line(one):
    one.write(lines(1) + "step=2 loss=0.")
    assert one.steps() == [1]
    one.restart()
    with one.path.open("a") as file:
        file.write("7\n")
    (row,) = one.look()
    assert (row.step, row.values, row.line) == (2, (0.7,), 2)
