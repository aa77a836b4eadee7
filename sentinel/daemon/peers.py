"""Who speaks on the control socket, and what they may say (contracts 7)."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel vouches for it."""

    pid: int
    uid: int
    gid: int
    user: str
    groups: frozenset[str]
    gids: frozenset[int] = frozenset()

    @property
    def is_root(self) -> bool:
        """Root may say everything."""
        return self.uid == 0

    def is_admin(self, admins: Sequence[str]) -> bool:
        """Root, the user Sentinel runs as, and who the settings name, by user or group."""
        named = self.user in admins or not self.groups.isdisjoint(admins)
        return self.is_root or self.uid == os.getuid() or named

    def owns(self, uid: int | None) -> bool:
        """Whether a run of that user is theirs."""
        return uid is not None and uid == self.uid


def peer_of(connection: socket.socket) -> Peer:
    """The peer of a connection to a Unix socket."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    gids = _gids(uid, gid)
    names = frozenset(name for number in gids if (name := _group_name(number)))
    return Peer(pid, uid, gid, user_name(uid), names, gids)


def user_name(uid: int | None) -> str:
    """A user's name, or the number where nobody knows it."""
    if uid is None:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _gids(uid: int, gid: int) -> frozenset[int]:
    try:
        return frozenset(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return frozenset((gid,))


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""
