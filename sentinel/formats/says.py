"""What a line says about the run as a whole: it died, resumed, saved, finished; and the facts that logs announce."""

from __future__ import annotations

import re

import re2

from sentinel.core.records import Item, Json, MarkKind
from sentinel.formats.course import Course
from sentinel.formats.deaths import DEATH, PATTERN
from sentinel.formats.numbers import number

_WORTH = re2.compile(
    r"(?i:sav|checkpoint|resum|restor|complete|finish|done|killed|cancel|interrupt|limit|preempt|sigterm|error|exception|"
    r"evaluat|fatal|abort|vocab|param|example|epochs|steps|world|precision|batch size|amp|fp16|samples|"
    r"^\s+num_output: \d|SoftmaxWithLoss|\] Solving)|" + PATTERN
)
_PATH = r"(?:.*?(?:to|at|in)\s+(?P<what>\S*[/.]\S+))?"
_STATE = r"\b(?:checkpoint|model|state|weights|ckpt)\b"
_MARK_FORMS = (
    (
        MarkKind.STOPPED,
        r"\bKeyboardInterrupt\b|\bCANCELLED\b|DUE TO TIME LIMIT|\bPREEMPT(?:ED|ION)\b|received SIGTERM|SIGTERM rec",
    ),
    (
        MarkKind.RESUMED,
        r"\b(?:resum(?:e|ed|ing)|restor(?:ed|ing)|continuing)\b.{0,40}\b(?:from|checkpoint|training)\b\s*:?\s*(?P<what>.*)",
    ),
    (MarkKind.FATAL, DEATH),
    (
        MarkKind.SAVED,
        rf"\b(?:saved|written|wrote)\b.{{0,60}}{_STATE}|{_STATE}.{{0,60}}\b(?:saved|written)\b{_PATH}",
    ),
    (MarkKind.SAVING, rf"\bsaving\b.{{0,60}}{_STATE}{_PATH}"),
    (
        MarkKind.FINISHED,
        (
            r"\btraining (?:is )?(?:complete|completed|finished|done)\b|\bfinished (?:training|optimization)\b"
            r"|\boptimization done\b|max_(?:steps|epochs)=\S+ reached|^done training"
        ),
    ),
    (
        MarkKind.EVALUATING,
        (
            r"running (?:evaluation|validation|prediction)"
            r"|\bstart(?:ing|ed)? (?:inference|evaluation|validation)\b|^evaluating\b"
        ),
    ),
)
_MARKS = tuple((kind, re.compile(form, re.IGNORECASE) if isinstance(form, str) else form) for kind, form in _MARK_FORMS)
_ERROR = re.compile(
    r"(?:[A-Za-z_][\w.]*\.)?(Exception|_?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Timeout|Warning|Iteration|Killed|Expired|Failure))"
    r"(?: ?\([\w ]+\))?(?::|$)"
)
_HEAD = "Traceback (most recent call last)"
_FRAME = re2.compile(r"^(.*?)  File \"[^\"]+\", line \d+, in \S")  # a frame, after what a logger put before it
_BOX = "│╭╰"  # what rich draws around one
_INSIDE = ("", " ", "\t", *_BOX)  # how its lines begin
_BETWEEN = ("During handling", "The above exception")
# What is said before a traceback that the program goes on after: by Python, and by Optuna of one trial of many.
_IGNORED = re2.compile(
    r"^Exception ignored in: |^--- Logging error ---|\bTrial \d+ failed (?:with parameters|because of)\b"
)


# PyTorch's launcher and its loader say in an exception that somebody ended them: a closed terminal, Ctrl-C, a plain kill.
_SIGNALLED = re.compile(
    r"\bSignalException: Process \d+ got signal: (?:1|2|15)\b"
    r"|\bDataLoader worker .* is killed by signal: (?:Hangup|Interrupt|Terminated)\b"
)


def is_error(text: str) -> bool:
    """Whether a line is an exception's own, `ValueError: ...`, or tells of a death: its numbers are no readings."""
    return bool(_ERROR.match(text) or DEATH.search(text))


