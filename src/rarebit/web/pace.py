"""How many requests a caller may make: a bucket of tokens that fills up again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from rarebit.core.errors import BusyError

A_SECOND: Final = 100.0
AT_ONCE: Final = 1000.0
"""Tokens that a caller has who was quiet."""
CALLERS: Final = 10_000
"""Callers remembered; who was quiet longest is forgotten first, and begins with a full bucket."""


class Pace:
    """Buckets of all callers.

    Parameters
    ----------
    a_second, at_once : float
        Tokens that come back in a second, and most tokens.
    clock : callable
        Seconds.
    """

    def __init__(
        self, a_second: float = A_SECOND, at_once: float = AT_ONCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._a_second, self._at_once, self._clock = a_second, at_once, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """Take a token.

        Raises
        ------
        BusyError
            If there is none.
        """
        now = self._clock()
        with self._lock:
            left, before = self._left.pop(caller, (self._at_once, now))
            left = min(self._at_once, left + (now - before) * self._a_second)
            self._left[caller] = (left - 1.0 if left >= 1.0 else left, now)
            if len(self._left) > CALLERS:
                self._left.popitem(last=False)
        if left < 1.0:
            raise BusyError(
                f"more than {self._a_second:g} requests a second", hint="Send them more slowly, or several in one."
            )
