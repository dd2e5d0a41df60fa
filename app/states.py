"""The states of jobs and releases, and the only ways between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.errors import ConflictError


class JobKind(StrEnum):
    """What a job does."""

    SYNTHESIZE = "synthesize"
    """The whole way of one table."""
    SAMPLE = "sample"
    """More records from a model that is already trained."""
    USE = "use"
    """Another use of records and models, see docs/uses.md. Nothing of it is ever a release."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Queue(StrEnum):
    """What a stage runs on; a worker says which of these it serves."""

    GPU = "gpu"
    CPU = "cpu"


class Priority(StrEnum):
    """Which of a tenant's own waiting jobs is begun first. Other tenants have their turn whatever it says."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class ReleaseState(StrEnum):
    """Where a release stands. Its data may be downloaded in `released` alone."""

    IN_REVIEW = "in_review"
    RELEASED = "released"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """It was released, and somebody took it back: nobody gets it any more. Those who have it have it."""
    BLOCKED = "blocked"
    """The audit proved a leak above the policy's limit: nobody can approve it."""
    VOID = "void"
    """The audit could not be trusted or could not see enough: nobody can approve it."""


class Scope(StrEnum):
    """What an API key may do."""

    READ = "read"
    WRITE = "write"
    REAL_DATA = "real_data"
    """Gets the results of uses, which hold real records."""
    REVIEW = "review"
    AUDIT = "audit"
    ADMIN = "admin"


class Role(StrEnum):
    """What a person does in their tenant. What each may do is in `ROLE_SCOPES`."""

    UPLOADER = "uploader"
    """Sends data and jobs, sees previews of real data, and gets what was released."""
    ANALYST = "analyst"
    """Reads jobs, reports and released tables."""
    REAL_DATA_READER = "real_data_reader"
    """Reads what an analyst reads, and gets the results of uses, which hold real records."""
    REVIEWER = "reviewer"
    """Reads releases and their reports, and decides on them. Gets no data."""
    AUDITOR = "auditor"
    """Reads what an analyst reads, and the audit log. Changes nothing."""
    ADMIN = "admin"
    """Does everything, and makes people and keys."""


ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.UPLOADER: frozenset({Scope.READ, Scope.WRITE}),
    Role.ANALYST: frozenset({Scope.READ}),
    Role.REAL_DATA_READER: frozenset({Scope.READ, Scope.REAL_DATA}),
    Role.REVIEWER: frozenset({Scope.REVIEW}),
    Role.AUDITOR: frozenset({Scope.READ, Scope.AUDIT}),
    Role.ADMIN: frozenset({Scope.ADMIN}),
}
"""The one table of what roles may do; docs/operations.md quotes it."""


def scopes_of(roles: Iterable[str]) -> frozenset[Scope]:
    """What somebody with these roles may do."""
    return frozenset[Scope]().union(*(ROLE_SCOPES[Role(role)] for role in roles))


def within(asked: frozenset[Scope], most: frozenset[Scope]) -> frozenset[Scope]:
    """Those of the scopes that are asked for that somebody with `most` has. `admin` stands for all there are."""
    if Scope.ADMIN in most:
        return asked
    return most if Scope.ADMIN in asked else asked & most


JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.RUNNING, JobState.FINISHED, JobState.FAILED, JobState.CANCELLED}),
    JobState.FINISHED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}

RELEASE_TRANSITIONS: Mapping[ReleaseState, frozenset[ReleaseState]] = {
    ReleaseState.IN_REVIEW: frozenset({ReleaseState.RELEASED, ReleaseState.REJECTED}),
    ReleaseState.RELEASED: frozenset({ReleaseState.WITHDRAWN}),
    ReleaseState.WITHDRAWN: frozenset(),
    ReleaseState.REJECTED: frozenset(),
    ReleaseState.BLOCKED: frozenset(),
    ReleaseState.VOID: frozenset(),
}

GONE_OUT = (ReleaseState.RELEASED, ReleaseState.WITHDRAWN)
"""The states of tables that an attacker may hold."""

TERMINAL_JOB_STATES = frozenset(state for state, following in JOB_TRANSITIONS.items() if not following)


def move_job(current: JobState, wanted: JobState) -> JobState:
    """The state `wanted`. Raises ConflictError where no way leads there from `current`."""
    if wanted not in JOB_TRANSITIONS[current]:
        raise ConflictError(f"expected a job that can become {wanted.value}, got one that is {current.value}")
    return wanted


def move_release(current: ReleaseState, wanted: ReleaseState) -> ReleaseState:
    """The state `wanted`. Raises ConflictError where no way leads there from `current`."""
    if wanted not in RELEASE_TRANSITIONS[current]:
        raise ConflictError(f"expected a release that can become {wanted.value}, got one that is {current.value}")
    return wanted
