"""What was released before from the same records goes along with the attack on the next table."""

from __future__ import annotations

import json

from app.blobs import open_blobs
from app.db import transaction
from app.jobs import ledger
from app.jobs.release import RELEASED_SINCE, release
from app.orm import ReleaseRow
from app.pipeline import WAYS
from app.states import JobKind, ReleaseState
from app.task import Output
from tests.app.jobs.test_release import decision
from tests.support.jobs import Shop


def played(shop: Shop, dataset_id: str, *, until: str | None = None, **extra: object) -> tuple[str, dict]:
    """A job on the data set whose stages have published, and what its attack was given."""
    blobs = open_blobs(shop.settings)
    job_id = shop.job_on(dataset_id, enqueue=False)
    contents = {"decision": {**decision("PASS", auto=True), **extra}, "sampled": {"rows": 12}}
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


def test_a_table_that_was_not_attacked_with_the_other_one_is_left_to_a_person(shop: Shop) -> None:
    dataset = shop.dataset("")
    (first, _), (second, _) = played(shop, dataset), played(shop, dataset)
    assert released(shop, first).state == ReleaseState.RELEASED
    row = released(shop, second)
    assert row.state == ReleaseState.IN_REVIEW
    assert RELEASED_SINCE in row.reasons
    third, _ = played(shop, dataset, tables=2)
    assert released(shop, third).state == ReleaseState.RELEASED
