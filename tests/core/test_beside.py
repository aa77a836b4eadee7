"""Which of the host's series a run is handed: those that a rule of it reads beside the run's own."""

from dataclasses import replace

from sentinel.core.beside import mixed_rules, wanted_of_host
from sentinel.core.rule import Only, Rulebook
from tests.core.toy import above, engine, feed, row, rule

IO = "host.io_some_avg60"


def expression(*reads):
    return replace(above("train.loss", 5), reads=frozenset(reads))


def wanted(*rules, has="train.loss"):
    made = engine()
    feed(made, row(1.0, 1, name=has))
    (watched,) = made.runs.values()
    return wanted_of_host(mixed_rules(Rulebook(tuple(rules))), watched.run)


def test_a_rule_about_the_host_alone_is_no_matter_of_a_run():
    assert wanted(rule("low", expression("host.mem_available"))) == frozenset()


def test_a_rule_of_both_is_handed_the_host_s_part():
    assert wanted(rule("slow", expression("train.loss", IO)), rule("loss", expression("train.loss"))) == {IO}


def test_nothing_is_handed_to_a_run_that_lacks_its_own_part():
    assert wanted(rule("slow", expression("gpu.*.util", IO))) == frozenset()
    assert wanted(rule("slow", expression("gpu.*.util", IO)), has="gpu.0.util") == {IO}


def test_under_each_the_own_part_is_that_of_any_instance():
    slow = replace(rule("slow", expression("gpu.util", IO)), each="gpu.*")
    assert wanted(slow, has="gpu.3.util") == {IO}
    assert wanted(slow, has="train.loss") == frozenset()


def test_a_rule_that_is_not_for_this_run_wants_nothing():
    elsewhere = replace(rule("slow", expression("train.loss", IO)), only=Only(kind="host"))
    assert wanted(elsewhere) == frozenset()
