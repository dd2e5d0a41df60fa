"""How often somebody may ask: token buckets in the memory of one web process, which is bounded.

A bucket holds a minute's worth of requests. Each takes one out, and it fills evenly.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from app.errors import TooManyRequestsError

MINUTE = 60.0
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class Rates:
    """Who has asked lately. Of more than MOST_REMEMBERED, those are forgotten who asked longest ago."""

    limit: str
    """What the limit is called: the name of its setting."""
    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    """What is left, and when that was so."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._buckets)

    def take(self, name: str) -> None:
        """Count a request. Raises TooManyRequestsError, which says when to come again, where there were too many."""
        with self._lock:
            now = self.clock()
            left, since = self._buckets.pop(name, (float(self.per_minute), now))
            left = min(left + (now - since) * self.per_minute / MINUTE, float(self.per_minute))
            served = left >= 1
            self._buckets[name] = (left - 1 if served else left, now)
            if len(self._buckets) > MOST_REMEMBERED:
                self._buckets.popitem(last=False)
        if not served:
            raise TooManyRequestsError(
                f"expected at most {self.per_minute} requests a minute ({self.limit}), got more",
                retry_seconds=(1 - left) * MINUTE / self.per_minute,
                limit=self.limit,
                value=self.per_minute,
            )
