"""What every request works with, and who sent it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from app.blobs import Blobs
from app.config import Settings
from app.guesses import Guesses
from app.intake.readers import Readers
from app.metrics import RequestMetrics
from app.openid.provider import Provider
from app.passwords import Passwords
from app.rates import Rates
from app.states import Scope
from app.trail import Actor
from app.turns import Turns

if TYPE_CHECKING:  # it loads the job engine, which commands on keys and tenants do without
    from app.jobs.queue import JobQueue


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """The opened resources of one web process."""

    settings: Settings
    engine: Engine
    blobs: Blobs
    queue: JobQueue
    guesses: Guesses
    """Who has shown wrong keys and passwords lately."""
    metrics: RequestMetrics
    """What this process has counted."""
    rates: Rates
    """How often each key, and each person who signed in by password, has asked lately."""
    turns: Turns
    """Which uploads are read as tables at once; each takes a child process and its memory."""
    readers: Readers = field(default_factory=Readers)
    """What reads them, and whatever else parses a stranger's bytes."""
    provider: Provider | None = None
    """The OpenID provider at which people may sign in."""
    passwords: Passwords = field(default_factory=Passwords)
    """What hashes passwords, few at once."""
    renditions: Turns = field(default_factory=lambda: Turns(2, room=16, what="reports that wait to be rendered"))
    """Which reports are rendered at once; each takes a child process, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sent the request: an API key of a tenant, or a person of it who has signed in."""

    tenant_id: str
    key_id: str | None = None
    """The key that was shown; None where the person signed in by password."""
    person_id: str | None = None
    """The person who signed in, or whose key it is; None for a key that belongs to nobody's account."""
    scopes: frozenset[Scope]
    person: str = ""
    """The name of the person, or of whoever holds the key as its maker said; the key itself where nobody is named."""
    session_id: str | None = None
    """The session of the pages that this is a request of; None over the API."""

    @property
    def actor_id(self) -> str:
        """Who does it, as it is recorded: the id of the key, or of the person where there is none."""
        actor = self.key_id or self.person_id
        if actor is None:
            raise ValueError("expected a caller with a key or a person, got one with neither")
        return actor

    @property
    def name(self) -> str:
        """What people call the caller."""
        return self.person or self.actor_id

    @property
    def actor(self) -> Actor:
        """Who it is in the audit log."""
        return Actor(self.actor_id, person=self.name, account=self.person_id or "")

    def may(self, scope: Scope) -> bool:
        """True where the caller has the scope, or is an administrator, who has all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes
