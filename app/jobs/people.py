"""Which data sets of a tenant share people. Told once, when a data set is stored, by the sketches of its records.

What is kept of a data set's records, and outlives its deletion, are keyed hashes: no cell, and nothing that another
tenant's records could be held against. Whoever holds the database and the master key, which wraps the key of the
hashes, could test whether a record that they know in full was in a deleted data set. That is the price of remembering
what was released from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Engine, Select, delete, or_, select
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.master_key import MasterKeys
from app.orm import DatasetRow, RecordSketchRow, SharedPeopleRow, TenantKeyRow, TenantRow
from app.overlap import share_people
from app.sketches import Sketch
from app.wrapped import records_key, wrap_all, wrap_records_key

KEY_BYTES = 32
READ_AT_ONCE = 16
"""Data sets whose sketches are read in one transaction, so that nobody waits long for one that is compared with
many."""

Sketches = Mapping[str, Sketch]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What a new data set was held against before it is stored."""

    seen: frozenset[str]
    sharing: frozenset[str]


def key_of(engine: Engine, master: MasterKeys, tenant_id: str) -> bytes:
    """The key under which the tenant's records are hashed; made where there is none."""
    with transaction(engine) as session:
        row = session.get(TenantKeyRow, tenant_id)
        if row is None:
            alone(session, tenant_id)
            row = session.get(TenantKeyRow, tenant_id)
        if row is None:
            kept = wrap_records_key(master, tenant_id, secrets.token_bytes(KEY_BYTES))
            row = TenantKeyRow(tenant_id=tenant_id, records=kept)
            session.add(row)
        kept = row.records
    if not master.is_current(kept.decode("ascii", "replace")):  # it was renewed meanwhile, or the key is from before
        wrap_all(engine, master)
    return records_key(master, tenant_id, kept)


def compare(engine: Engine, tenant_id: str, sketches: Sketches, *, upload_sha256: str) -> Compared:
    """Hold the sketches of a new data set against those of the tenant's others, deleted ones too. Locks nothing
    long.

    Those of the same upload share its people without being compared, see `sharing_people`.
    """
    with reading(engine) as session:
        others = iter(_sketched(session, tenant_id, upload_sha256))
    seen: set[str] = set()
    sharing: set[str] = set()
    while some := list(islice(others, READ_AT_ONCE)):
        with reading(engine) as session:
            read = _read(session, some)
        seen.update(some)
        sharing.update(other for other, theirs in read.items() if share_people(sketches, theirs))
    return Compared(seen=frozenset(seen), sharing=frozenset(sharing))


def remember(session: Session, dataset: DatasetRow, sketches: Sketches, compared: Compared) -> None:
    """Keep the sketches of a data set, whose row was flushed, and with whom it shares people.

    Also with data sets that were stored since `compared`: two that are stored at once wait for one another. Sketches of
    an earlier reading of the same upload are replaced; with whom that one shared people stays known.
    """
    alone(session, dataset.tenant_id)
    session.execute(delete(RecordSketchRow).where(RecordSketchRow.dataset_id == dataset.id))
    others = _sketched(session, dataset.tenant_id, dataset.upload_sha256)
    late = _read(session, [other for other in others if other not in compared.seen])
    sharing = compared.sharing | {other for other, theirs in late.items() if share_people(sketches, theirs)}
    known = session.scalars(select(SharedPeopleRow.other_id).where(SharedPeopleRow.dataset_id == dataset.id))
    sharing -= {dataset.id, *known}
    for kind, sketch in sketches.items():
        row = RecordSketchRow(dataset_id=dataset.id, kind=kind, tenant_id=dataset.tenant_id, upto=sketch.limit)
        row.hashes, row.counts = sketch.hashes, sketch.counts
        session.add(row)
    for other in sorted(sharing):
        for one, two in ((dataset.id, other), (other, dataset.id)):
            session.add(SharedPeopleRow(dataset_id=one, other_id=two, tenant_id=dataset.tenant_id))


def sharing_people(dataset: DatasetRow) -> Select[str]:
    """The ids of the tenant's data sets that share people with this one: itself, and deleted ones too.

    The same stored table and the same upload always do; data sets without sketches are known by these alone.
    """
    same = or_(
        DatasetRow.table_sha256 == dataset.table_sha256,
        DatasetRow.upload_sha256 == dataset.upload_sha256,
        DatasetRow.id.in_(select(SharedPeopleRow.other_id).where(SharedPeopleRow.dataset_id == dataset.id)),
    )
    return select(DatasetRow.id).where(DatasetRow.tenant_id == dataset.tenant_id, same)


def alone(session: Session, tenant_id: str) -> None:
    """Until the transaction ends nobody else stores a data set of the tenant. Rows that point to it may be added."""
    session.get_one(TenantRow, tenant_id, with_for_update={"key_share": True})


def _sketched(session: Session, tenant_id: str, upload_sha256: str) -> list[str]:
    """The tenant's data sets with sketches, without those of this upload."""
    row = RecordSketchRow
    found = select(row.dataset_id).join(DatasetRow, DatasetRow.id == row.dataset_id).distinct()
    return sorted(session.scalars(found.where(row.tenant_id == tenant_id, DatasetRow.upload_sha256 != upload_sha256)))


def _read(session: Session, dataset_ids: list[str]) -> dict[str, dict[str, Sketch]]:
    """The sketches of these data sets."""
    read: dict[str, dict[str, Sketch]] = {dataset_id: {} for dataset_id in dataset_ids}
    row = RecordSketchRow
    wanted = select(row.dataset_id, row.kind, row.upto, row.hashes, row.counts).where(row.dataset_id.in_(dataset_ids))
    for dataset_id, kind, upto, hashes, counts in session.execute(wanted):
        read[dataset_id][kind] = Sketch(limit=upto, hashes=hashes, counts=counts)
    return read