_OUTPUT = re.compile(r"\s+num_output: (\d{1,7})\s*$")
_N = r"([\d][\d,.]*\s?[kKMB]?)\b"
_FACT_FORMS = (
    ("fact.tokenizer_size", rf"\b(?:actual )?vocab(?:ulary)?(?: size)?\s*[:=]?\s*{_N}"),
    ("fact.vocab_size", rf"\bvocab_size['\"]?\s*[:=]\s*{_N}"),
    ("fact.params", rf"\b(?:total |trainable |model |number of |num )*param(?:eter)?s?(?: \w+)?\s*[:=]\s*{_N}"),
    ("fact.params", rf"^\s*{_N}\s+(?:total params|parameters)"),
    ("fact.examples", rf"\b(?:num(?:ber of)?|train(?:ing)?) (?:training )?(?:examples|samples)\s*[:=]\s*{_N}"),
    ("fact.batch_size", rf"\b(?:total train |global |train )?batch[ _]size(?: \([^)]*\))?\s*[:=]\s*{_N}"),
    (
        "fact.planned_steps",
        rf"\b(?:total optimization steps|max_steps|total[ _](?:training[ _])?steps|total iterations)\s*[:=]\s*{_N}",
    ),
    (
        "fact.planned_epochs",
        rf"\b(?:num epochs|num_epochs|max_epochs|number of epochs)\s*[:=]\s*{_N}|training for {_N} epochs",
    ),
    ("fact.world_size", rf"\bworld[ _]size\s*[:=]?\s*{_N}"),
)
_FACTS = tuple((name, re.compile(form, re.IGNORECASE)) for name, form in _FACT_FORMS)
_PRECISION = re.compile(
    r"\bprecision\s*[:=]\s*['\"]?((?:bf|fp|float)?(?:16|32|64)\S{0,8}|bf16-mixed|16-mixed)|using (16bit|bfloat16)",
    re.IGNORECASE,
)


class Says:
    """Follows tracebacks and reads closing, saving and announcing lines."""

    __slots__ = ("_ignored", "_lead", "traceback")

    def __init__(self, saved: Json = None) -> None:
        """Ready to read on."""
        held = saved if isinstance(saved, list) else [bool(saved), "", False]
        self.traceback, self._lead, self._ignored = bool(held[0]), str(held[1]), bool(held[2])

    def save(self) -> Json:
        """What reading on needs. Older versions ask only whether it is anything: in no traceback it must be nothing."""
        return [self.traceback, self._lead, self._ignored] if self.traceback or self._ignored else False

    def read(self, text: str, line: int, course: Course, out: list[Item]) -> None:
        """The marks and facts of one line, into `out`."""
        if self._opens(text):
            return
        if self.traceback:
            self._traceback(text, line, course, out)
            return
        if not text.startswith(_BETWEEN):
            self._ignored = bool(_IGNORED.search(text))
        if len(text) > 2000 or not _WORTH.search(text):
            return
        _caffe(text, line, course, out)
        for kind, pattern in _MARKS:
            match = pattern.search(text)
            if match:
                detail = (match.groupdict().get("what") or text).strip()
                out.append(course.mark(kind, line, detail))
                break
        _facts(text, line, course, out)

    def _opens(self, text: str) -> bool:
        """Whether a traceback begins here: at its head, or at a frame where the head was lost or glued to a bar."""
        at = text.find(_HEAD)
        if at == 0 or (at > 0 and (text.startswith(_HEAD + ":", at) or text[0] in _BOX)):
            self._lead = "" if text[0] in _BOX else text[:at]
        elif not self.traceback and '  File "' in text and (frame := _FRAME.match(text)):
            self._lead = frame[1]
        else:
            return False
        self.traceback = True
        return True

    def leave(self, text: str) -> None:
        """A traceback is over where a line is none of it: a stack that was only printed, or one that lost its end."""
        text = _without(self._lead, text)
        inside = text[:1] in _INSIDE or text.startswith(_BETWEEN) or _HEAD in text or _ERROR.match(text)
        self.traceback = bool(inside)

    def _traceback(self, text: str, line: int, course: Course, out: list[Item]) -> None:
        text = _without(self._lead, text)
        match = None if text[:1] in _INSIDE else _ERROR.match(text)
        if match is None:
            return
        self.traceback = False
        if not self._ignored:
            stopped = match[1] in ("KeyboardInterrupt", "SystemExit") or _SIGNALLED.search(text)
            out.append(course.mark(MarkKind.STOPPED if stopped else MarkKind.FATAL, line, text.strip()))


def _without(lead: str, text: str) -> str:
    """A line of a traceback without what a logger put before its head too; a time or a number in it may have moved on."""
    same = lead and _DIGIT.sub("0", text[: len(lead)]) == _DIGIT.sub("0", lead)
    return text[len(lead) :] if same else text


_DIGIT = re.compile(r"\d")


def _caffe(text: str, line: int, course: Course, out: list[Item]) -> None:
    """The classes of a net that Caffe printed: the last output before a softmax, told when training begins."""
    match = _OUTPUT.match(text)
    if match:
        course.classes[0] = int(match[1])
    elif "SoftmaxWithLoss" in text:
        course.classes[1] = 1
    elif "] Solving" in text and course.classes[1] and course.classes[0] > 1:
        course.fact("fact.classes", course.classes[0], line, out)


def _facts(text: str, line: int, course: Course, out: list[Item]) -> None:
    for name, pattern in _FACTS:
        match = pattern.search(text)
        if not match:
            continue
        value = number(next(group for group in match.groups() if group).rstrip(",. ").replace(" ", ""))
        if value is not None and value == int(value) and value > 0:
            course.fact(name, int(value), line, out)
    match = _PRECISION.search(text)
    if match:
        course.fact("fact.precision", (match[1] or match[2]).strip("'\","), line, out)
