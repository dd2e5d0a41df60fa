"""What every request works with, and who sent it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from app.blobs import Blobs
from app.config import Settings
from app.guesses import Guesses
from app.jobs.queue import JobQueue
from app.metrics import RequestMetrics
from app.rates import Rates
from app.states import Scope
from app.trail import Actor
from app.turns import Turns


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """The opened resources of one web process."""

    settings: Settings
    engine: Engine
    blobs: Blobs
    queue: JobQueue
    guesses: Guesses
    """Who has shown wrong keys lately."""
    metrics: RequestMetrics
    """What this process has counted."""
    rates: Rates
    """How often each key has asked lately."""
    turns: Turns
    """Which uploads are read as tables at once; each takes a child process and its memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sent the request: one API key of one tenant."""

    tenant_id: str
    key_id: str
    scopes: frozenset[Scope]
    person: str = ""
    """Who holds the key; the key itself where nobody is named."""

    @property
    def actor(self) -> Actor:
        """Who it is in the audit log."""
        return Actor(self.key_id, self.person)

    def may(self, scope: Scope) -> bool:
        """True where the key has the scope, or is an administrator's, which has all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes
