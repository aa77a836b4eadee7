"""Bytes to lines of text, however they are cut: newlines of all kinds, redraws, encodings, escapes, a cap on length.

Nothing here knows what a line means.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

CAP = 1 << 20  # a longer line is cut here and marked

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_NOISE = str.maketrans("", "", "\x00\x08\x0f\ufeff")
_CUT = "\x0e"  # stands where a line was cut; the byte itself is no text
_REDRAWS = re.compile(r"\r+\n")
_TOO_LONG = re.compile(rb"[^\r\n]{%d,}" % (CAP + 1))
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))

_PLAIN = str.isprintable  # no control among its characters, not even a tab

End = Literal["\n", "\r", ""]


class Piece(NamedTuple):
    """One line, or one redraw of a line that is drawn over and over."""

    text: str
    number: int
    end: End
    cut: bool = False


class Splitter:
    """Cuts a stream of bytes into lines. The same bytes give the same lines, in whatever pieces they come."""

    __slots__ = ("_dropped", "_encoding", "_pending", "_returns", "number", "settled")

    def __init__(self, settled: int = 0, number: int = 1, encoding: str = "") -> None:
        """Ready to read."""
        self.settled = settled  # where the unfinished line begins
        self.number = number  # the number of that line
        self._encoding = encoding
        self._pending = b""
        self._dropped = 0  # bytes of the unfinished line beyond the cap
        self._returns = 0  # returns that follow those

    @property
    def encoding(self) -> str:
        """The encoding in force; "" until the first bytes have told."""
        return self._encoding

    def feed(self, data: bytes) -> list[Piece]:
        """The lines that these bytes end."""
        if data[-1:] == b"\n" and not self._pending and self._encoding == "utf-8" and len(data) <= CAP:
            text = data.decode("utf-8", "replace")
            lines = text[:-1].split("\n")
            if all(map(_PLAIN, lines)):  # no returns, escapes or noise: nothing to be careful about
                return self._plain(lines, len(data))
        buffer = self._pending + data if self._pending else data
        if not self._encoding:
            if len(buffer) < 4:
                self._pending = buffer
                return []
            self._encoding = _guess(buffer)
            self._pending, data = b"", buffer
        if self._dropped or b"\x0e" in data:
            buffer = self._marked(data)
        if self._encoding != "utf-8":
            return self._feed_wide(buffer)
        cut = max(buffer.rfind(b"\n"), _last_return(buffer)) + 1
        if not cut:
            self._keep(buffer)
            return []
        text = _shortened(buffer[:cut]).decode("utf-8", "replace")
        return self._settle(text, cut, buffer[cut:])

    def _plain(self, lines: list[str], size: int) -> list[Piece]:
        number = self.number
        self.settled += size
        self.number = number + len(lines)
        new = tuple.__new__
        return [new(Piece, (line, at, "\n", False)) for at, line in enumerate(lines, number)]

    def _feed_wide(self, buffer: bytes) -> list[Piece]:
        """UTF-16: whole code units are decoded, and what follows the last newline waits."""
        even = len(buffer) & ~1
        text = buffer[:even].decode(self._encoding, "replace")
        cut = max(text.rfind("\n"), _last_return_text(text)) + 1
        if not cut:
            self._keep(buffer)
            return []
        size = len(text[:cut].encode(self._encoding, "replace"))
        return self._settle(text[:cut], size, buffer[size:])

    def _marked(self, data: bytes) -> bytes:
        """The unfinished line and these bytes, with the mark of the cap where something was dropped."""
        wide = self._encoding.startswith("utf-16")
        if not wide:
            data = data.replace(_CUT.encode(), b"\x0f")
        if not self._dropped:
            return self._pending + data
        if wide and self._dropped & 1:  # half a code unit went with what was dropped
            data = data[1:]
            self._dropped += 1
        returns = "\r".encode(self._encoding) * self._returns
        return self._pending + _CUT.encode(self._encoding) + returns + data

    def _settle(self, text: str, size: int, rest: bytes) -> list[Piece]:
        if self._dropped:
            size += self._dropped - len(_CUT.encode(self._encoding))
            self._dropped = 0
        self.settled += size
        self._keep(rest)
        return self._pieces(text)

    def _keep(self, rest: bytes) -> None:
        """Hold the unfinished line, at most the cap of it; returns at its end wait to see what follows them."""
        self._returns = 0
        if self._dropped:
            self._dropped += len(rest) - CAP - len(_CUT.encode(self._encoding))
        elif len(rest) > CAP:
            self._dropped = len(rest) - CAP
        if self._dropped:
            single = "\r".encode(self._encoding)
            tail = rest
            while tail.endswith(single):
                tail, self._returns = tail[: -len(single)], self._returns + 1
            self._dropped -= self._returns * len(single)
            rest = rest[:CAP]
        self._pending = rest

    def _pieces(self, text: str) -> list[Piece]:
        if "\x1b" in text:
            text = _ESCAPES.sub("", text)
        text = text.translate(_NOISE) if _has_noise(text) else text
        if "\r" in text:
            text = _REDRAWS.sub("\n", text)
        lines = text.split("\n")
        last = lines.pop()
        out: list[Piece] = []
        number = self.number
        for line in lines:
            if "\r" in line or _CUT in line:
                *redraws, last_drawn = line.split("\r")
                out += [_piece(part, number, "\r") for part in redraws if part]
                out.append(_piece(last_drawn, number, "\n"))
            else:
                out.append(Piece(line, number, "\n"))
            number += 1
        if last:  # ends in a return that no newline follows: redraws only
            out += [_piece(part, number, "\r") for part in last.split("\r") if part]
        self.number = number
        return out

    def unfinished(self) -> Piece | None:
        """The last line as far as it goes, without ending it."""
        if not self._pending:
            return None
        text = self._pending.decode(self._encoding or "utf-8", "replace")
        text = _ESCAPES.sub("", text).translate(_NOISE).rstrip("\r")
        return Piece(text.rsplit("\r", 1)[-1], self.number, "", self._dropped > 0)

    def finish(self) -> list[Piece]:
        """The last line, ended by the end of the file."""
        if not self._pending:
            return []
        text = self._pending.decode(self._encoding or "utf-8", "replace")
        self.settled += len(self._pending) + self._dropped
        mark = _CUT if self._dropped else ""
        self._pending, self._dropped = b"", 0
        return self._pieces(text.rstrip("\r") + mark + "\n")


def _piece(text: str, number: int, end: End) -> Piece:
    """A line or redraw; what follows the mark of the cap is gone."""
    if _CUT not in text:
        return Piece(text, number, end)
    return Piece(text.partition(_CUT)[0], number, end, cut=True)


def _shortened(whole: bytes) -> bytes:
    """Lines over the cap, cut and marked."""
    if len(whole) <= CAP:
        return whole
    return _TOO_LONG.sub(lambda line: line[0][:CAP] + _CUT.encode(), whole)


def _guess(head: bytes) -> str:
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if head[1] == 0 and head[3] == 0 and head[0] and head[2]:
        return "utf-16-le"
    if head[0] == 0 and head[2] == 0 and head[1] and head[3]:
        return "utf-16-be"
    return "utf-8"


def _has_noise(text: str) -> bool:
    return "\x00" in text or "\x08" in text or "\ufeff" in text or "\x0f" in text


def _last_return(buffer: bytes) -> int:
    """The last return that surely ends a redraw: something other than a newline or a return follows it."""
    return buffer.rfind(b"\r", 0, max(len(buffer.rstrip(b"\r\n")) - 1, 0)) if b"\r" in buffer else -1


def _last_return_text(text: str) -> int:
    return text.rfind("\r", 0, max(len(text.rstrip("\r\n")) - 1, 0)) if "\r" in text else -1
