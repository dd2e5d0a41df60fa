"""Why a table of a database is not read or written. A server's own words may quote the data and are never passed on."""

from __future__ import annotations

from app.errors import ServiceError


class SourceError(ServiceError):
    """The root of every refusal that has to do with a database of others."""

    code = "source_failed"
    status = 422
    title = "The database did not do what was asked"


class SourceAddressError(SourceError):
    """An address that names no database and table."""

    code = "invalid_source"
    title = "The address of the database is not valid"


class DriverMissingError(SourceError):
    """What talks to this kind of database is not installed here."""

    code = "driver_missing"
    status = 503
    title = "The driver of the database is not installed"


class HostNotAllowedError(SourceError):
    """A host, a bucket or an address that the installation does not let connections go to."""

    code = "host_not_allowed"
    title = "Connections may not go there"


class SourceAwayError(SourceError):
    """No connection, or one that was lost in the middle."""

    code = "source_away"
    status = 503
    title = "The database cannot be reached"


class SourceTimeoutError(SourceError):
    """The table was not read or written in the time set aside for it."""

    code = "source_timeout"
    status = 503
    title = "The database took too long"


class SourceLoginError(SourceError):
    """The database does not let this user in."""

    code = "source_login"
    title = "The database refused the user"


class SourceTableError(SourceError):
    """No such table, or none that this user may read or create."""

    code = "source_table"
    title = "The table cannot be used"


class TableExistsError(SourceError):
    """A table of the name that a new one was to have."""

    code = "table_exists"
    status = 409
    title = "The table exists already"


class SourceColumnError(SourceError):
    """A column of a type that a flat table has not, or with values that are not of its type."""

    code = "source_column"
    title = "A column cannot be read"


KINDS = {
    kind.code: kind
    for kind in (
        *(SourceError, SourceAddressError, DriverMissingError, HostNotAllowedError, SourceAwayError),
        *(SourceTimeoutError, SourceLoginError, SourceTableError, TableExistsError, SourceColumnError),
    )
}
"""Every kind by its code, so that it survives the way out of a child process."""
