"""Which store belongs to which database: both hold the id of the installation.

Whoever deletes what a database does not know has to be sure that it is the right database. The database has its id from
its migration; the store gets it when it holds nothing of a tenant that the database does not know.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import Engine, select

from app.blobs import Blobs
from app.db import reading
from app.orm import InstallationRow, TenantRow

logger = logging.getLogger("lookalike.reaper")
FOLDER = "installation"


def belong_together(database: Engine, blobs: Blobs, tenants: Collection[str]) -> bool:
    """True where the store is that of the database. `tenants` are those that have files in it.

    Says in the log what is wrong where it is not.
    """
    with reading(database) as session:
        wanted = session.scalars(select(InstallationRow.id)).all()
        unknown = set(tenants) - set(session.scalars(select(TenantRow.id)))
    found = [key.rpartition("/")[2] for key, _ in blobs.listed(FOLDER)]
    if len(wanted) == 1 and not found and not unknown:
        blobs.put_bytes(f"{FOLDER}/{wanted[0]}", b"")
        found = [key.rpartition("/")[2] for key, _ in blobs.listed(FOLDER)]
    if len(wanted) == 1 and found == list(wanted):
        return True
    logger.error(
        "no stored file is deleted: expected the id of the database's installation in the folder %s of the store, and "
        "before it is there no files of unknown tenants, got %d other ids and %d unknown tenants; see to "
        "LOOKALIKE_DATABASE_URL and LOOKALIKE_BLOB_URL",
        FOLDER,
        len(set(found) - set(wanted)),
        len(unknown),
    )
    return False
