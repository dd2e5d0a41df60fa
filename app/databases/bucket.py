"""Files into buckets of others, in the child process alone: obstore takes what it is not told from the environment, and
there stand the address and the keys of the installation's own store.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.databases.errors import SourceAwayError, TableExistsError


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket of Amazon S3, or of a store that is compatible with it."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None
    """The origin of the store; that of Amazon where it is None."""
    access_key_id: str
    secret: str = field(repr=False)
    roots: str = field(default_factory=lambda: ssl.get_default_verify_paths().cafile or "")
    """A file of the certificates that are believed; SSL_CERT_FILE names another one."""


def put_file(bucket: Bucket, name: str, path: Path) -> None:
    """Put a file into a bucket. Raises TableExistsError where it has one of this name, and SourceAwayError."""
    import obstore  # noqa: PLC0415 - under the limits of the child
    from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415
    from obstore.store import S3Store  # noqa: PLC0415

    if bucket.roots:
        os.environ["SSL_CERT_FILE"] = bucket.roots
    options: dict[str, Any] = {}
    if bucket.endpoint is not None:
        http = bucket.endpoint.startswith("http://")
        options = {"endpoint": bucket.endpoint, "client_options": {"allow_http": http}}
    try:
        store = S3Store(
            bucket.bucket,
            prefix=bucket.prefix or None,
            region=bucket.region,
            access_key_id=bucket.access_key_id,
            secret_access_key=bucket.secret,
            retry_config={"max_retries": 2},
            **options,
        )
        try:
            obstore.head(store, name)
        except FileNotFoundError:
            with path.open("rb") as file:
                obstore.put(store, name, file)
            return
    except AlreadyExistsError:
        pass
    except (BaseError, OSError) as error:
        raise SourceAwayError(f"expected a bucket that takes the file, it did not ({type(error).__name__})") from None
    raise TableExistsError("expected the name of a file that is not in the bucket yet, got one that is")
