"""Guessing keys and passwords: after some wrong ones an address is told to wait, and learns nothing more, not even from
a right one. Each web process counts for itself.

Nobody locks out a neighbour behind the same proxy. Keys that were right within the last hour go on being let in. Wrong
passwords are counted for each account by address, for all accounts of an address together only when there are ten times
as many, and for a browser that its person has signed in with before, apart from all others. No account is ever closed.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import TooManyGuessesError

WINDOW_SECONDS = 60.0
TRUSTED_SECONDS = 3600.0
MOST_REMEMBERED = 10_000
ACCOUNTS_TOGETHER = 10
"""So many times as many wrong passwords an address may show for all accounts together as for one of them."""
Counted = Mapping[str, int]
"""Under which names an attempt is counted, each with how many times the limit is its own."""


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

    def take(self, counted: Counted) -> None:
        """Count an attempt as a wrong one beforehand: of many at once none slips through.

        Raises TooManyGuessesError, and counts nothing, where there were as many as may be under one of its names.
        """
        now = self.clock()
        with self._lock:
            before = {name: self._wrong.get(name, (now, 0)) for name in counted}
            before = {name: (at, n) if now - at < WINDOW_SECONDS else (now, 0) for name, (at, n) in before.items()}
            for name, times in counted.items():
                since, count = before[name]
                if count >= self.limit * times:
                    left = math.ceil(since + WINDOW_SECONDS - now)
                    raise TooManyGuessesError(
                        f"expected at most {self.limit * times} wrong passwords a minute, got more",
                        headers={"Retry-After": str(max(left, 1))},
                    )
            for name, (since, count) in before.items():
                self._wrong[name] = (since, count + 1)
                self._wrong.move_to_end(name)
                _bound(self._wrong)

    def give_back(self, counted: Counted) -> None:
        """The attempt was a right one: it does not count."""
        with self._lock:
            for name in counted:
                since, count = self._wrong.get(name, (0.0, 0))
                if count:
                    self._wrong[name] = (since, count - 1)


def password_of(address: str, account: str) -> Counted:
    """How an attempt at the password of an account is counted."""
    network = network_of(address)
    return {f"{network} for {account}": 1, f"{network} for all": ACCOUNTS_TOGETHER}


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
