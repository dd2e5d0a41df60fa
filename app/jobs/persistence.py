"""Transactions of a worker: tried again while the database or the storage is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from app.errors import StorageAwayError, StorageFullError

PATIENCE_SECONDS = 600.0
"""How long a worker waits for a database or a storage that is away before it gives the job up."""
P = ParamSpec("P")
R = TypeVar("R")


async def persist(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of a transaction, done in a thread and tried again while the database or the storage is away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except (SQLAlchemyError, StorageAwayError, StorageFullError) as problem:
            if not _may_come_back(problem) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(1.0)


def _may_come_back(problem: Exception) -> bool:
    if isinstance(problem, DBAPIError):
        return problem.connection_invalidated or isinstance(problem, OperationalError)
    return isinstance(problem, NoConnectionError) or not isinstance(problem, SQLAlchemyError)
