"""Where a text stands in what an installation has written: files, packed ones too, and every row of its databases."""

from __future__ import annotations

import gzip
import io
from collections.abc import Collection, Iterator

import pyarrow.parquet as pq
from sqlalchemy import Engine, create_engine, inspect, text

from app.config import Settings
from app.db import connect


def places_of(settings: Settings, markers: Collection[str]) -> dict[str, set[str]]:
    """By marker the files below the home, and the tables, that hold it."""
    found: dict[str, set[str]] = {marker: set() for marker in markers}
    for place, content in _written(settings):
        for marker in markers:
            if marker.encode() in content or marker.encode("utf-16-le") in content:
                found[marker].add(place)
    return found


def _written(settings: Settings) -> Iterator[tuple[str, bytes]]:
    for path in settings.home.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(settings.home)), _unpacked(path.read_bytes())
    engine = connect(settings)
    jobs = create_engine(settings.jobs_database_url.replace("postgresql://", "postgresql+psycopg://"))
    for each, schema in ((engine, None), (jobs, None if settings.is_sqlite else "jobs")):
        yield from _rows(each, schema)
        each.dispose()


def _unpacked(content: bytes) -> bytes:
    """The bytes, and after them what they are packed from."""
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        return content + str(table.to_pydict()).encode() + str(table.schema.metadata).encode()
    return content + gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _rows(engine: Engine, schema: str | None) -> Iterator[tuple[str, bytes]]:
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names(schema=schema):
            name = f"{schema}.{table}" if schema else table
            rows = connection.execute(text(f"SELECT * FROM {name}")).all()  # noqa: S608 - a name of ours
            yield name, str(rows).encode()
