"""The bodies of requests and answers about databases and buckets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.wire_fields import Body, Name, RetentionDays

Host = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]*)|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$",
        description="Name or address, without a port.",
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Secret = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$", repr=False)]
Named = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$", description="As it is, without quotes.")
]


class DatabasePlace(Body):
    """Where a database is."""

    kind: Literal["postgresql", "mysql"]
    host: Host
    port: int | None = Field(default=None, ge=1, le=65535, description="5432 or 3306 where it is left out.")
    database: Text
    user: Text
    tls: Literal["verify", "require", "off"] = Field(
        default="verify",
        description="`verify`: encrypted, with a certificate of the host's name; `require`: encrypted; `off`: in the "
        "clear.",
    )


class BucketPlace(Body):
    """Where a bucket is."""

    kind: Literal["s3"]
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str = Field(default="", max_length=200, pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/|$))*$")
    region: str = Field(default="us-east-1", max_length=40, pattern=r"^[a-z0-9-]+$")
    endpoint: str | None = Field(
        default=None,
        max_length=300,
        pattern=r"^https?://[A-Za-z0-9.\[\]:_-]+$",
        description="The origin of an S3-compatible store; that of Amazon where it is left out.",
    )
    access_key_id: Text


class NewConnectionRequest(Body):
    """POST /v1/connections"""

    name: Name
    place: Annotated[DatabasePlace | BucketPlace, Field(discriminator="kind")]
    secret: Secret = Field(description="The password, or the secret key of a bucket. It is kept encrypted.")
    writable: bool = Field(
        default=False, description="Whether released tables may be written there; if not, tables are read from there."
    )


class Connection(Body):
    """A database or a bucket, without its secret, which is never shown again."""

    id: str
    name: str
    place: Annotated[DatabasePlace | BucketPlace, Field(discriminator="kind")]
    writable: bool
    created_at: datetime


class Connections(Body):
    """All connections of a tenant, oldest first."""

    items: list[Connection]


class TableRequest(Body):
    """POST /v1/connections/{id}/datasets"""

    table: Named
    schema_name: Named | None = Field(
        default=None, description="The schema that the table is in; the database's own where it is left out."
    )
    name: Name | None = Field(default=None, description="What to call the data set; the table's name if left out.")
    retention_days: RetentionDays | None = None


class DeliveryRequest(Body):
    """POST /v1/releases/{id}/deliveries"""

    connection_id: str
    table: Named = Field(description="Name of the new table; in a bucket of the file, .parquet is appended.")
    schema_name: Named | None = None


class Delivery(Body):
    """What was written."""

    release_id: str
    connection_id: str
    table: str
    rows: int
