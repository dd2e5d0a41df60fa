"""Guessing keys: after some wrong ones an address is told to wait, and learns nothing more, not even from a right one.

Keys that were right within the last hour go on being let in from there, so that nobody locks out a neighbour behind the
same proxy. Each web process counts for itself.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from app.errors import TooManyGuessesError

WINDOW_SECONDS = 60.0
TRUSTED_SECONDS = 3600.0
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class Guesses:
    """Who has shown wrong keys lately."""

    limit: int
    """So many wrong keys of one address within WINDOW_SECONDS."""
    clock: Callable[[], float] = time.monotonic
    _wrong: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)
    _right: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse_if_many(self, address: str, token_sha256: str) -> None:
        """Raises TooManyGuessesError where the address has guessed too often and the key is not known to be right."""
        with self._lock:
            since, count = self._wrong.get(network_of(address), (0.0, 0))
            left = since + WINDOW_SECONDS - self.clock()
            trusted = self._right.get(token_sha256, -math.inf) > self.clock() - TRUSTED_SECONDS
        if count >= self.limit and left > 0 and not trusted:
            raise TooManyGuessesError(
                f"expected at most {self.limit} wrong API keys a minute from one address, got more",
                headers={"Retry-After": str(math.ceil(left))},
            )

    def note_wrong(self, address: str) -> None:
        """Count a wrong key."""
        network, now = network_of(address), self.clock()
        with self._lock:
            since, count = self._wrong.pop(network, (now, 0))
            self._wrong[network] = (since, count + 1) if now - since < WINDOW_SECONDS else (now, 1)
            _bound(self._wrong)

    def note_right(self, token_sha256: str) -> None:
        """Remember a key that is right."""
        with self._lock:
            self._right[token_sha256] = self.clock()
            self._right.move_to_end(token_sha256)
            _bound(self._right)


def _bound(
    remembered: OrderedDict[str, object] | OrderedDict[str, float] | OrderedDict[str, tuple[float, int]],
) -> None:
    if len(remembered) > MOST_REMEMBERED:
        remembered.popitem(last=False)


def network_of(address: str) -> str:
    """The address, or its network of 64 bits where it is of IPv6: whoever has one of those has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
