"""The web server: uvicorn, with deadlines and bounds for connections, which it lacks, and a log that nobody can flood.

Nobody can keep a connection by saying nothing, by saying it slowly or by not listening. Where all connections are
taken, the one that has been silent longest makes room: the service answers however many others say nothing.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 15.0
"""From the begin of a connection, or the end of an answer, to the end of the next request's headers."""
BODY_IDLE_SECONDS = 30.0
SLOW_SECONDS, SLOWEST_BYTES = 60.0, 1024
"""So long after its begin a body has to have come at so many bytes a second."""
WRITE_SECONDS = 60.0
"""How long a client may take nothing of what it was sent."""
LOOK_SECONDS = 1.0
MOST_CONNECTIONS = 4096
FILES_WANTED = 65_536
SAME_MESSAGES, SAME_SECONDS = 10, 60.0
"""So many messages of one kind are logged in so many seconds."""
LOGGERS = ("uvicorn.error", "asyncio", "lookalike.web", "lookalike.blobs")


class GuardedProtocol(H11Protocol):
    """One connection, with deadlines."""

    most_connections = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and make room where too many connections are open."""
        super().connection_made(transport)
        self._since = self._heard = self._begun = self.loop.time()
        self._received = 0
        self._stuck: float | None = None
        """Since when it takes nothing of what waits to be sent."""
        self._left = 0
        self._request: object = None
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        if len(self.connections) > self.most_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self._heard = self.loop.time()
        self._received += len(data)
        super().data_received(data)
        self._note_request()

    def on_response_complete(self) -> None:
        """From here on the next request is waited for."""
        self._since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        self._begin_to_watch()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        self._stuck = None
        self._since = self.loop.time()
        super().resume_writing()

    @property
    def waits(self) -> bool:
        """True while no request is served."""
        return self.cycle is None or self.cycle.response_complete

    def _note_request(self) -> None:
        if self.cycle is not self._request:
            self._request, self._begun, self._received = self.cycle, self.loop.time(), 0

    def _begin_to_watch(self) -> None:
        self._stuck, self._left = self.loop.time(), self.transport.get_write_buffer_size()

    def _note_flow(self, now: float) -> None:
        """Who takes a part of what waits to be sent is not stuck; what is not read as yet is no fault of who sends."""
        if self._stuck is None and self.transport.is_closing():  # what is left is sent before it is closed
            self._begin_to_watch()
        if self._stuck is not None and self.transport.get_write_buffer_size() < self._left:
            self._begin_to_watch()
        if self.flow.read_paused:
            self._begun, self._received, self._heard = now, 0, now

    def _look(self) -> None:
        now = self.loop.time()
        self._note_request()
        self._note_flow(now)
        if self._is_late(now):
            self.transport.abort()
            return
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)

    def _is_late(self, now: float) -> bool:
        if self._stuck is not None and now - self._stuck > WRITE_SECONDS:
            return True
        if self.transport.is_closing():
            return False
        if self.waits:
            return self._stuck is None and now - self._since > HEADER_SECONDS
        if not self.cycle.more_body or self.flow.read_paused:
            return False
        lasted = now - self._begun
        slow = lasted > SLOW_SECONDS and self._received < lasted * SLOWEST_BYTES
        return slow or now - self._heard > BODY_IDLE_SECONDS

    def _make_room(self) -> None:
        others = [each for each in self.connections if isinstance(each, GuardedProtocol) and each is not self]
        silent = [each for each in others if each.waits and not each.transport.is_closing()]
        victim = min(silent, key=lambda each: each._since, default=self)  # noqa: SLF001 - of this class
        victim.transport.abort()


class Sparing(logging.Filter):
    """Lets few messages of one kind through, and says how many it has kept back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        kind, now = (record.name, str(record.msg)[:200]), self._clock()
        since, count = self._kinds.get(kind, (now, 0))
        if now - since > SAME_SECONDS:
            if count > SAME_MESSAGES:
                record.msg = f"{record.msg} ({count - SAME_MESSAGES} more like this were not logged)"
            since, count = now, 0
        if len(self._kinds) > 1000:  # messages that hold what came: forget them rather than grow
            self._kinds.clear()
        self._kinds[kind] = since, count + 1
        return count < SAME_MESSAGES


def configuration(app: Any, **settings: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's own
    """How the API is served. `settings` are further ones of uvicorn."""
    files = raise_file_limit()
    protocol = type("Guarded", (GuardedProtocol,), {"most_connections": min(MOST_CONNECTIONS, max(files // 2, 16))})
    config = uvicorn.Config(app, http=protocol, ws="none", server_header=False, **settings)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(Sparing())
    return config


def raise_file_limit() -> int:
    """How many files this process may open: as many as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, FILES_WANTED)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
