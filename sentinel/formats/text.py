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
from sentinel.formats import bars, dumps, leads, shapes, stamps
from sentinel.formats.course import Course
from sentinel.formats.lines import Piece, Splitter
from sentinel.formats.naming import Naming, Role
from sentinel.formats.numbers import VALUE, number
from sentinel.formats.objects import Objects, from_dict_print, from_json, is_numeric
from sentinel.formats.prose import Found, Prose
from sentinel.formats.says import Says, is_error
from sentinel.formats.tables import RULED, Table, any_header, counts_on, header_of, is_ruler
from sentinel.formats.wrappers import peel

_EVALUATED = re.compile(r"^\s*step\s+(?P<n>\d+)/(?P<total>\d+)\s+-\s+(?P<rest>.*)$")  # Paddle's, under `Eval begin...`
_BLOCK = re.compile(rf"^\s+(?P<key>[A-Za-z_][\w/().% -]*?)\s*[=:]\s*(?P<value>{VALUE})\s*$")
_FRAME = re.compile(r"^\s*[|│┃]\s*(?P<key>[^|│┃]*?)\s*[|│┃]\s*(?P<value>[^|│┃]*?)\s*[|│┃]\s*$")
_HEADING = re.compile(r"^\s*[A-Za-z]+:\s*$")
_RULE = re.compile(r"^\s*[-=+─━┌└├╭╰][-=+─━┬┴┼┐┘┤╮╯]{4,}\s*$")


class TextReader:
    """Reads one text file; see `Reader`."""

    __slots__ = (
        "_block", "_config_line", "_course", "_frame", "_header", "_idle_at", "_naming", "_objects", "_prose", "_says",
        "_seconds", "_split", "_table",
    )  # fmt: skip

    def __init__(self, file: str, names: Names, timing: Timing, saved: Json = None) -> None:
        """Ready to read."""
        state = cast("dict[str, Any]", saved) if isinstance(saved, dict) else {}
        self._course = Course(file, timing)
        self._course.restore(state.get("course", {}))
        self._naming = Naming(names, dict(state.get("claims", {})))
        self._prose = Prose(names, self._naming)
        self._objects = Objects(self._naming)
        self._says = Says(state.get("traceback"))
        self._seconds = stamps.Seconds()
        self._split = Splitter(state.get("settled", 0), state.get("number", 1), state.get("encoding", ""))
        self._block = bool(state.get("block"))
        self._config_line = False
        self._frame: list[list[str]] = list(state.get("frame", ()))
        self._idle_at = state.get("idle_at", -1)
        self._header: list[Any] | None = state.get("header")
        table = state.get("table")
        self._table = Table(table[0], table[1], self._naming, file, *table[2:]) if table else None

    @property
    def settled(self) -> int:
        """The start of the unfinished line."""
        return self._split.settled

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """What these bytes say."""
        self._course.arrival = arrival
        out: list[Item] = []
        known, course, says = self._prose.known, self._course, self._says
        for piece in self._split.feed(data):
            if (
                not (self._table or self._block or self._header or self._frame or course.context or says.traceback)
                and course.dump is None
                and not course.partway
            ):
                found = known(piece.text) if piece.end == "\n" else None
                if found is not None:
                    self._look(found, piece, out)
                    continue
            self._line(piece, out)
        return out

    def _look(self, found: Found, piece: Piece, out: list[Item]) -> None:
        """A line of a layout that was met lately."""
        course = self._course
        course.rank = None
        if found.stamp:
            course.stamp = self._seconds.of(found.stamp)
        elif found.stamp == "" and (stamp := stamps.leading(piece.text)):
            course.stamp = stamp[2]
        course.counters(found.step, found.epoch)
        if found.epochs is not None or found.total is not None:
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
        if self._course.partway:
            self._course.passed((), self._split.number, out)
        return out

    def save(self) -> Json:
        """All that reading on from `settled` needs."""
        table = [self._table.delimiter, self._table.columns, self._table.walked] if self._table else None
        return {
            "kind": "text",
            "settled": self._split.settled,
            "number": self._split.number,
            "encoding": self._split.encoding,
            "course": cast("Json", self._course.save()),
            "claims": cast("Json", dict(self._naming.claims)),
            "traceback": self._says.save(),
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
        if self._says.traceback:
            self._says.leave(text)
        before = len(out)
        understood = self._dispatch(text, piece, out)
        if piece.end == "\r" and not understood:
            del out[before:]
            if "%|" in text or "━" in text or "[=" in text or "[>" in text:
                return
        if not understood:
            self._says.read(bars.tail(text) or text, piece.number, course, out)
            out.append(course.text(text, piece.number))
        elif tail := bars.tail(text):
            self._says.read(tail, piece.number, course, out)

    def _dispatch(self, text: str, piece: Piece, out: list[Item]) -> bool:
        """Whether somebody understood the line; the rows go to `out`."""
        if self._course.dump is not None and dumps.goes_on(text, self._course, self._naming, piece.number, out):
            return False
        if self._table is not None and self._in_table(text, piece, out):
            return True
        if self._block:
            self._block = self._in_block(text, piece, out)
            if self._block:
                return True
        if self._header is not None and (opened := self._under_header(self._header, text, piece, out)) is not None:
            return opened
        if shapes.may_own(text) and (own := shapes.own(text, self._course, piece.number, out)) is not None:
            return bool(own) and self._shape(own, piece, out)
        understood = self._brackets(text, piece, out)
        if understood is not None:
            return understood
        if ("|" in text or "│" in text or "┃" in text or self._frame) and self._frame_line(text, piece, out):
            return True
        if "/" in text and (shown := self._bar(text, piece, out)) is not None:
            return shown
        if not self._says.traceback and not is_error(text) and self._prose_line(text, piece, out, None):
            return True
        self._heading(text, piece, out)
        return False

    def _under_header(self, header: list[Any], text: str, piece: Piece, out: list[Item]) -> bool | None:
        """Whether a line opens the table of the header above it; None sends the line on, and the header is forgotten."""
        self._header = None
        if self._opens_table(header, text, piece, out):
            return True
        if not text.startswith("#") or not any(self._naming.column(c) in (Role.STEP, Role.EPOCH) for c in header[1]):
            return None
        self._header = header  # a remark between a header and its rows
        return False

    def _heading(self, text: str, piece: Piece, out: list[Item]) -> None:
        """What a line that gives nothing itself may say of the lines that follow it."""
        if self._table is None and (found := any_header(text, self._naming, self._course.file)):
            self._header = [found[0], found[1]]
        if "(" in text:
            dumps.told(dumps.printed_call(text), self._course, piece.number, out)
        elif piece.end == "\n" and dumps.opens(text):
            self._course.dump = []

    def _brackets(self, text: str, piece: Piece, out: list[Item]) -> bool | None:
        """Lines known by their brackets; None sends the line on."""
        if "{" in text:
            if self._object(text, piece, out):
                return True
            if ":::MLLOG" in text or self._config_line:
                return False
        if self._course.context and (match := _EVALUATED.match(text)):
            return match["n"] == match["total"] and self._prose_line(match["rest"], piece, out, None)
        coco = shapes.coco(text) if " @[ IoU=" in text else None
        return self._shape(coco, piece, out) if coco else None

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
        if self._table.delimiter == " " and not text.startswith("#"):
            self._table = None  # a remark between two rows ends nothing
        return False

    def _opens_table(self, header: list[Any], text: str, piece: Piece, out: list[Item]) -> bool:
        """Whether this line is the first row under the line before it, or under one with another delimiter."""
        if is_ruler(text, len(header[1]), header[0]):
            self._header = ["|" if header[0] == "|" else " ", header[1]]
            return True
        if header[0] == RULED and not counts_on(text, header[1]):
            return False
        for delimiter in (header[0], "\t", " ") if header[0] != RULED else (" ",):
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
        self._config_line = False
        at = text.find("{")
        if at == 0 or (text.startswith("{", at) and text[:at].rstrip().endswith((":::MLLOG", "]", "-", ":"))):
            thing = from_json(text[at:].strip()) if text.rstrip().endswith("}") else None
            if thing is not None:
                return self._mllog(thing, piece, out) if ":::MLLOG" in text else self._row(thing, text, piece, out)
        if "{'" not in text or len(text) > 100_000 or leads.several(text):
            return False
        if leads.of_the_best(text):
            self._config_line = True
            return False
        pairs = from_dict_print(text)
        return pairs is not None and self._row(pairs, text, piece, out)

    def _row(self, thing: dict[str, Any], text: str, piece: Piece, out: list[Item]) -> bool:
        numbers = sum(map(is_numeric, thing.values()))
        if numbers * 2 < len(thing) or shapes.is_config(thing):
            self._config_line = len(thing) > 3
            if shapes.is_config(thing):
                dumps.told(dumps.printed_dict(thing), self._course, piece.number, out)
            return False  # a config that was printed
        plan = thing.get("total_steps", thing.get("max_steps"))
        if isinstance(plan, int) and plan > 0:
            self._course.fact("fact.planned_steps", plan, piece.number, out)
        led = leads.led(thing, text, self._prose, self._naming)
        row = self._objects.row(led, self._course, piece.number, text)
        if row is not None:
            out.append(row)
        return row is not None

    def _mllog(self, thing: dict[str, Any], piece: Piece, out: list[Item]) -> bool:
        """MLPerf's lines: one key and one value with its metadata."""
        row, stop = shapes.mllog(thing)
        if stop:
            good = MarkKind.FINISHED if stop == "success" else MarkKind.FATAL
            out.append(self._course.mark(good, piece.number, "run_stop"))
        return bool(row) and self._shape(row, piece, out)

    def _shape(self, thing: dict[str, Any], piece: Piece, out: list[Item]) -> bool:
        """A line whose shape alone says what its numbers are."""
        found = self._objects.row(thing, self._course, piece.number, piece.text, table=True)
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

    def _bar(self, text: str, piece: Piece, out: list[Item]) -> bool | None:
        """A progress bar; one without a number says nothing, and what is no bar is None."""
        bar = bars.shown(text)
        if bar is not None:
            return self._prose_line(bar.said, piece, out, bar.done, bar.part) or None if bar.tells else False
        yolo = shapes.yolo(text)
        if yolo is None:
            return None
        self._course.fact("fact.planned_epochs", yolo[1], piece.number, out)
        return self._shape(yolo[0], piece, out)

    def _prose_line(self, said: str, piece: Piece, out: list[Item], bar: int | None, part: float = 1.0) -> bool:
        course = self._course
        found = self._prose.read(said, course.above, direct=said is piece.text)
        if found is None:
            return False
        if min(part, found.part) < 1.0:
            course.passing(min(part, found.part), found.names, found.values, piece.number, out)
            return part < 1.0
        if course.partway and (found.names or found.step is not None or found.epoch is not None):
            course.passed(found.names, piece.number, out)
        if found.section and not found.names:
            course.counters(found.step, found.epoch)
            if len(said) < 160 and not said.rstrip().endswith("?"):  # a question is a text's own
                course.section(found.section, bare=bool(_HEADING.match(said)))
            return False
        step = found.step if found.step is not None or not found.names else bar
        if bar is None or (found.names and bar):
            course.counters(step, found.epoch)
        self._plans(found, piece.number, out, bar)
        if not found.names:
            self._block = found.step is not None and bar is None and not said[:1].isspace()
            return False
        if bar == 0:
            return True  # nothing is done yet: what a bar shows at its start is of the epoch before
        if self._shown(found, step, piece, bar) and (said_now := self._measured(found, piece, bar))[0]:
            out.append(course.row(*said_now, step, found.epoch, piece.number, piece.text))
            if found.owned and bar is None:
                course.context = ""  # a summary that names its split closes the section that led to it
        return True

    def _shown(self, found: Found, step: int | None, piece: Piece, bar: int | None) -> bool:
        """Whether a line says something new; a redraw of the same step does not."""
        return (piece.end != "\r" and bar is None) or self._course.is_news(found.names, found.values, step, found.epoch)

    def _measured(self, found: Found, piece: Piece, bar: int | None) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """What was measured since the last bar: one shows a validation's numbers until the next validation."""
        names, values = found.names, found.values
        if bar is None or bars.is_keras(piece.text):
            return names, values
        fresh = self._course.fresh(names, values)
        if len(fresh) == len(names):
            return names, values
        return tuple(names[i] for i in fresh), tuple(values[i] for i in fresh)

    def _plans(self, found: Found, line: int, out: list[Item], bar: int | None) -> None:
        if found.epochs:
            self._course.fact("fact.planned_epochs", found.epochs, line, out)
        if found.total and found.epoch is None and bar is None:
            self._course.fact("fact.planned_steps", found.total, line, out)
