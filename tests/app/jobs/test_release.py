"""The last act of a job: what its verdict makes of the synthetic table."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.blobs import Blobs, open_blobs
from app.db import transaction
from app.errors import ArtifactChangedError
from app.jobs import ledger
from app.jobs.release import REFUSED_BEFORE, release, state_after
from app.orm import ApiKeyRow, ModelRow, ReleaseRow, ReportRow, TenantRow
from app.pipeline import WAYS
from app.states import JobKind, JobState, ReleaseState, move_release
from app.task import Output
from tests.support.jobs import Shop


def decision(verdict: str, *, auto: bool) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "policy": "internal",
        "policy_version": "1",
        "reasons": ["because"],
        "auto_release": auto,
        "four_eyes": True,
    }


def published(shop: Shop, blobs: Blobs, verdict: dict[str, Any], *, dataset: str | None = None) -> str:
    """The id of a running job, on a new data set or on this one, whose stages have all published."""
    job_id = shop.job(enqueue=False) if dataset is None else shop.job_on(dataset, enqueue=False)
    contents = {"decision": verdict, "sampled": {"rows": 12}}
    for stage in WAYS[JobKind.SYNTHESIZE]:
        task = ledger.begin_stage(shop.engine, job_id, stage.name)
        assert task is not None
        for name in stage.gives:
            stored = blobs.put_bytes(f"{task.prefix}/{name}.json", json.dumps(contents.get(name, {})).encode())
            word = Output(name=name, key=stored.key, bytes=stored.bytes, sha256=stored.sha256)
            assert ledger.heard(shop.engine, task, word)
    return job_id


@pytest.mark.parametrize(
    ("verdict", "auto", "state"),
    [
        ("PASS", True, ReleaseState.RELEASED),
        ("PASS", False, ReleaseState.IN_REVIEW),
        ("REVIEW", True, ReleaseState.IN_REVIEW),
        ("BLOCK", True, ReleaseState.BLOCKED),
        ("VOID", True, ReleaseState.VOID),
        ("INSUFFICIENT", True, ReleaseState.VOID),
    ],
)
def test_only_a_pass_under_a_policy_that_lets_it_go_is_released_at_once(
    verdict: str, auto: bool, state: ReleaseState
) -> None:
    assert state_after(decision(verdict, auto=auto)) is state


def test_a_verdict_that_nobody_knows_releases_nothing(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    job_id = published(shop, blobs, decision("FINE", auto=True))
    with pytest.raises(KeyError):
        release(shop.engine, blobs, job_id)
    assert shop.row(job_id).state == JobState.RUNNING
    assert [shop.rows(kind, job_id) for kind in (ModelRow, ReportRow, ReleaseRow)] == [[], [], []]


def test_two_workers_that_release_at_once_make_one_release(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    job_id = published(shop, blobs, decision("PASS", auto=False))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: release(shop.engine, blobs, job_id), range(4)))
    assert made.count(True) == 1
    job = shop.row(job_id)
    assert (job.state, job.fraction) == (JobState.FINISHED, 1.0)
    (row,) = shop.rows(ReleaseRow, job_id)
    assert (row.state, row.rows, row.four_eyes, row.decided_at) == (ReleaseState.IN_REVIEW, 12, True, None)
    assert (row.csv_key, row.parquet_key) == (job.artifacts["csv"]["key"], job.artifacts["synthetic"]["key"])
    assert shop.rows(ReportRow, job_id)[0].html_key == job.artifacts["page"]["key"]


def test_a_cancelled_job_is_never_released(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    job_id = published(shop, blobs, decision("PASS", auto=True))
    shop.queue.cancel(job_id)
    assert release(shop.engine, blobs, job_id) is False
    assert shop.rows(ReleaseRow, job_id) == []
    assert shop.row(job_id).state == JobState.CANCELLED


@pytest.mark.parametrize("before", ["BLOCK", "REVIEW"])
def test_what_was_blocked_or_rejected_does_not_go_out_under_another_policy_by_itself(shop: Shop, before: str) -> None:
    blobs = open_blobs(shop.settings)
    first = published(shop, blobs, decision(before, auto=True))
    assert release(shop.engine, blobs, first)
    if before == "REVIEW":
        with transaction(shop.engine) as session:
            waiting = session.scalars(select(ReleaseRow).where(ReleaseRow.job_id == first)).one()
            waiting.state = move_release(ReleaseState(waiting.state), ReleaseState.REJECTED).value
    second = published(shop, blobs, decision("PASS", auto=True))
    assert release(shop.engine, blobs, second)
    (row,) = shop.rows(ReleaseRow, second)
    assert (row.state, row.decided_at) == (ReleaseState.IN_REVIEW, None)
    assert row.reasons == ["because", REFUSED_BEFORE]


@pytest.mark.parametrize(
    ("again", "state"),
    [
        ({"upload_sha256": "1" * 64}, ReleaseState.IN_REVIEW),
        ({"table": b"read otherwise"}, ReleaseState.IN_REVIEW),
        ({"upload_sha256": "1" * 64, "table": b"other records"}, ReleaseState.RELEASED),
    ],
)
def test_what_was_blocked_does_not_go_out_by_itself_in_another_packing(
    shop: Shop, again: dict[str, Any], state: ReleaseState
) -> None:
    blobs = open_blobs(shop.settings)
    first = published(shop, blobs, decision("BLOCK", auto=True), dataset=shop.dataset(""))
    assert release(shop.engine, blobs, first)
    second = published(shop, blobs, decision("PASS", auto=True), dataset=shop.dataset("", **again))
    assert release(shop.engine, blobs, second)
    (row,) = shop.rows(ReleaseRow, second)
    assert row.state == state
    assert (REFUSED_BEFORE in row.reasons) == (state is ReleaseState.IN_REVIEW)


def test_what_another_tenant_was_refused_says_nothing(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    with transaction(shop.engine) as session:
        session.add(TenantRow(id="tenant_b", name="B"))
        session.flush()
        session.add(ApiKeyRow(id="key_b", tenant_id="tenant_b", secret_sha256="1" * 64, scopes=["write"]))
    other = replace(shop, tenant_id="tenant_b")
    assert release(other.engine, blobs, published(other, blobs, decision("BLOCK", auto=True)))
    second = published(shop, blobs, decision("PASS", auto=True))
    assert release(shop.engine, blobs, second)
    assert shop.rows(ReleaseRow, second)[0].state == ReleaseState.RELEASED


def test_a_decision_that_was_changed_after_it_was_published_releases_nothing(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    job_id = published(shop, blobs, decision("BLOCK", auto=True))
    blobs.put_bytes(shop.row(job_id).artifacts["decision"]["key"], json.dumps(decision("PASS", auto=True)).encode())
    with pytest.raises(ArtifactChangedError):
        release(shop.engine, blobs, job_id)
    assert shop.rows(ReleaseRow, job_id) == []


def test_checkpoints_and_overtaken_attempts_are_deleted_with_the_release(shop: Shop) -> None:
    blobs = open_blobs(shop.settings)
    job_id = published(shop, blobs, decision("PASS", auto=True))
    folder = f"{shop.tenant_id}/jobs/{job_id}"
    for name in ("1-train/checkpoint.safetensors", "99-train/weights.safetensors"):
        blobs.put_bytes(f"{folder}/{name}", b"1")
    assert release(shop.engine, blobs, job_id)
    kept = {artifact["key"] for artifact in shop.row(job_id).artifacts.values()}
    assert blobs.delete_prefix(folder) == len(kept)
