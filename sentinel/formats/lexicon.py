"""The words that a line of prose puts around its numbers: before a counter, in place of a class, shortened with a dot."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BEFORE_COUNTER = _words(
    "global train training current at step epoch optimizer val valid validation test eval loss of num"
)
# Who or what counts: `env steps`, `learner steps`.
COUNTED_BY = BEFORE_COUNTER | _words("env environment agent gradient trainer total elapsed learner world")
NOT_COUNTED = _words("num total max per of fps sps")  # `fps step: 812`
CLASS_METRICS = _words("precision recall f1 map iou accuracy dice auc")
# What stands before a colon and is no class.
NO_LABEL = _words("info debug warning error critical note eval best result results summary")
# What may end in a dot that ends no sentence.
SHORT = _words(
    "avg acc val tr prec rec no max min std cum ep iter it valid eval lr approx est tot num up sen l.r temp perp vs"
)
ACTS = _words("evaluating evaluate evaluation validating testing")  # on a split that is named beside
COMPARED = _words("saved baseline random target threshold chance goal possible")
LINKS = _words("at after for in on")  # `Cost after iteration 100: 0.64`
LITTLE = _words("to by so at of in on is as from than and or the a with over until")  # no name of anything
LENGTHS = _words("steps timesteps time_steps num_steps frames")  # beside an episode: how long it was

UNITS = _words("s sec secs seconds ms")  # behind a number, with a space


def may_count(name: str, before: list[str]) -> bool:
    """Whether what stands before a counter's name leaves it the trainer's own."""
    if not before:
        return True
    if len(before) > 1 and any(part not in BEFORE_COUNTER for part in before):
        return "best" in before
    if before[-1] not in COUNTED_BY and name.endswith("s"):
        return False  # `Warmup steps: 1000` is a plan
    return before[-1] not in NOT_COUNTED
