"""Wrong logins: logged for whoever watches the log, and braked where there are many from one address."""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

from starlette.types import Scope

from recommender import params

LOG = logging.getLogger("deepcuts")
LONGEST_ADDRESS: Final = 64
"""Characters; a proxy on this machine may name any."""


class WrongLogins:
    """Counts wrong logins by the address that they come from, in memory that is bounded.

    Right ones are not its business: somebody else behind the same proxy must not lock a user out.

    Parameters
    ----------
    now
        Seconds on a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: dict[str, tuple[float, int]] = {}  # when the first came, and how many; oldest first

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, scope: Scope, interface: str) -> int:
        """Count a wrong login, and log it unless it is one too many.

        Parameters
        ----------
        scope
            Of the request; what is logged of it is its address alone: people type passwords as names.
        interface
            The one that was asked, as the log calls it.

        Returns
        -------
        int
            Seconds until no more are counted as one too many; 0 if this one was not.
        """
        client = scope.get("client")
        address = client[0][:LONGEST_ADDRESS] if client else "an unknown address"
        now = self._now()
        first, count = self._seen.get(address, (now, 0))
        if now - first >= params.WRONG_LOGINS_S:
            first, count = now, 0
        if not count:  # behind those that came before; the oldest make room
            self._seen.pop(address, None)
            while len(self._seen) >= params.WRONG_ADDRESSES:
                del self._seen[next(iter(self._seen))]
        self._seen[address] = (first, count + 1)
        if count >= params.WRONG_LOGINS:
            return max(1, math.ceil(first + params.WRONG_LOGINS_S - now))
        LOG.warning("wrong login from %s (%s)", address, interface)
        return 0
