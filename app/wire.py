"""The bodies of other requests and answers, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
)

from app.states import Scope
from app.wire_fields import KIND, KIND_SAID, Body, Name, RetentionDays

Item = TypeVar("Item")


class Column(Body):
    """One column of a data set's schema: how it is read, what becomes of it, and why."""

    name: str
    kind: Literal["categorical", "numerical", "datetime", "identifier"]
    role: Literal["feature", "person", "order", "target"] = "feature"
    form: dict[str, str | int | bool | None] | None = Field(
        default=None,
        description="How numbers or dates are written; of an identifier, what its values are and what replaces them.",
    )
    missing: list[str] = Field(default=[], description="Values that stand for a missing one; kept at their rate.")
    reason: str = Field(default="", description="Why the column was read this way.")
    doubt: str = Field(default="", description="What else the column may be; empty where there is no doubt.")
    order: list[str] = Field(default=[], description="The categories of a column that came with an order of them.")
    places: int | None = Field(default=None, description="Places that all its decimals are written with in CSV.")
    arrow_type: str = Field(default="", description="The Arrow type that the column came with and is written as.")
    pandas_dtype: str = Field(default="", description="The pandas dtype that its file asks for, such as Int64.")


class ColumnChange(Body):
    """What is said of a column; what is left out stays as it is."""

    name: str
    kind: str | None = Field(default=None, pattern=KIND, description=KIND_SAID)
    role: Literal["feature", "person", "order", "target"] | None = None
    missing: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = Field(
        default=None, description="Further values that stand for a missing one."
    )
    form: dict[str, str | int | bool | None] | None = Field(default=None, exclude=True, description="Not read.")
    reason: str | None = Field(default=None, exclude=True, description="Not read.")
    doubt: str | None = Field(default=None, exclude=True, description="Not read.")
    order: list[str] | None = Field(default=None, exclude=True, description="Not read.")
    places: int | None = Field(default=None, exclude=True, description="Not read.")
    arrow_type: str | None = Field(default=None, exclude=True, description="Not read.")
    pandas_dtype: str | None = Field(default=None, exclude=True, description="Not read.")


class SchemaRequest(Body):
    """PATCH /v1/datasets/{id}/schema: the columns that change; the others stay as they are."""

    columns: list[ColumnChange] = Field(min_length=1)


class RetentionRequest(Body):
    """PATCH /v1/datasets/{id}/retention: how long the records stay."""

    retention_days: RetentionDays | None = Field(description="Null keeps them as long as the data set.")


class Dataset(Body):
    """An uploaded table."""

    id: str
    name: str
    sha256: str = Field(description="Of the bytes that were uploaded.")
    bytes: int
    rows: int
    columns: list[Column]
    format: str
    encoding: str | None
    delimiter: str | None
    reading: dict[str, str | int] = Field(default={}, description="What was said of how to read the file.")
    warnings: list[str]
    preview: list[list[str | None]] | None = Field(
        default=None, description="The first records: in the single view, for keys with the scope `write`."
    )
    retention_days: int | None = Field(
        default=None, description="So many days after the last training the records go; null where they stay."
    )
    records_erased_at: datetime | None = Field(
        default=None, description="When the records went: no job can be sent any more, reports and releases stay."
    )
    created_at: datetime


class Problem(BaseModel):
    """An RFC 9457 problem. Some have further members, for example the state of a release."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    errors: list[dict[str, str]] | None = None


class Model(Body):
    """A trained generator."""

    id: str
    dataset_id: str
    job_id: str
    created_at: datetime


class Release(Body):
    """A synthetic table with the verdict on it."""

    id: str
    state: str
    verdict: str
    policy: str
    reasons: list[str]
    rows: int
    dataset_id: str
    model_id: str
    job_id: str
    report_id: str
    csv_sha256: str
    parquet_sha256: str
    created_at: datetime
    decided_by: str | None = Field(description="The id of the key or the person that decided.")
    decided_by_name: str | None = Field(default=None, description="What they were called then.")
    decided_by_person: str | None = Field(
        default=None, description="The id of the person; null for a key that belongs to nobody's account."
    )
    decided_at: datetime | None
    decision_reason: str | None
    withdrawn_by: str | None = None
    withdrawn_by_name: str | None = None
    withdrawn_by_person: str | None = None
    withdrawn_at: datetime | None = None
    withdrawal_reason: str | None = None


class WithdrawalRequest(Body):
    """POST /v1/releases/{id}/withdrawal"""

    reason: str = Field(min_length=3, max_length=2000, pattern=r"^[^\x00]*$")


class NewKeyRequest(Body):
    """POST /v1/keys"""

    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    person: Name | None = Field(default=None, description="Who will hold it, where that person has no account.")
    name: Name | None = Field(default=None, description="What it is for.")
    expires_at: AwareDatetime | None = None


class RotationRequest(Body):
    """POST /v1/keys/{id}/rotation"""

    overlap_hours: float = Field(default=0.0, ge=0, le=24 * 30, description="For so long the old key stays valid.")


class ApiKey(Body):
    """An API key, without its secret."""

    id: str
    scopes: list[Scope]
    person: str = Field(description="The name of who holds it.")
    person_id: str | None = Field(default=None, description="The person whose account it belongs to.")
    name: str = Field(default="", description="What it is for.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Within a minute.")


class NewKey(ApiKey):
    """A key at the one moment when its token is told."""

    token: str


class ApiKeys(Body):
    """All keys of a tenant, oldest first."""

    items: list[ApiKey]


class DecisionRequest(Body):
    """POST /v1/releases/{id}/decision"""

    action: Literal["approve", "reject"]
    reason: str = Field(min_length=3, max_length=2000, pattern=r"^[^\x00]*$")


class AuditEvent(Body):
    """One event of the audit log. `sha256` chains it to the event before, see docs/operations.md."""

    number: int
    at: str = Field(description="ISO 8601 in UTC to the microsecond, as it is hashed.")
    kind: str
    subject: str = Field(description="Id of the thing that it is about.")
    details: dict[str, Any] = Field(
        description="by, person, account, request, salt and facts. Never a cell of a table."
    )
    details_sha256: str = Field(description="SHA-256 of the details as canonical JSON (RFC 8785).")
    sha256: str


class NewWebhookRequest(Body):
    """POST /v1/webhooks"""

    url: str = Field(min_length=9, max_length=2000, pattern=r"^[\x21-\x7e]+$", description="An https address.")


class Webhook(Body):
    """An address that is told when a job ends and when a release moves."""

    id: str
    url: str
    created_at: datetime
    last_status: int | None = Field(description="What it answered last; null where it did not.")
    given_up: int = Field(description="How many messages it never took.")
    disabled_at: datetime | None = Field(description="When it answered that it is gone.")


class NewWebhook(Webhook):
    """A webhook at the one moment when its secret is told."""

    secret: str


class Webhooks(Body):
    """All webhooks of a tenant, oldest first."""

    items: list[Webhook]


class PublicKeys(Body):
    """Public keys in PEM by their ids, each the SHA-256 of the key."""

    keys: dict[str, str]


class Page(Body, Generic[Item]):
    """Some items, newest first, and the cursor of the next ones."""

    items: list[Item]
    next: str | None = None


class Health(Body):
    """Whether the service can work."""

    status: Literal["ok", "degraded"]
    version: str
    checks: dict[str, str] = Field(default={})
