"""One log as people name it, followed through everything that happens to its file: growth, rotation, rewrite, rename.

A log is a list of parts. The last part is what stands under the name; those before it are older files, renamed by a
rotation, into which a writer may still write. `identity` decides what happened; here it is carried out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sentinel.core.records import Item
from sentinel.sources.folder import rotated_from
from sentinel.sources.glancing import CLOSE_AFTER, Grown, calm, glanced, grown, stands_still
from sentinel.sources.identity import ANCHOR, Bookmark, Course, Met, digest
from sentinel.sources.opening import OpenFile
from sentinel.sources.part import Part, signature_of, status_of
from sentinel.sources.track import Track

Open = Callable[[str], OpenFile]  # a path, safely opened; OSError where it cannot be had
Listing = Callable[[], Mapping[str, int]]  # the names in the log's folder with their inodes, as they are now
NewTrack = Callable[[Bookmark | None], Track]

MOST_PARTS = 64
CHUNK = 1 << 18
SAME = (Course.STILL, Course.GROWN, Course.MOVED_IN)


class Log:
    """A log under its name. `look` says what is new; it reads no more than it is allowed to."""

    __slots__ = (
        *("_listing", "_new_track", "_older", "_open", "folder", "grew"),
        *("name", "parts", "path", "waits"),
    )

    def __init__(self, path: str, new_track: NewTrack, open_path: Open, listing: Listing) -> None:
        """A log of which nothing was looked at yet."""
        self.path = path
        self.folder, self.name = os.path.split(path)
        self.parts: list[Part] = []
        self.grew: float | None = None
        self.waits = False  # an unfinished line may stand at its end
        self._older: dict[int, Met] = {}  # rotated files that were met, whether read or not
        self._new_track, self._open, self._listing = new_track, open_path, listing

    # --- first sight -------------------------------------------------------------------------------------------

    def begin(self, marks: Sequence[Bookmark], now: float) -> None:
        """Meet the file: with bookmarks go on where we were, even if it was rotated meanwhile; else from its start."""
        content = self._open(self.path)
        known = [self._new_track(mark) for mark in marks[-MOST_PARTS:]]
        self._older.update({met.inode: met for mark in marks for met in mark.older})
        living: Track | None = None
        lost = False
        for track in known:
            if living is None and track.look(content) in SAME:
                living = track
            elif (older := self._find(track, now)) is not None:
                self.parts.append(older)
            else:
                lost = lost or track.mark.read > 0 or track.mark.repeats
        if living is None:
            living = self._new_track(None)
            unmet = self._never_met(known, now)
            self.parts += unmet
            if lost:
                (unmet[0].track if unmet else living).expect_repetition(now)
        living.adopt(content)
        self.parts.append(Part(living, self.path, now, content))

    def _find(self, track: Track, now: float) -> Part | None:
        """The part that a bookmark knows, under whatever name its inode has now."""
        path = self._name_of(track)
        if path is None:
            return None
        try:
            content = self._open(path)
        except OSError:
            return None
        if track.look(content) in SAME:
            return Part(track, path, now, content)
        content.close()
        return None

    def _name_of(self, track: Track) -> str | None:
        for name, inode in self._listing().items():
            if inode == track.mark.inode:
                return f"{self.folder}/{name}"
        return None

    def _rotated(self) -> dict[str, int]:
        """The older files of this log with their inodes, the oldest first. Packed ones are left to replay."""
        listed = self._listing()
        aged = [(rotated[1], name) for name in listed if (rotated := rotated_from(name)) and rotated[0] == self.name]
        return {name: listed[name] for _, name in sorted(aged) if not name.endswith(".gz")}

    def _never_met(self, known: Sequence[Track], now: float) -> list[Part]:
        """Rotated files that came into being since the last rotation and hold what no look saw, the oldest first."""
        met = {part.track.mark.inode for part in self.parts}
        rotated = self._rotated()
        self._older = {inode: self._older[inode] for inode in rotated.values() if inode in self._older}
        paths = [f"{self.folder}/{name}" for name, inode in rotated.items() if inode not in met]
        parts = [self._older_part(known, path, now) for path in paths[-MOST_PARTS:]]
        return [part for part in parts if part]

    def _older_part(self, known: Sequence[Track], path: str, now: float) -> Part | None:
        """A rotated file as a part: from where a track stands of which it is a copy, from its start if it is new."""
        try:
            content = self._open(path)
        except OSError:
            return None
        if self._met_before(content):
            content.close()
            return None
        going_on = next((track for track in known if track.look(content) is Course.MOVED_IN), None)
        if going_on is None and any(track.begins_alike(content) for track in known):
            content.close()  # a copy that somebody made at an earlier time: all of it was read
            return None
        track = self._new_track(going_on.bookmark() if going_on else None)
        track.adopt(content)
        return Part(track, path, now, content)

    def _met_before(self, content: OpenFile) -> bool:
        """Whether this rotated file was met at an earlier rotation; from now on it was."""
        met = self._older.get(content.inode)
        if met and content.size >= met.size and digest(content.read(met.size, 0)) == met.digest:
            return True
        head = content.read(ANCHOR, 0)
        self._older[content.inode] = Met(content.inode, len(head), digest(head))
        return False

    # --- looking -----------------------------------------------------------------------------------------------

    def look(self, now: float, arrival: float | None, limit: int) -> tuple[list[Item], int]:
        """What is new, and how many bytes it took. OSError where the file cannot be read now."""
        if not self.parts:
            self.begin((), now)
        elif self.quiet(now):
            return [], 0
        elif arrival is not None and len(self.parts) == 1:
            found = self._noted(grown(self.parts[0], self.path, now, arrival, limit), now)
            if found is not None:
                return list(found[0]), found[1]
        items: list[Item] = []
        used = 0
        if self._meet():  # what is left of the old file comes first: only then can the new one be held against it
            items, used = self._read_parts(now, arrival, limit)
            if used < limit:
                self._other_file(self.parts[-1], now)
        if used < limit:
            more, count = self._read_parts(now, arrival, limit - used)
            items += more
            used += count
        for part in [part for part in self.parts[:-1] if part.over(now)]:
            items += part.track.finish()
            self._drop(part)
        return items, used

    def _read_parts(self, now: float, arrival: float | None, limit: int) -> tuple[list[Item], int]:
        """All parts in order. A part that turned out to be other content has made new ones: those come at once."""
        items: list[Item] = []
        used = 0
        before: tuple[Part, ...] = ()
        while before != (before := tuple(self.parts)):
            for part in before:
                if used < limit:
                    taken, count = self._read(part, now, arrival, limit - used)
                    items += taken
                    used += count
        return items, used

    @property
    def at(self) -> int:
        """How far it was read."""
        return self.parts[-1].track.at if self.parts else 0

    def quiet(self, now: float) -> bool:
        """The common case at the price of one stat: nothing happened."""
        return len(self.parts) == 1 and not self.waits and stands_still(self.parts[0], self.path, now)

    def repeats(self) -> bool:
        """Whether its last lines were such that more of the same is no news."""
        return len(self.parts) == 1 and self.parts[0].track.repeats

    def may_wait(self) -> bool:
        """Whether what the kernel speaks of brings no news: lines that read like the last ones but for their digits."""
        return len(self.parts) == 1 and calm(self.parts[0], self.path)

    def glance(self, now: float) -> Grown | None:
        """What is new where the kernel says that somebody wrote and that no name moved. None: look."""
        if len(self.parts) != 1:
            return None
        return self._noted(glanced(self.parts[0], self.path, now), now)

    def _noted(self, found: Grown | None, now: float) -> Grown | None:
        if found is not None and found[1]:
            self.grew, self.waits = now, True
        return found

    def _meet(self) -> bool:
        """See what stands under the name now; whether it is another inode."""
        living = self.parts[-1]
        status = status_of(self.path)
        if status is None:
            if living.path == self.path:
                living.path = self._name_of(living.track)
            return False
        if (status.st_dev, status.st_ino) != (living.track.mark.device, living.track.mark.inode):
            living.path = None if living.path == self.path else living.path
            return True
        living.path = self.path
        return False

    def _other_file(self, living: Part, now: float) -> None:
        """Another inode stands under the name: a rotation, a replacement, or the same content moved in."""
        content = self._open(self.path)
        elsewhere = self._name_of(living.track)
        held = living.content is not None and living.content.refresh().links > 0
        verdict = living.track.look(content, linked=elsewhere is not None or held)
        if verdict is Course.MOVED_IN:
            living.close()
            living.track.adopt(content)
            living.content, living.path, living.signature = content, self.path, None
            return
        living.path = elsewhere
        between = self._never_met([living.track], now)
        track = living.track.successor(reset=verdict is Course.REPLACED, now=now)
        track.adopt(content)
        self.parts += [*between, Part(track, self.path, now, content)]
        for part in self.parts[:-MOST_PARTS]:
            self._drop(part)

    def _read(self, part: Part, now: float, arrival: float | None, limit: int) -> tuple[list[Item], int]:
        """What is new in one part."""
        living = part is self.parts[-1]
        try:
            content = self._moved(part, now)
            if content is None:
                return [], 0
            if part.track.look(content) not in SAME and not self._start_anew(part, now):
                return [], 0
            return self._take(part, content, now, arrival, limit)
        except OSError:
            part.close()
            part.signature = None
            if living:
                raise
            part.path = None  # an older part that cannot be read holds nothing up
            return [], 0

    def _moved(self, part: Part, now: float) -> OpenFile | None:
        """The part's content, if anything about it changed since the last look."""
        if part.content is None and not self._reopen(part):
            return None
        assert part.content is not None
        status = os.fstat(part.content.descriptor)
        if status.st_nlink == 0:
            part.path = None
        signature = signature_of(status)
        changed = signature != part.signature
        looked = changed or part.again
        part.again, part.signature = changed, signature
        if not looked and part.path and now >= part.grew + CLOSE_AFTER:
            part.close()
        return part.content.refresh() if looked and part.content else None

    def _reopen(self, part: Part) -> bool:
        """Open a part that was let go, if it has changed; its name may have moved on with the next rotation."""
        status = status_of(part.path) if part.path else None
        known = part.track.mark.inode
        if known and (status is None or status.st_ino != known):
            part.path = self._name_of(part.track)
            status = status_of(part.path) if part.path else None
        if status is None or part.path is None:
            part.path = None
            return False
        if part.signature == signature_of(status) and not part.again:
            return False
        part.content = self._open(part.path)
        if not known:
            part.track.adopt(part.content)
        return True

    def _start_anew(self, part: Part, now: float) -> bool:
        """The content is another one. False for an older part: it was packed or cut in place, and had been read."""
        if part is not self.parts[-1]:
            part.path = None
            return False
        named = part.path is not None  # else another file has its name already: that one is met after this one
        copy = self._copy_of(part, now) if named else None
        between = self._never_met([part.track], now) if named else []
        content, part.content = part.content, None
        track = part.track.successor(reset=copy is None, now=now)
        if copy and copy.content:
            self._met_before(copy.content)
        self.parts.remove(part)
        assert content is not None
        track.adopt(content)
        fresh = Part(track, self.path if named else None, now, content)
        self.parts += [*([copy] if copy else []), *between, fresh]
        return False  # the parts are read with the next look, the copy first

    def _copy_of(self, part: Part, now: float) -> Part | None:
        """After "copy, then cut": the copy holds what was written between our last look and the cut."""
        for name in list(self._rotated())[:-4:-1]:
            path = f"{self.folder}/{name}"
            try:
                content = self._open(path)
            except OSError:
                continue
            if part.track.mark.read and part.track.look(content) is Course.MOVED_IN:
                part.track.adopt(content)
                return Part(part.track, path, now, content)
            content.close()
        return None

    def _take(
        self, part: Part, content: OpenFile, now: float, arrival: float | None, limit: int
    ) -> tuple[list[Item], int]:
        items: list[Item] = []
        used = 0
        while used < limit and (behind := part.track.behind(content)) > 0:
            taken, count = part.track.take(content, min(CHUNK, behind, limit - used), arrival)
            items += taken
            used += count
            if not count:
                break
        if used:
            part.grew = self.grew = now
            self.waits = True
        if part.track.behind(content) > 0:
            part.again = True  # the rest comes with the next look
        return items, used

    # --- letting go --------------------------------------------------------------------------------------------

    def _drop(self, part: Part) -> None:
        part.close()
        self.parts.remove(part)

    def idle(self, now: float) -> list[Item]:
        """What an unfinished last line says, once, when it has stood still."""
        self.waits = False
        return [item for part in self.parts for item in part.track.idle(now)]

    def finish(self) -> list[Item]:
        """What is left when the run is over."""
        return [item for part in self.parts for item in part.track.finish()]

    def knows(self, path: str, inode: int) -> bool:
        """Whether a name in the folder is only another name for a part of this log."""
        part = next((part for part in self.parts if part.track.mark.inode == inode), None)
        if part is None:
            return False
        try:
            content = self._open(path)
        except OSError:
            return True
        same = part.track.look(content) in SAME
        content.close()
        return same

    def bookmarks(self) -> list[Bookmark]:
        """One for each part, the living one last."""
        *older, living = [part.track.bookmark() for part in self.parts] or [Bookmark(self.name)]
        return [*older, replace(living, older=tuple(self._older.values())[-MOST_PARTS:])]

    def close(self) -> None:
        """Let go of all descriptors."""
        for part in self.parts:
            part.close()
