"""What goes wrong with the store of files, in our words. Its own name paths and addresses."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from app.errors import NotFoundError, StorageAwayError, StorageFullError

logger = logging.getLogger("lookalike.blobs")
NO_SPACE = os.strerror(errno.ENOSPC)
NO_BUCKET = "<Code>NoSuchBucket</Code>"
"""What S3 answers in place of a missing file where the whole bucket is missing."""


def is_full(error: Exception) -> bool:
    """Whether something failed because no room was left for files."""
    return NO_SPACE in str(error) or getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def storage() -> Iterator[None]:
    """Raises NotFoundError, StorageFullError or StorageAwayError in place of what the store raises."""
    try:
        yield
    except FileNotFoundError as error:
        if NO_BUCKET in str(error):
            # a store that lost a part of itself may answer so for a while: no file is missing for good
            logger.error("the storage failed: its bucket is not there")
            raise StorageAwayError("expected a storage with its bucket, got none; try again later") from error
        raise NotFoundError("expected a stored file, got none under this key") from error
    except (BaseError, OSError) as error:
        logger.error("the storage failed: %s", type(error).__name__)
        if is_full(error):
            raise StorageFullError("expected room for the file in the storage, got none left") from error
        raise StorageAwayError("expected a storage that answers, got a failure; try again later") from error
