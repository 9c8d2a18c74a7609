"""Wrong logins: logged for whoever watches the log, and braked where there are many.

Many are those from one address, and those to one user, from however many addresses.
"""

import hashlib
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
    """Counts wrong logins by the address that they come from, and by the user, in memory that is bounded.

    Right ones are not its business: somebody else behind the same proxy must not lock a user out.

    Parameters
    ----------
    now
        Seconds on a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._addresses, self._users = _Counts(now), _Counts(now)

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
        wait_s = self._addresses.add(address)
        if user is not None:
            wait_s = max(wait_s, self._users.add(hashlib.sha256(user.encode("utf-8", "replace")).digest()))
        if not wait_s:
            LOG.warning("wrong login from %s (%s)", address, interface)
        return wait_s


class _Counts:
    """How often something has come lately, of those that came last."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: dict[str | bytes, tuple[float, int]] = {}  # when the first came, how many; oldest first

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, what: str | bytes) -> int:
        """Count one; return the seconds until none is too many any more, 0 if this one is not."""
        now = self._now()
        first, count = self._seen.get(what, (now, 0))
        if now - first >= params.WRONG_LOGINS_S:
            first, count = now, 0
        if not count:  # behind those that came before; the oldest make room
            self._seen.pop(what, None)
            while len(self._seen) >= params.WRONG_ADDRESSES:
                del self._seen[next(iter(self._seen))]
        self._seen[what] = (first, count + 1)
        return max(1, math.ceil(first + params.WRONG_LOGINS_S - now)) if count >= params.WRONG_LOGINS else 0
