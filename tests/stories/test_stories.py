"""The five post-mortems, whole: each names its own cause, and its mended twin stays quiet."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.core.records import Severity
from sentinel.daemon.books import open_books
from sentinel.daemon.replay import replay
from tests.stories import tales

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def books():
    return open_books([])


def told(books, folder, least=Severity.HIGH):
    out = replay(folder, books.book, books.names)
    assert not out.bugs
    return {f"{c.signature}/{c.rule}": c for c in out.firing if c.severity >= least and not c.hidden_by}


def audited(folder):
    command = [sys.executable, "-m", "sentinel", "audit", str(folder), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {f"{c['signature']}/{c['rule']}": c for c in changes}


def test_one_head_over_two_vocabularies_is_named_before_a_step_is_made_and_worse_than_uniform_in_time(books, tmp_path):
    folder = tales.mixed_vocabulary(tmp_path)
    alerts = told(books, folder)
    assert next(iter(alerts)) == "one-head-for-two-vocabularies/shared"
    assert alerts["worse-than-uniform/perplexity"].step == 10_000
    assert {change.family for change in alerts.values()} <= {"audit", "generalisation"}
    code, found = audited(folder)
    assert code == 1
    assert {"one-head-for-two-vocabularies/shared", "one-head-for-two-vocabularies/mask-rate"} <= set(found)


def test_the_countdown_is_named_as_the_cause_and_its_symptoms_are_hidden_behind_it(books, tmp_path):
    folder = tales.countdown(tmp_path)
    alerts = told(books, folder)
    assert list(alerts) == ["loss-domination/target-at-zero"]
    assert alerts["loss-domination/target-at-zero"].epoch <= 10
    every = {f"{c.signature}/{c.rule}" for c in replay(folder, books.book, books.names).firing}
    assert {"probability-collapse/no-separation", "probability-collapse/collapsed", "wrong-task/score-at-zero"} <= every
    assert "loss-domination/weight-inversion" in every


def test_the_healthy_gradients_of_the_countdown_run_stay_quiet(books, tmp_path):
    firing = replay(tales.countdown(tmp_path), books.book, books.names).firing
    assert not [c for c in firing if c.family == "numerics"]


def test_the_audit_names_each_finding_of_the_research_config_with_its_line(tmp_path):
    code, found = audited(tales.research_config(tmp_path))
    assert code == 1
    assert found["learning-rate-band/tenfold"]["line"] == 51
    assert "12.8 times" in found["learning-rate-band/tenfold"]["say"]
    assert (found["shuffle-off/commented-out"]["file"], found["shuffle-off/commented-out"]["line"]) == (
        "src/clm_utils.py",
        117,
    )
    assert "51.2%" in found["data-skipped/share"]["say"]
    assert found["full-tuning/no-adapter"]["severity"] == "warning"
    assert found["full-tuning/alignment"]["line"] == 27
    assert "unsound-set-up/findings" in found


def test_what_the_research_audit_calls_acceptable_stays_quiet(tmp_path):
    code, found = audited(tales.research_config(tmp_path, mended=True))
    assert (code, found) == (0, {})


def test_validation_that_flips_from_one_class_to_the_other_is_named_at_epoch_two(books, tmp_path):
    alerts = told(books, tales.val_flip(tmp_path))
    assert next(iter(alerts)) == "one-class/flip"
    assert alerts["one-class/flip"].epoch == 2
    assert {change.family for change in alerts.values()} == {"collapse"}


def test_the_first_attempt_shows_the_stuck_score_the_idle_scheduler_and_the_swing(books, tmp_path):
    folder = tales.stuck_f1(tmp_path)
    alerts = told(books, folder, Severity.INFO)
    wanted = {"stuck-metric/train-f1", "plateau-scheduler/never-acts", "peak-then-degrade/f1", "early-stop/no-patience"}
    wanted |= {
        "peak-then-degrade/precision-and-recall-swing",
        "target-scale/helper-weight",
        "size-against-data/too-small",
    }
    assert wanted <= set(alerts)


def test_a_vocabulary_for_423_tokens_is_critical_at_the_start_and_memorised_when_it_shows(books, tmp_path):
    folder = tales.vocabulary_mismatch(tmp_path)
    alerts = told(books, folder)
    assert next(iter(alerts)) == "vocabulary-mismatch/mostly-unused"
    assert "memorised/perplexity-one" in alerts
    assert {change.family for change in alerts.values()} <= {"audit", "generalisation"}
    _, found = audited(folder)
    assert {"vocabulary-mismatch/mostly-unused", "embedding-waste/share", "size-against-data/thousand"} <= set(found)


def test_the_check_that_the_fourth_post_mortem_proposes_does_not_fire_on_its_own_numbers(books, tmp_path):
    firing = replay(tales.vocabulary_mismatch(tmp_path), books.book, books.names).firing
    assert not [c for c in firing if c.signature == "generalisation-gap"]


@pytest.mark.parametrize("tale", [tales.mixed_vocabulary, tales.countdown, tales.vocabulary_mismatch])
def test_the_mended_twin_stays_quiet(books, tmp_path, tale):
    assert not told(books, tale(tmp_path, mended=True))
