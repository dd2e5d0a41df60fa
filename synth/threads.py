"""Keeping small models on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def one_thread() -> Iterator[None]:
    """A block in which BLAS and OpenMP use one thread.

    Boosting small trees on few records, threads wait for one another many times longer than they work as soon as the
    machine is busy (measured: 11 s against 0.8 s on two shared cores).
    """
    with threadpool_limits(1):
        yield
