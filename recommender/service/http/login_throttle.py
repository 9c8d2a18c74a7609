"""Wrong logins: logged for whoever watches the log, and braked where there are many.

Many are those from one address, and those to one user, from however many addresses.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from starlette.types import Scope

from recommender import params
from recommender.service.shared import Board

LOG = logging.getLogger("deepcuts")
LONGEST_ADDRESS: Final = 64
"""Characters; a proxy on this machine may name any."""
KEY: Final = 8
"""Bytes by which an address, or a user, is known; twice as many digits."""


class WrongLogins:
    """Counts wrong logins by the address that they come from, and by the user, in memory that is bounded.

    All processes of the service count together.

    Right ones are not its business: somebody else behind the same proxy must not lock a user out.

    Parameters
    ----------
    now
        Seconds on a clock that only goes forward, the same in every process.
    board
        Shared by the processes.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, board: Board | None = None) -> None:
        board = board or Board()
        self._addresses, self._users = (_Counts(now, board, rows) for rows in board.logins)

    def __len__(self) -> int:
        return max(len(self._addresses), len(self._users))

    def note(self, scope: Scope, interface: str, user: str | None = None) -> int:
        """Count a wrong login, and log it unless it is one too many.

        Parameters
        ----------
        scope
            Of the request; what is logged of it is its address alone: people type passwords as names.
        interface
            The one that was asked, as the log calls it.
        user
            Whose login it was to be, where it names one.

        Returns
        -------
        int
            Seconds until no more are counted as one too many; 0 if this one was not.
        """
        client = scope.get("client")
        address = client[0][:LONGEST_ADDRESS] if client else "an unknown address"
        wait_s = self._addresses.add(address.encode("utf-8", "replace"))
        if user is not None:
            wait_s = max(wait_s, self._users.add(user.encode("utf-8", "replace")))
        if not wait_s:
            LOG.warning("wrong login from %s (%s)", address, interface)
        return wait_s


class _Counts:
    """How often something has come lately, of those that came last.

    Parameters
    ----------
    rows
        (addresses,) of `shared.LOGIN`, which other processes count in as well.
    """

    def __init__(self, now: Callable[[], float], board: Board, rows: npt.NDArray[Any]) -> None:
        self._now, self._board, self._rows = now, board, rows

    def __len__(self) -> int:
        return int((self._rows["count"] > 0).sum())

    def add(self, what: bytes) -> int:
        """Count one; return the seconds until none is too many any more, 0 if this one is not."""
        key = hashlib.blake2b(what, digest_size=KEY).hexdigest().encode()
        with self._board.locked():
            now, rows = self._now(), self._rows
            known = np.flatnonzero((rows["key"] == key) & (rows["count"] > 0))
            # The first free row, or else the one that the oldest is in, which makes room.
            row = rows[known[0] if len(known) else np.lexsort((rows["first_s"], rows["count"] > 0))[0]]
            first, count = (float(row["first_s"]), int(row["count"])) if len(known) else (now, 0)
            if now - first >= params.WRONG_LOGINS_S:
                first, count = now, 0
            row["key"], row["first_s"], row["count"] = key, first, count + 1
        return max(1, math.ceil(first + params.WRONG_LOGINS_S - now)) if count >= params.WRONG_LOGINS else 0
