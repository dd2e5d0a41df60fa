"""Who reads waits for nobody who writes, and cannot write."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from app.config import Settings
from app.db import connect, reading, transaction
from app.orm import TenantRow


def test_a_reader_waits_for_no_writer_and_sees_one_state(settings: Settings) -> None:
    writing, asking = connect(settings), connect(settings)
    with transaction(writing) as session:
        session.add(TenantRow(id="t1", name="first"))
    with transaction(writing) as writer:
        writer.add(TenantRow(id="t2", name="second"))
        writer.flush()
        with reading(asking) as reader:
            assert [row.id for row in reader.query(TenantRow)] == ["t1"]
    with reading(asking) as reader:
        assert reader.query(TenantRow).count() == 2
    writing.dispose()
    asking.dispose()


def test_what_only_reads_cannot_write_and_the_next_one_can(settings: Settings) -> None:
    engine = connect(settings)
    with reading(engine) as reader:
        reader.add(TenantRow(id="t1", name="first"))
        with pytest.raises(DBAPIError, match=r"read-?only"):
            reader.flush()
    with transaction(engine) as session:
        session.add(TenantRow(id="t1", name="first"))
    engine.dispose()
