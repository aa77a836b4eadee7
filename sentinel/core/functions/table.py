# ruff: noqa: E501  one function a block reads best
"""Every function that an expression can call: what it takes, gives and costs, an example, and when not to use it.

The compiler, the faults and `docs/rules/reference.md` are all made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Form = Literal["window", "look", "family", "group", "math", "fact", "text"]


@dataclass(frozen=True, slots=True)
class Function:
    """One function."""

    name: str
    form: Form
    takes: str  # as the reference shows it
    says: str
    example: str
    avoid: str
    cost: str = "constant"
    kind: str = ""  # the window's kind
    method: str = ""
    lag: int = 0
    extras: tuple[tuple[str, float | None], ...] = ()  # further constant numbers: (name, default; None: must be given)
    answers: bool = False  # gives yes or no
    most: int = field(default=1)  # how many arguments it takes at most, in the forms where that varies
    bare: bool = False  # the window may be left out


def _window(name: str, kind: str, method: str, says: str, example: str, avoid: str, **more: object) -> Function:
    extras: tuple[tuple[str, float | None], ...] = more.pop("extras", ())  # type: ignore[assignment]
    tail = "".join(f", {key}" if value is None else f", {key}={value:g}" for key, value in extras)
    takes = f'x, "window"{tail}, least=5'
    return Function(name, "window", takes, says, example, avoid, kind=kind, method=method, extras=extras, **more)  # type: ignore[arg-type]


_SORTED = "logarithmic, in windows of up to 768 readings"
_THINNED = "at most 64 readings, of the newest 768"

_WINDOWS = (
    _window("mean", "sums", "mean", "the mean of the finite readings in the window",
            'mean(train.loss, "100 steps") > 2', "one wild reading moves it: then median"),
    _window("sum", "sums", "sum", "all readings in the window added up",
            'sum(overflows, "200 steps") > 40', "the number of readings may vary: then mean"),
    _window("std", "sums", "std", "the sample's standard deviation",
            'std(train.loss, "50 readings") < 0.001', "heavy tails: then mad"),
    _window("zscore", "sums", "zscore", "how many standard deviations the last reading lies above the mean of those before",
            'zscore(grad_norm, "100 readings") > 8', "a trend inside the window, or heavy tails: then robust_z", lag=1),
    _window("min", "extremes", "low", "the least in the window; of two or more numbers, the least of them",
            'min(val.loss, "5 epochs") > 1.5', "over the whole run: best and worst are free"),
    _window("max", "extremes", "high", "the greatest in the window; of two or more numbers, the greatest of them",
            'max(train.loss, "100 steps") > 20 * train.loss', "over the whole run: best and worst are free"),
    _window("range", "extremes", "range", "the greatest less the least",
            'range(val.f1, "5 epochs") < 0.01', "one wild reading decides it: then quantiles"),
    _window("drop", "extremes", "fall", "how far the last reading lies under the greatest of the window",
            'drop(val.accuracy, "5 epochs") > 0.2', "noisy series: compare medians of two windows"),
    _window("rise", "extremes", "rise", "how far the last reading lies above the least of the window",
            'rise(val.loss, "5 epochs") > 0.5', "noisy series: compare medians of two windows"),
    _window("flat", "extremes", "flat", "whether all readings are the same, give or take `within`",
            'flat(grad_norm, "10 readings")', "values that are rightly constant, such as a learning rate",
            extras=(("within", 0.0),), answers=True),
    _window("median", "ranked", "median", "the middle reading",
            'train.loss > 2 * median(train.loss, "100 readings")', "mean is cheaper where nothing is wild", cost=_SORTED),
    _window("quantile", "ranked", "quantile", "the value that this share of the readings does not exceed",
            'quantile(grad_norm, "200 readings", 0.95) > 10', "shares near 0 or 1 in short windows: then min and max",
            extras=(("share", None),), cost=_SORTED),
    _window("mad", "ranked", "mad", "the median distance from the median; times 1.48 it is the deviation of normal noise",
            'mad(train.loss, "100 readings") < 0.001', "most readings are equal: it is then zero", cost=_SORTED),
    _window("robust_z", "ranked", "robust_z", "how many robust deviations the last reading lies above the median of those before",
            'robust_z(train.loss, "128 readings", least=64) > 6', "most readings are equal: it is then unknown", lag=1, cost=_SORTED),
    _window("slope", "line", "slope", "the slope of the straight line through the readings, for one unit of the window",
            'slope(val.loss, "10 epochs") > 0', "one wild reading turns it: then trend"),
    _window("trend", "thinned", "trend", "the median slope between readings half a window apart",
            'trend(train.loss, "2000 steps") > 0', "windows of a few readings: then slope", cost=_THINNED),
    _window("ewm", "fading", "mean", "a mean in which older readings fade; the window is its memory",
            'ewm(train.loss, "50 readings") > 1.1 * best(train.loss)', "you want a hard end of memory: then mean"),
    _window("changes", "changes", "changes", "how often the value was another than the one before",
            'changes(lr, "10 epochs") == 0', "noisy series: they change at each reading"),
    _window("oscillation", "thinned", "oscillation", "the share of readings at which the direction turned by swings of at least `by`",
            'oscillation(val.f1, "10 readings", by=0.03) > 0.5', "pure noise also turns at two of three readings: set `by`",
            extras=(("by", 0.0),), cost=_THINNED),
    _window("autocorr", "thinned", "autocorr", "the correlation with the readings `lag` before: a number of readings, an amount, or an expression",
            'autocorr(train.loss, "3 epochs", lag="1 epoch") > 0.5', "a trend inside the window correlates with itself: ask also at half the lag",
            extras=(("lag", None),), cost=_THINNED),
)  # fmt: skip

_LOOKS = (
    Function("last", "look", "x", "the last reading, for a name that Python cannot spell",
             'last("gpu.0.util") < 5', "the bare name says the same"),
    Function("prev", "look", "x, n=1", "the reading n before the last one",
             "train.loss == prev(train.loss)", "far back: ago takes steps, epochs and time", most=2),
    Function("first", "look", "x, n=1", "the first reading, or the median of the first n (at most 32)",
             "train.loss > 10 * first(train.loss, 20)", "runs that continue another: their start is not the start", most=2),
    Function("best", "look", "x", "the best reading so far; names.yml or `names:` must say which way is better",
             "val.f1 < 0.9 * best(val.f1)", "noisy series: one lucky reading stays for ever"),
    Function("worst", "look", "x", "the worst reading so far",
             "val.loss > 0.95 * worst(val.loss)", "the start is nearly always the worst"),
    Function("ago", "look", 'x, "window"', "the newest reading that is at least so long before the last one",
             'val.loss > ago(val.loss, "5 epochs")', "noisy series: compare means", most=2),
    Function("count", "look", 'x, "window"', "how many readings there are, in all or in a window",
             "count(val.loss) >= 3", "as a warm-up: `after` says it better", most=2, bare=True),
    Function("age", "look", "x", "seconds since the last reading",
             "age(val.loss) > hours(3)", "runs that pause for evaluation: compare with typical_gap"),
    Function("nonfinite", "look", "x", "whether the last reading is NaN or infinite: the only one that says yes to NaN",
             "nonfinite(train.loss)", "in one of many components: say `for: 3 readings`", answers=True),
    Function("known", "look", "x", "whether a number or fact is known",
             "known(config.warmup) and step < 100", "to make the unknown count as no: it already never fires", answers=True),
    Function("default", "look", "x, y", "x, or y where x is unknown",
             "default(config.shuffle, True) == False", "to silence the unknown: a rule that cannot know should not say no", most=2),
)  # fmt: skip

_FAMILIES = (
    Function("share", "family", "x", "a part's share of its family, by size: share(train.loss.a) of all train.loss.*",
             "share(train.loss.countdown) > 0.8", "parts that are not comparable"),
    Function("top_share", "family", '"a.*"', "the largest part's share of the whole",
             'top_share("train.loss.*") > 0.8', "fewer than three parts: one is always large"),
    Function("ratio_top2", "family", '"a.*"', "the largest part over the second largest",
             'ratio_top2("train.loss.*") > 10', "the second may be near zero"),
    Function("entropy", "family", '"a.*"', "the entropy of the parts as shares, in nats",
             'entropy("pred.*") < 0.3', "compare with log(number of classes), not with a fixed number"),
    Function("total", "family", '"a.*"', "all parts added up", 'total("train.loss.*") > 10', "weights differ between parts"),
    Function("spread", "family", '"a.*"', "the largest less the smallest",
             'spread("rank.*.step_time") > 0.5', "parts of different size by nature"),
)  # fmt: skip


def _groups(head: str, what: str, example: str) -> tuple[Function, ...]:
    words = {"min": "the least", "max": "the greatest", "mean": "the mean"}
    return tuple(
        Function(
            f"{head}_{pick}", "group", 'x, "window"', f"{word} over the {what} of the run, of each one's mean in the window",
            example.format(pick=pick), f"rules about one of them: `each` gives one alert for each of the {what}",
            cost=f"one window for each of the {what}", most=2, method=pick, bare=True,
        )
        for pick, word in words.items()
    )  # fmt: skip


_GROUPS = (
    *_groups("gpus", "GPUs", 'gpus_{pick}("gpu.util", "2m") < 5'),
    *_groups("ranks", "ranks", 'ranks_{pick}("rank.step_time", "20 readings") > 2'),
)

_MATH = (
    Function("log", "math", "x", "the natural logarithm; unknown at zero and below", "val.loss > log(fact.vocab_size)", "-"),
    Function("exp", "math", "x", "e to the power x", "val.perplexity > 2 * exp(val.loss)", "-"),
    Function("sqrt", "math", "x", "the square root; unknown below zero", "sqrt(fact.params) > 1000", "-"),
    Function("abs", "math", "x", "the size without sign", "abs(train.accuracy - prev(train.accuracy)) < 0.001", "-"),
    Function("minutes", "math", "n", "n minutes in seconds", "silence > minutes(10)", "windows take text: \"10m\""),
    Function("hours", "math", "n", "n hours in seconds", "elapsed > hours(2)", "windows take text: \"2h\""),
    Function("days", "math", "n", "n days in seconds", "elapsed > days(1)", "windows take text: \"1d\""),
)  # fmt: skip

_TEXT = (
    Function("lines", "text", '"pattern", "window"', "how many lines matched an RE2 pattern, in all or in a window of time, "
             "steps or epochs", 'lines("CUDA out of memory", "10m") > 0', "numbers: a format reads them", most=2, bare=True,
             cost="one pass for all patterns of all rules"),
)  # fmt: skip

TABLE: dict[str, Function] = {
    function.name: function for function in (*_WINDOWS, *_LOOKS, *_FAMILIES, *_GROUPS, *_MATH, *_TEXT)
}

WORDS = {
    "step": "the trainer's own step; unknown where no line gave one",
    "epoch": "the trainer's own epoch",
    "progress": "step of planned steps, else epoch of planned epochs: 0.2 is 20 %",
    "elapsed": "seconds since the run's first line",
    "silence": "seconds since any file of the run grew",
    "typical_gap": "the gap between lines that half of the time passes in, in seconds; unknown before 5 gaps",
    "longest_gap": "the longest gap between lines so far, in seconds: what a pause for evaluation or a checkpoint took",
}
FACTS = ("config.", "fact.", "process.", "run.")
