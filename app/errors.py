"""What the service refuses, and how it says so. The message names what was expected and what came, never a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar


class ServiceError(Exception):
    """The root of every refusal: a stable code, an HTTP status and a sentence for a person.

    `members` are further fields of the problem document, `headers` further headers of the answer.
    """

    code: ClassVar[str] = "service_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The request could not be served"

    def __init__(
        self, detail: str, *, members: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class NotFoundError(ServiceError):
    """No such thing, or it belongs to another tenant: the two are told apart nowhere."""

    code = "not_found"
    status = 404
    title = "Not found"


class UnauthorizedError(ServiceError):
    """No API key came, or it is not one of ours; or nobody is signed in."""

    code = "unauthorized"
    status = 401
    title = "A valid API key is required"


class TooManyGuessesError(ServiceError):
    """More wrong keys or passwords came from an address than a person mistypes."""

    code = "too_many_guesses"
    status = 429
    title = "Too many wrong keys or passwords"


class QuotaError(ServiceError):
    """A tenant or a key has as much as it may have. The problem names the limit."""

    code = "quota_exceeded"
    status = 409
    title = "The quota is used up"

    def __init__(self, detail: str, *, limit: str, value: int, retry_seconds: float | None = None) -> None:
        headers = {} if retry_seconds is None else {"Retry-After": str(max(1, math.ceil(retry_seconds)))}
        super().__init__(detail, members={"limit": limit, "limit_value": value}, headers=headers)


class RowsQuotaError(QuotaError):
    """More records than a tenant may have."""

    status = 413


class StoredQuotaError(QuotaError):
    """More bytes than a tenant may store."""

    status = 507


class DailyQuotaError(QuotaError):
    """More jobs within a day than a tenant or a key may send."""

    status = 429


class TooManyRequestsError(QuotaError):
    """A key or an address asks more often than it may."""

    code = "rate_exceeded"
    status = 429
    title = "Too many requests"


class ForbiddenError(ServiceError):
    """The API key or the person lacks the scope that this takes."""

    code = "forbidden"
    status = 403
    title = "A scope is missing"


class ConflictError(ServiceError):
    """The thing is not in a state that allows this."""

    code = "conflict"
    status = 409
    title = "Not possible in the present state"


class RecordsErasedError(ConflictError):
    """The records of the data set were erased when its retention ended."""

    code = "records_erased"
    title = "The records were erased"


class SchemaChangedError(ConflictError):
    """Somebody else has changed the schema since the caller looked at it."""

    title = "The schema was changed meanwhile"


class ArtifactChangedError(ServiceError):
    """A stored file is not the one that was published under its name."""

    code = "artifact_changed"
    status = 500
    title = "A stored file was changed"


class MasterKeyError(ServiceError):
    """The master key is not there, or it is not the one that has wrapped what is to be opened."""

    code = "master_key"
    status = 500
    title = "The master key does not fit"


class TooBusyError(ServiceError):
    """As much is done, and as much waits, as this process takes on at once."""

    code = "too_busy"
    status = 503
    title = "Too much to do at present"


class StorageAwayError(ServiceError):
    """The store of files does not answer, or answers that it failed."""

    code = "storage_away"
    status = 503
    title = "The storage cannot be reached"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "5"})


class StorageFullError(ServiceError):
    """There is no room left for files."""

    code = "storage_full"
    status = 507
    title = "The storage is full"


class InvalidRequestError(ServiceError):
    """The request is well formed but asks for what cannot be."""

    code = "invalid_request"
    status = 422
    title = "The request is not valid"


class PayloadTooLargeError(ServiceError):
    """More bytes came than are accepted."""

    code = "payload_too_large"
    status = 413
    title = "Too much data"


class MalformedBodyError(ServiceError):
    """The body ended too early or does not have the form that its content type promises."""

    code = "malformed_body"
    status = 400
    title = "The body is not well formed"


class NotAcceptableError(ServiceError):
    """The thing exists, but not in a format that was asked for."""

    code = "not_acceptable"
    status = 406
    title = "Not available in this format"


class NotReleasedError(ConflictError):
    """The synthetic table may not be downloaded, and the problem says why."""

    code = "not_released"
    title = "The release does not allow downloads"


class RangeError(ServiceError):
    """The file has no such bytes."""

    code = "range_not_satisfiable"
    status = 416
    title = "The range is outside the file"
