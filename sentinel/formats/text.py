"""The reader of text files: each line goes to whoever understands it: object, table, bar, frame or prose.

What is known of the file lies in `Course`; formats may change from line to line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from sentinel.core.names import Names
from sentinel.core.records import Item, Json, MarkKind
from sentinel.core.seams import Timing
from sentinel.formats import stamps
from sentinel.formats.course import Course
from sentinel.formats.lines import Piece, Splitter
from sentinel.formats.naming import Naming
from sentinel.formats.numbers import VALUE, number
from sentinel.formats.objects import Objects, from_dict_print, from_json
from sentinel.formats.prose import Found, Prose
from sentinel.formats.says import Says, is_error
from sentinel.formats.tables import Table, header_of
from sentinel.formats.wrappers import peel

_BAR = re.compile(
    r"^(?P<desc>[^|]*?):?\s*\d+%\|[^|]*\|\s*(?P<n>\d+)/(?P<total>\d+)\s*\[[^,\]]*(?:,\s*[\d.?]+\s*(?:it/s|s/it|\w+/s|s/\w+))?(?P<rest>[^\]]*)\](?P<more>.*)$"
)
_KERAS = re.compile(r"^\s*(?P<n>\d+)/(?P<total>\d+|Unknown) (?:\[[=>.\s]*\]|[━╸╺][━ ╸╺]*)(?P<rest>.*)$")
_KERAS_TIME = re.compile(r"^\s*(?:-\s*)?(?:ETA: \S+|\d+\S*s(?: \d+\S+/\w+)?)?\s*-?\s*")
_BLOCK = re.compile(rf"^\s+(?P<key>[A-Za-z_][\w/().% -]*?)\s*[=:]\s*(?P<value>{VALUE})\s*$")
_FRAME = re.compile(r"^\s*[|│┃]\s*(?P<key>[^|│┃]*?)\s*[|│┃]\s*(?P<value>[^|│┃]*?)\s*[|│┃]\s*$")
_RULE = re.compile(r"^\s*[-=+─━┌└├╭╰][-=+─━┬┴┼┐┘┤╮╯]{4,}\s*$")
_YOLO = re.compile(r"^\s*\d+/\d+\s+[\d.]+G(?:\s+[-\w.]+){8,20}\s*$")
_YOLO_KEYS = (
    *("train/box_loss", "train/obj_loss", "train/cls_loss", "train/total_loss", "", ""),
    *("val/precision", "val/recall", "val/map50", "val/map50_95", "val/box_loss", "val/obj_loss", "val/cls_loss"),
)
_CONFIG_KEYS = frozenset(
    [
        "batch_size",
        "seed",
        "momentum",
        "weight_decay",
        "optimizer",
        "num_epochs",
        "epochs",
        "num_workers",
        "model",
        "hidden_size",
        "workers",
        "data_dir",
        "model_name",
        "lr_scheduler",
        "dropout",
        "gpus",
        "warmup_steps",
        "batchnorm_eps",
        "num_layers",
        "image_shape",
        "num_classes",
    ]
)


class TextReader:
    """Reads one text file; see `Reader`."""

    __slots__ = (
        "_block",
        "_course",
        "_frame",
        "_header",
        "_idle_at",
        "_naming",
        "_objects",
        "_prose",
        "_says",
        "_seconds",
        "_split",
        "_table",
    )

    def __init__(self, file: str, names: Names, timing: Timing, saved: Json = None) -> None:
        """Ready to read."""
        state = cast("dict[str, Any]", saved) if isinstance(saved, dict) else {}
        self._course = Course(file, timing)
        self._course.restore(state.get("course", {}))
        self._naming = Naming(names, dict(state.get("claims", {})))
        self._prose = Prose(names, self._naming)
        self._objects = Objects(self._naming)
        self._says = Says()
        self._seconds = stamps.Seconds()
        self._says.traceback = bool(state.get("traceback"))
        self._split = Splitter(state.get("settled", 0), state.get("number", 1), state.get("encoding", ""))
        self._block = bool(state.get("block"))
        self._frame: list[list[str]] = list(state.get("frame", ()))
        self._idle_at = state.get("idle_at", -1)
        self._header: list[Any] | None = state.get("header")
        table = state.get("table")
        self._table = Table(table[0], table[1], self._naming, file) if table else None

    @property
    def settled(self) -> int:
        """The start of the unfinished line."""
        return self._split.settled

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """What these bytes say."""
        self._course.arrival = arrival
        out: list[Item] = []
        for piece in self._split.feed(data):
            if self._settled_format():
                found = self._prose.known(piece.text)
                if found is not None and piece.end == "\n":
                    self._look(found, piece, out)
                    continue
            self._line(piece, out)
        return out

    def _settled_format(self) -> bool:
        """Whether no table, block, frame, section or traceback is open: a line stands for itself."""
        return not (
            self._table or self._block or self._header or self._frame or self._course.context or self._says.traceback
        )

    def _look(self, found: Found, piece: Piece, out: list[Item]) -> None:
        """A line of a layout that was met lately."""
        course = self._course
        course.rank = None
        if found.stamp is not None:
            course.stamp = self._seconds.of(found.stamp)
        course.counters(found.step, found.epoch)
        if found.epochs or found.total:
            self._plans(found, piece.number, out, None)
        out.append(course.row(found.names, found.values, found.step, found.epoch, piece.number, piece.text))

    def idle(self, now: float) -> Sequence[Item]:
        """The unfinished line's text, once."""
        piece = self._split.unfinished()
        if piece is None or not piece.text.strip() or self._idle_at == self._split.settled:
            return []
        self._idle_at = self._split.settled
        self._course.arrival = now
        return [self._course.text(piece.text, piece.number)]

    def finish(self) -> Sequence[Item]:
        """The unfinished line counts as ended."""
        out: list[Item] = []
        for piece in self._split.finish():
            self._line(piece, out)
        self._close_frame(self._split.number, out)
        return out

    def save(self) -> Json:
        """All that reading on from `settled` needs."""
        table = [self._table.delimiter, self._table.columns] if self._table else None
        return {
            "kind": "text",
            "settled": self._split.settled,
            "number": self._split.number,
            "encoding": self._split.encoding,
            "course": cast("Json", self._course.save()),
            "claims": cast("Json", dict(self._naming.claims)),
            "traceback": self._says.traceback,
            "block": self._block,
            "frame": cast("Json", list(self._frame)),
            "header": cast("Json", self._header),
            "table": cast("Json", table),
            "idle_at": self._idle_at,
        }

    def _line(self, piece: Piece, out: list[Item]) -> None:
        course = self._course
        course.line_passed()
        text = piece.text
        if piece.cut or not text or text.isspace():
            if text.strip():
                out.append(course.text(text, piece.number))
            return
        course.rank = None
        peeled = peel(text)
        if peeled is not None:
            text = peeled.text
            course.stamp = peeled.stamp if peeled.stamp is not None else course.stamp
            course.rank = peeled.rank
        if text[:1] in stamps.STARTS and (stamp := stamps.leading(text)):
            course.stamp = stamp[2]
        before = len(out)
        understood = self._dispatch(text, piece, out)
        if piece.end == "\r" and not understood:
            del out[before:]
            if "%|" in text or "━" in text or "[=" in text or "[>" in text:
                return
        if not understood:
            self._says.read(text, piece.number, course, out)
            out.append(course.text(text, piece.number))

    def _dispatch(self, text: str, piece: Piece, out: list[Item]) -> bool:
        """Whether somebody understood the line; the rows go to `out`."""
        if self._table is not None and self._in_table(text, piece, out):
            return True
        if self._block:
            self._block = self._in_block(text, piece, out)
            if self._block:
                return True
        if self._header is not None:
            header, self._header = self._header, None
            if self._opens_table(header, text, piece, out):
                return True
        if "{" in text and self._object(text, piece, out):
            return True
        if ("|" in text or "│" in text or "┃" in text or self._frame) and self._frame_line(text, piece, out):
            return True
        if ("/" in text) and self._bar(text, piece, out):
            return True
        if not self._says.traceback and not is_error(text) and self._prose_line(text, piece, out, None):
            return True
        if self._table is None and (found := header_of(text, self._naming, self._course.file)):
            self._header = [found[0], found[1]]
        return False

    def _in_table(self, text: str, piece: Piece, out: list[Item]) -> bool:
        assert self._table is not None
        row = self._table.row(text, self._course, piece.number)
        if row is None:
            return True
        if row is not False and row is not True:
            out.append(row)
            return True
        found = header_of(text, self._naming, self._course.file)
        if found and found[1] != self._table.columns and found[0] == self._table.delimiter:
            self._table = Table(found[0], found[1], self._naming, self._course.file)
            out.append(self._course.mark(MarkKind.HEADER, piece.number))
            return True
        if found and found[1] == self._table.columns:
            out.append(self._course.mark(MarkKind.HEADER, piece.number))
            return True
        if self._table.delimiter == " ":
            self._table = None
        return False

    def _opens_table(self, header: list[Any], text: str, piece: Piece, out: list[Item]) -> bool:
        """Whether this line is the first row under the line before it, or under one with another delimiter."""
        for delimiter in (header[0], "\t", " "):
            table = Table(delimiter, header[1], self._naming, self._course.file)
            row = table.row(text, self._course, piece.number)
            if row is not False:
                self._table = table
                if row is not None and row is not True:
                    out.append(row)
                return True
        return False

    def _in_block(self, text: str, piece: Piece, out: list[Item]) -> bool:
        """Indented `key=value` lines under a line of counters alone."""
        match = _BLOCK.match(text)
        value = number(match["value"]) if match else None
        if match is None or value is None:
            return False
        row = self._objects.row({match["key"]: value}, self._course, piece.number, text, table=True)
        if row is not None:
            out.append(row)
        return True

    def _object(self, text: str, piece: Piece, out: list[Item]) -> bool:
        at = text.find("{")
        if at == 0 or (text.startswith("{", at) and text[:at].rstrip().endswith((":::MLLOG", "]", "-", ":"))):
            thing = from_json(text[at:].strip()) if text.rstrip().endswith("}") else None
            if thing is not None:
                return self._mllog(thing, piece, out) if ":::MLLOG" in text else self._row(thing, text, piece, out)
        if "{'" not in text or len(text) > 100_000:
            return False
        pairs = from_dict_print(text)
        return pairs is not None and self._row(pairs, text, piece, out)

    def _row(self, thing: dict[str, Any], text: str, piece: Piece, out: list[Item]) -> bool:
        numbers = sum(not isinstance(v, str | None.__class__) or number(str(v)) is not None for v in thing.values())
        if numbers * 2 < len(thing) or len(_CONFIG_KEYS.intersection(thing)) > 1:
            return False  # a config that was printed
        plan = thing.get("total_steps", thing.get("max_steps"))
        if isinstance(plan, int) and plan > 0:
            self._course.fact("fact.planned_steps", plan, piece.number, out)
        row = self._objects.row(thing, self._course, piece.number, text)
        if row is not None:
            out.append(row)
        return row is not None

    def _mllog(self, thing: dict[str, Any], piece: Piece, out: list[Item]) -> bool:
        """MLPerf's lines: one key and one value with its metadata."""
        key, value = thing.get("key", ""), thing.get("value")
        if key == "run_stop":
            good = thing.get("metadata/status") == "success"
            out.append(self._course.mark(MarkKind.FINISHED if good else MarkKind.FATAL, piece.number, "run_stop"))
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not str(key).startswith(("eval_", "train_loss"))
        ):
            return False
        if str(key).endswith(("_start", "_stop", "_samples", "_size")):
            return False
        row = {str(key): value, "epoch": thing.get("metadata/epoch_num")}
        found = self._objects.row(row, self._course, piece.number, piece.text)
        if found is not None:
            out.append(found)
        return found is not None

    def _frame_line(self, text: str, piece: Piece, out: list[Item]) -> bool:
        """Two columns drawn with lines: a frame is one look, given when it closes."""
        match = _FRAME.match(text)
        if match:
            if len(self._frame) < 500:
                self._frame.append([match["key"], match["value"]])
            return True
        return self._close_frame(piece.number, out) if self._frame and _RULE.match(text) else False

    def _close_frame(self, line: int, out: list[Item]) -> bool:
        group, thing = "", {}
        for key, value in self._frame:
            if key.endswith("/") and not value:
                group = key
            elif key:
                thing[group + key] = value
        self._frame = []
        row = self._objects.row(thing, self._course, line, "") if len(thing) > 1 else None
        if row is not None:
            out.append(row)
        return row is not None

    def _bar(self, text: str, piece: Piece, out: list[Item]) -> bool:
        """A progress bar; one without metrics says nothing."""
        match = _BAR.match(text)
        if match:
            said = f"{match['desc']} , {match['rest'].strip(', ')} , {match['more']}"
        elif match := _KERAS.match(text):
            said = _KERAS_TIME.sub("", match["rest"], count=1)
        elif _YOLO.match(text):
            return self._yolo(text, piece, out)
        else:
            return False
        return self._prose_line(said, piece, out, int(match["n"]))

    def _yolo(self, text: str, piece: Piece, out: list[Item]) -> bool:
        cells = text.split()
        epoch, _, total = cells[0].partition("/")
        thing: dict[str, Any] = {k: c for k, c in zip(_YOLO_KEYS, cells[2:], strict=False) if k}
        thing["epoch"] = epoch
        self._course.fact("fact.planned_epochs", int(total) + 1, piece.number, out)
        return self._row(thing, text, piece, out)

    def _prose_line(self, said: str, piece: Piece, out: list[Item], bar: int | None) -> bool:
        course = self._course
        found = self._prose.read(said, course.context, direct=said is piece.text)
        if found is None:
            return False
        if found.section and not found.names:
            course.counters(found.step, found.epoch)
            if len(said) < 160:
                course.section(found.section)
            return False
        step = found.step if found.step is not None or not found.names else bar
        if bar is None or found.names:
            course.counters(step, found.epoch)
        self._plans(found, piece.number, out, bar)
        if not found.names:
            self._block = found.step is not None and bar is None
            return False
        if piece.end == "\r" or bar is not None:
            seen = [repr(found.names), repr(step), "" if step is not None else repr(found.values)]
            if seen == course.last_redraw:
                return True
            course.last_redraw = seen
        out.append(course.row(found.names, found.values, step, found.epoch, piece.number, piece.text))
        return True

    def _plans(self, found: Found, line: int, out: list[Item], bar: int | None) -> None:
        if found.epochs:
            self._course.fact("fact.planned_epochs", found.epochs, line, out)
        if found.total and found.epoch is None and bar is None:
            self._course.fact("fact.planned_steps", found.total, line, out)
