"""Whose upload is read, or whose report is rendered next: tenants take turns, and who finds a full room goes.

One tenant never has all places.

Lives in the event loop of one web process.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from app.errors import TooBusyError

RETRY_SECONDS = 15


@dataclass(eq=False, slots=True)
class _Waiting:
    tenant: str
    turn: anyio.Event = field(default_factory=anyio.Event)


class Turns:
    """Places for what is worked on, and a bounded room for what waits."""

    def __init__(self, places: int, *, room: int, what: str = "uploads that wait to be read") -> None:
        """`room` is how many may wait; one tenant has at most half of it. `what` waits is named in refusals."""
        self._places, self._room, self._what = places, room, what
        self._most = max(1, places - 1)
        self._taken: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()

    def refuse_if_full(self, tenant: str) -> None:
        """Raises TooBusyError where an upload of the tenant would have to wait and find no room: before it is sent in
        vain.
        """
        if self._may_begin(tenant):
            return
        theirs = sum(each.tenant == tenant for each in self._waiting)
        if len(self._waiting) >= self._room or theirs >= max(1, self._room // 2):
            raise TooBusyError(
                f"expected at most {self._room} {self._what}, and half of them of one tenant, "
                "got one more; try again later",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """A place, once it is the tenant's turn. Raises TooBusyError where there is no room to wait."""
        if self._may_begin(tenant) and not self._waiting:
            self._taken[tenant] += 1
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._taken[tenant] -= 1
            self._call()

    async def _wait(self, tenant: str) -> None:
        self.refuse_if_full(tenant)
        waiting = _Waiting(tenant)
        self._waiting.append(waiting)
        self._call()
        try:
            await waiting.turn.wait()
        except BaseException:  # whoever waited is gone
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            else:
                self._taken[tenant] -= 1
                self._call()
            raise

    def _may_begin(self, tenant: str) -> bool:
        return self._taken.total() < self._places and self._taken[tenant] < self._most

    def _call(self) -> None:
        """Give free places to those who wait: of the tenant with the fewest first, then whoever came first."""
        while True:
            fitting = [each for each in self._waiting if self._may_begin(each.tenant)]
            if not fitting:
                return
            called = min(fitting, key=lambda each: self._taken[each.tenant])
            self._waiting.remove(called)
            self._taken[called.tenant] += 1
            called.turn.set()
