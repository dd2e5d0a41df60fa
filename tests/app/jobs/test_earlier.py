"""What was released before from the same records goes along with the attack on the next table."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.blobs import Blobs, open_blobs
from app.context import Backend, Caller
from app.db import transaction
from app.errors import NotFoundError
from app.guesses import Guesses
from app.jobs import ledger
from app.jobs.release import RELEASED_SINCE, release
from app.metrics import RequestMetrics
from app.orm import ApiKeyRow, ReleaseRow, TenantRow
from app.pipeline import EARLIER_APART, WAYS
from app.rates import Rates
from app.services import datasets, releases
from app.services.releases import ReleasedSinceError
from app.states import JobKind, ReleaseState, Scope
from app.task import Output
from app.turns import Turns
from app.wire import DecisionRequest
from tests.app.jobs.test_release import decision
from tests.support.jobs import Shop


def played(shop: Shop, dataset_id: str, *, until: str | None = None, **extra: object) -> tuple[str, dict]:
    """A job on the data set whose stages have published, and what its attack was given."""
    blobs = open_blobs(shop.settings)
    job_id = shop.job_on(dataset_id, enqueue=False)
    contents = {"decision": {**decision("PASS", auto=True), "four_eyes": False, **extra}, "sampled": {"rows": 12}}
    inputs: dict = {}
    for stage in WAYS[JobKind.SYNTHESIZE]:
        task = ledger.begin_stage(shop.engine, job_id, stage.name)
        assert task is not None
        if stage.name == "attack":
            inputs = dict(task.inputs)
        for name in stage.gives:
            stored = blobs.put_bytes(f"{task.prefix}/{name}.json", json.dumps(contents.get(name, {})).encode())
            word = Output(name=name, key=stored.key, bytes=stored.bytes, sha256=stored.sha256)
            assert ledger.heard(shop.engine, task, word)
    return job_id, inputs


def released(shop: Shop, job_id: str) -> ReleaseRow:
    assert release(shop.engine, open_blobs(shop.settings), job_id)
    with transaction(shop.engine) as session:
        return session.get_one(ReleaseRow, shop.row(job_id).release_id)


def earlier(inputs: dict) -> list[str]:
    return sorted(name for name in inputs if name.startswith("earlier-"))


def test_the_next_attack_is_given_what_was_released_and_whom_it_learnt(shop: Shop) -> None:
    dataset = shop.dataset("")
    first, inputs = played(shop, dataset)
    assert earlier(inputs) == []
    row = released(shop, first)
    assert row.state == ReleaseState.RELEASED
    _, inputs = played(shop, dataset)
    assert earlier(inputs) == ["earlier-1-assignment", "earlier-1-synthetic"]
    assert inputs["earlier-1-synthetic"] == {"key": row.parquet_key, "sha256": row.parquet_sha256}
    assert inputs["earlier-1-assignment"]["key"] == shop.row(first).artifacts["assignment"]["key"]


def test_what_was_not_released_is_not_attacked_together(shop: Shop) -> None:
    dataset = shop.dataset("")
    first, _ = played(shop, dataset, verdict="REVIEW")
    assert released(shop, first).state == ReleaseState.IN_REVIEW
    assert earlier(played(shop, dataset)[1]) == []


def backend(shop: Shop) -> Backend:
    return Backend(
        settings=shop.settings,
        engine=shop.engine,
        blobs=open_blobs(shop.settings),
        queue=shop.queue,
        guesses=Guesses(1),
        metrics=RequestMetrics(),
        rates=Rates("key_requests_per_minute", 1),
        turns=Turns(1, room=1),
    )


def caller(shop: Shop) -> Caller:
    return Caller(tenant_id=shop.tenant_id, key_id="key_r", scopes=frozenset({Scope.ADMIN}))


def approve(shop: Shop, row: ReleaseRow) -> None:
    request = DecisionRequest(action="approve", reason="read the report")
    releases.decide(backend(shop), caller(shop), row.id, request, None)


def test_deleting_and_uploading_again_does_not_begin_anew(shop: Shop) -> None:
    dataset = shop.dataset("")
    first, _ = played(shop, dataset)
    row = released(shop, first)
    split = shop.row(first).artifacts["assignment"]
    datasets.delete(backend(shop), caller(shop), dataset)
    _, inputs = played(shop, shop.dataset(""))
    assert earlier(inputs) == ["earlier-1-assignment", "earlier-1-synthetic"]
    blobs = open_blobs(shop.settings)
    for name, sha256 in (("earlier-1-synthetic", row.parquet_sha256), ("earlier-1-assignment", split["sha256"])):
        assert inputs[name]["sha256"] == sha256
        assert blobs.read(inputs[name]["key"], sha256)
    kept = {artifact["key"] for artifact in shop.row(first).artifacts.values() if _is_there(blobs, artifact["key"])}
    names = {"report", "page", "synthetic", "csv", "assignment"}
    assert kept == {shop.row(first).artifacts[name]["key"] for name in names}


def _is_there(blobs: Blobs, key: str) -> bool:
    try:
        return blobs.size(key) >= 0
    except NotFoundError:
        return False


def test_a_table_from_the_same_upload_read_by_another_schema_is_counted_though_it_cannot_be_attacked(
    shop: Shop,
) -> None:
    first, _ = played(shop, shop.dataset(""))
    assert released(shop, first).state == ReleaseState.RELEASED
    other = shop.dataset("", schema=[{"name": "age", "kind": "categorical", "role": "feature"}])
    job_id = shop.job_on(other, enqueue=False)
    assert ledger.begin_stage(shop.engine, job_id, "seal").facts.keys().isdisjoint({EARLIER_APART})
    task = ledger.begin_stage(shop.engine, job_id, "attack")
    assert (earlier(dict(task.inputs)), task.facts[EARLIER_APART]) == ([], 1)


def test_another_tenant_s_tables_are_none_of_these(shop: Shop) -> None:
    first, _ = played(shop, shop.dataset(""))
    with transaction(shop.engine) as session:
        session.add(TenantRow(id="tenant_b", name="B"))
        session.flush()
        session.add(ApiKeyRow(id="key_b", tenant_id="tenant_b", secret_sha256="1" * 64, scopes=["write"]))
    assert released(shop, first).state == ReleaseState.RELEASED
    other = replace(shop, tenant_id="tenant_b")
    task = ledger.begin_stage(shop.engine, other.job_on(other.dataset(""), enqueue=False), "attack")
    assert (earlier(dict(task.inputs)), task.facts[EARLIER_APART]) == ([], 0)


def test_an_approval_looks_at_what_was_released_since(shop: Shop) -> None:
    dataset = shop.dataset("")
    waiting = released(shop, played(shop, dataset, verdict="REVIEW")[0])
    assert released(shop, played(shop, dataset)[0]).state == ReleaseState.RELEASED
    with pytest.raises(ReleasedSinceError) as refused:
        approve(shop, waiting)
    assert refused.value.status == 409
    assert "run the job again" in refused.value.detail
    assert refused.value.members == {"released_since": 1}
    with transaction(shop.engine) as session:
        assert session.get_one(ReleaseRow, waiting.id).state == ReleaseState.IN_REVIEW
    again = released(shop, played(shop, dataset, verdict="REVIEW", tables=2)[0])
    approve(shop, again)
    reject = DecisionRequest(action="reject", reason="the newer one replaces it")
    answer = releases.decide(backend(shop), caller(shop), waiting.id, reject, None)
    assert answer.body["state"] == ReleaseState.REJECTED


def test_tables_that_the_reasons_name_as_not_attacked_do_not_stop_an_approval(shop: Shop) -> None:
    dataset = shop.dataset("")
    assert released(shop, played(shop, dataset)[0]).state == ReleaseState.RELEASED
    known = released(shop, played(shop, dataset, verdict="REVIEW", not_attacked=1)[0])
    assert known.earlier == 1
    approve(shop, known)


def test_of_two_that_wait_and_are_approved_at_once_one_goes_out(shop: Shop) -> None:
    dataset = shop.dataset("")
    waiting = [released(shop, played(shop, dataset, verdict="REVIEW")[0]) for _ in range(2)]

    def approved(row: ReleaseRow) -> bool:
        try:
            approve(shop, row)
        except ReleasedSinceError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approved, waiting)) == [False, True]


def test_a_table_that_was_not_attacked_with_the_other_one_does_not_go_out(shop: Shop) -> None:
    dataset = shop.dataset("")
    (first, _), (second, _) = played(shop, dataset), played(shop, dataset)
    assert released(shop, first).state == ReleaseState.RELEASED
    row = released(shop, second)
    assert row.state == ReleaseState.IN_REVIEW
    assert RELEASED_SINCE in row.reasons
    third, _ = played(shop, dataset, tables=2)
    assert released(shop, third).state == ReleaseState.RELEASED
