"""What was released from, or refused for, some of the same people counts for every data set that has them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from app.blobs import open_blobs
from app.db import transaction
from app.jobs import ledger, people
from app.jobs.earlier import released_before
from app.jobs.release import REFUSED_BEFORE, release
from app.master_key import MasterKeys
from app.orm import ApiKeyRow, DatasetRow, JobRow, RecordSketchRow, ReleaseRow, SharedPeopleRow, TenantRow
from app.overlap import Smallest
from app.pipeline import EARLIER_APART
from app.services import datasets
from app.sketches import NO_LIMIT, Sketch
from app.states import ReleaseState
from tests.app.jobs.test_earlier import backend, caller, earlier, played, released
from tests.app.jobs.test_release import decision, published
from tests.support.jobs import Shop

SCHEMAS = {
    "same": [{"name": "age", "kind": "numerical", "role": "feature"}],
    "other": [{"name": "age", "kind": "categorical", "role": "feature"}],
}


def of(*groups: int) -> dict[str, Sketch]:
    """The sketches of a table with these groups of 50 people."""
    smallest = Smallest()
    for group in groups:
        smallest.add(np.random.default_rng(group).integers(NO_LIMIT, size=50, dtype=np.uint64))
    return {"record": smallest.sketch()}


def stored(shop: Shop, name: str, sketches: dict[str, Sketch], *, schema: str = "same") -> str:
    """A data set as an upload leaves it: no two are the same file or the same table."""
    sha256 = name.ljust(64, "0")
    compared = people.compare(shop.engine, shop.tenant_id, sketches, upload_sha256=sha256)
    dataset_id = shop.dataset("", table=name.encode(), schema=SCHEMAS[schema], upload_sha256=sha256)
    with transaction(shop.engine) as session:
        people.remember(session, session.get_one(DatasetRow, dataset_id), sketches, compared)
    return dataset_id


def second_tenant(shop: Shop) -> Shop:
    with transaction(shop.engine) as session:
        session.add(TenantRow(id="tenant_b", name="B"))
        session.flush()
        session.add(ApiKeyRow(id="key_b", tenant_id="tenant_b", secret_sha256="1" * 64, scopes=["write"]))
    return replace(shop, tenant_id="tenant_b")


def master_of(shop: Shop) -> MasterKeys:
    return open_blobs(shop.settings).keys.master


def attack_on(shop: Shop, dataset_id: str) -> tuple[list[str], int]:
    """(which earlier tables the attack is given, how many it is told of that it cannot be given)."""
    task = ledger.begin_stage(shop.engine, shop.job_on(dataset_id, enqueue=False), "attack")
    assert task is not None
    return earlier(dict(task.inputs)), task.facts[EARLIER_APART]


def test_a_table_released_from_some_of_the_same_people_is_attacked_with_its_records(shop: Shop) -> None:
    first = stored(shop, "first", of(1, 2))
    assert released(shop, played(shop, first)[0]).state == ReleaseState.RELEASED
    assert attack_on(shop, stored(shop, "second", of(2, 3))) == (
        ["earlier-1-assignment", "earlier-1-synthetic", "earlier-1-table"],
        0,
    )
    assert attack_on(shop, stored(shop, "others", of(3, 4))) == ([], 0)


@pytest.mark.parametrize("how", ["deleted", "other columns"])
def test_what_cannot_be_attacked_together_is_counted(shop: Shop, how: str) -> None:
    first = stored(shop, "first", of(1, 2), schema="other" if how == "other columns" else "same")
    assert released(shop, played(shop, first)[0]).state == ReleaseState.RELEASED
    if how == "deleted":
        datasets.delete(backend(shop), caller(shop), first)
    assert attack_on(shop, stored(shop, "second", of(2, 3))) == ([], 1)


def test_a_refused_table_is_remembered_for_all_who_share_people(shop: Shop) -> None:
    blobs = backend(shop).blobs
    first = published(shop, blobs, decision("BLOCK", auto=True), dataset=stored(shop, "first", of(1, 2)))
    assert release(shop.engine, blobs, first)
    with transaction(shop.engine) as session:
        dataset_id = session.scalars(select(ReleaseRow.dataset_id).where(ReleaseRow.job_id == first)).one()
    datasets.delete(backend(shop), caller(shop), dataset_id)
    for name, sketches, refused in (("second", of(2, 3), True), ("others", of(3, 4), False)):
        job = published(shop, blobs, decision("PASS", auto=True), dataset=stored(shop, name, sketches))
        assert release(shop.engine, blobs, job)
        (row,) = shop.rows(ReleaseRow, job)
        assert (REFUSED_BEFORE in row.reasons) is refused
        assert row.state == (ReleaseState.IN_REVIEW if refused else ReleaseState.RELEASED)


def test_a_table_released_meanwhile_from_some_of_the_same_people_holds_this_one_back(shop: Shop) -> None:
    one, other = (played(shop, stored(shop, name, of(2)))[0] for name in ("first", "second"))
    assert released(shop, one).state == ReleaseState.RELEASED
    assert released(shop, other).state == ReleaseState.IN_REVIEW


def test_another_tenant_s_people_are_none_of_these_and_have_another_key(shop: Shop) -> None:
    other = second_tenant(shop)
    first = stored(shop, "first", of(1, 2))
    assert released(shop, played(shop, first)[0]).state == ReleaseState.RELEASED
    assert attack_on(other, stored(other, "theirs", of(1, 2))) == ([], 0)
    keys = {people.key_of(shop.engine, master_of(shop), tenant) for tenant in (shop.tenant_id, other.tenant_id)}
    assert len(keys) == 2
    assert people.key_of(shop.engine, master_of(shop), shop.tenant_id) in keys, "it stays what it was"


def test_a_deletion_leaves_keyed_hashes_of_the_records_and_no_more(shop: Shop) -> None:
    first = stored(shop, "first", of(1))
    datasets.delete(backend(shop), caller(shop), first)
    with transaction(shop.engine) as session:
        kept = session.scalars(select(RecordSketchRow).where(RecordSketchRow.dataset_id == first)).all()
    assert [(row.kind, len(row.hashes)) for row in kept] == [("record", 8 * 50)]


def test_two_that_are_stored_at_once_know_of_one_another(shop: Shop) -> None:
    """Both were compared before either was stored."""
    sketches = of(1, 2)
    compared = people.compare(shop.engine, shop.tenant_id, sketches, upload_sha256="")
    made = [shop.dataset("", table=name.encode(), upload_sha256=name.ljust(64, "0")) for name in ("first", "second")]

    def remembered(dataset_id: str) -> None:
        with transaction(shop.engine) as session:
            people.remember(session, session.get_one(DatasetRow, dataset_id), sketches, compared)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(remembered, made))
    with transaction(shop.engine) as session:
        pairs = {(row.dataset_id, row.other_id) for row in session.scalars(select(SharedPeopleRow))}
    assert pairs == {(made[0], made[1]), (made[1], made[0])}


def test_the_same_upload_shares_its_people_without_being_compared(shop: Shop) -> None:
    """However often it is sent: neither the time that an upload takes nor the rows that it leaves grow with that."""
    made = []
    for each in ("first", "second", "third"):
        compared = people.compare(shop.engine, shop.tenant_id, of(1, 2), upload_sha256="1" * 64)
        made.append(shop.dataset("", table=each.encode(), upload_sha256="1" * 64))
        with transaction(shop.engine) as session:
            people.remember(session, session.get_one(DatasetRow, made[-1]), of(1, 2), compared)
        assert compared.seen == frozenset()
    with transaction(shop.engine) as session:
        assert session.scalars(select(SharedPeopleRow)).all() == []
        for each in made:
            assert set(session.scalars(people.sharing_people(session.get_one(DatasetRow, each)))) == set(made)
    other = stored(shop, "other", of(2, 3))
    with transaction(shop.engine) as session:
        assert set(session.scalars(people.sharing_people(session.get_one(DatasetRow, other)))) == {other, *made}


def test_one_key_is_made_where_two_ask_for_it_at_once(shop: Shop) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: people.key_of(shop.engine, master_of(shop), shop.tenant_id), range(8)))) == 1


def test_more_data_sets_than_are_read_at_once_are_all_compared(shop: Shop) -> None:
    for i in range(people.READ_AT_ONCE + 3):
        stored(shop, f"table-{i}", of(100 + i))
    last = stored(shop, "last", of(100, 100 + people.READ_AT_ONCE + 2))
    with transaction(shop.engine) as session:
        found = session.scalars(select(SharedPeopleRow.other_id).where(SharedPeopleRow.dataset_id == last)).all()
    assert len(found) == 2
    job = shop.job_on(last, enqueue=False)
    with transaction(shop.engine) as session:
        assert len(released_before(session, session.get_one(JobRow, job))) == 0
