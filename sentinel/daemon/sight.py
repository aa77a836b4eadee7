"""What somebody else could read by themselves: text of a file that a peer could not open is not shown (contracts 7).

Asked by mode bits, for the daemon cannot become the peer; whoever is in doubt sees less.
"""

from __future__ import annotations

import os
import stat

from sentinel.daemon.peers import Peer


class Sight:
    """One peer's rights, for as long as one request lasts: what was looked at is not looked at again."""

    def __init__(self, peer: Peer) -> None:
        """Root, and who Sentinel runs as, see what it sees."""
        self._peer = peer
        self._all = peer.is_root or peer.uid == os.getuid()
        self._known: dict[str, bool] = {}

    def sees(self, folder: str | None, file: str | None = None) -> bool:
        """Whether the peer could list this folder, or open this file below it. Of a run that nobody knows: no."""
        if self._all:
            return True
        if folder is None:
            return False
        if not folder:
            return True  # the host's own: what anyone on the machine can see
        path = os.path.join(folder, file) if file and os.path.isdir(folder) else folder
        real = os.path.realpath(path)  # where a link leads, the way counts too
        ways = {os.path.dirname(path), os.path.dirname(real)}
        return all(self._reaches(way) for way in ways) and self._may(real, stat.S_IROTH)

    def _reaches(self, folder: str) -> bool:
        """Every folder on the way may be entered."""
        if folder not in self._known:
            above = os.path.dirname(folder)
            way = above == folder or self._reaches(above)
            self._known[folder] = way and self._may(folder, stat.S_IXOTH)
        return self._known[folder]

    def _may(self, path: str, right: int) -> bool:
        try:
            facts = os.stat(path)
        except OSError:
            return False
        if facts.st_uid == self._peer.uid:
            return bool(facts.st_mode & right << 6)
        if facts.st_gid in self._peer.gids or facts.st_gid == self._peer.gid:
            return bool(facts.st_mode & right << 3)
        return bool(facts.st_mode & right)
