"""Two whole jobs on one data set, each stage in a child process: the second is attacked together with the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.context import Backend, Caller
from app.db import migrate, transaction
from app.guesses import Guesses
from app.metrics import RequestMetrics
from app.orm import ReleaseRow
from app.rates import Rates
from app.services import releases
from app.split import Part, read_part
from app.states import ReleaseState, Scope
from app.turns import Turns
from app.wire import DecisionRequest
from privacy.finding import Verdict
from privacy.policy import decide, load_policy
from privacy.record import read_audit
from synth.table.schema import TableSchema
from tests.support.jobs import Shop, open_shop
from tests.support.way import adult, published, published_bytes, walked

RECORDS = 6000
LEAKED = 400
FEW_STEPS = {"generator": {"max_steps": 10}}
NAMED = {"secrets": ["education"], "source": ["age", "education"], "shadow_models": "off"}


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Two finished jobs: the first was released, and its table leaks."""

    shop: Shop
    first: str
    second: str
    release: ReleaseRow
    audit: dict[str, Any]


def approve(shop: Shop, release: ReleaseRow) -> None:
    backend = Backend(
        settings=shop.settings,
        engine=shop.engine,
        blobs=open_blobs(shop.settings),
        queue=shop.queue,
        guesses=Guesses(1),
        metrics=RequestMetrics(),
        rates=Rates("key_requests_per_minute", 1),
        turns=Turns(1, room=1),
    )
    reviewer = Caller(tenant_id=shop.tenant_id, key_id="key_r", scopes=frozenset({Scope.REVIEW}))
    request = DecisionRequest(action="approve", reason="a small table for a test")
    answer = releases.decide(backend, reviewer, release.id, request, None)
    assert answer.body["state"] == ReleaseState.RELEASED


def plant(shop: Shop, release: ReleaseRow, table: bytes, schema: list[dict[str, str]], folder: Path) -> None:
    """Put records that the first generator learnt into its released table, as if its audit had missed them."""
    (folder / "table.parquet").write_bytes(table)
    blobs = open_blobs(shop.settings)
    sealed = shop.row(release.job_id).artifacts["assignment"]
    split = blobs.fetch(sealed["key"], folder / "assignment.parquet", sealed["sha256"])
    learnt = read_part(folder / "table.parquet", split, Part.TRAIN, TableSchema.from_json(schema))
    synthetic = pd.read_parquet(blobs.fetch(release.parquet_key, folder / "synthetic.parquet", release.parquet_sha256))
    leaking = pd.concat([learnt.iloc[:LEAKED], synthetic.iloc[LEAKED:]])
    whole = pa.Table.from_pandas(leaking, pq.read_schema(folder / "synthetic.parquet"), preserve_index=False)
    pq.write_table(whole, folder / "leaking.parquet")
    stored = blobs.put(release.parquet_key, folder / "leaking.parquet")
    with transaction(shop.engine) as session:
        session.get_one(ReleaseRow, release.id).parquet_sha256 = stored.sha256


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """The first job is released and then found to leak; the second names another seed, so it divides anew."""
    folder = tmp_path_factory.mktemp("union")
    settings = Settings(home=folder / "home", device="cpu")
    migrate(settings)
    with open_shop(settings) as shop:
        table, schema = adult(folder, RECORDS)
        dataset = shop.dataset("adult", table=table, schema=schema)
        first = shop.job_on(dataset, options={**FEW_STEPS, "seed": 1}, enqueue=False)
        released = walked(shop, first)
        assert released.earlier == 0
        assert published(shop, first, "audit")["together"] is None
        if released.state == ReleaseState.IN_REVIEW:
            approve(shop, released)
        plant(shop, released, table, schema, folder)
        second = shop.job_on(dataset, options={**FEW_STEPS, **NAMED, "seed": 3}, enqueue=False)
        release = walked(shop, second)
        yield Jobs(shop=shop, first=first, second=second, release=release, audit=published(shop, second, "audit"))


@pytest.mark.timeout(600)  # two whole jobs: a minute, and more on a machine with other things to do
def test_the_report_of_the_second_table_has_what_both_give_away_together(jobs: Jobs) -> None:
    together = jobs.audit["together"]
    assert together["sizes"]["tables"] == 2
    assert jobs.audit["not_attacked"] == 0
    rows = [published(jobs.shop, job, "sampled")["rows"] for job in (jobs.first, jobs.second)]
    assert together["sizes"]["synthetic"] == sum(rows)
    report = published(jobs.shop, jobs.second, "report")
    keys = {finding["key"] for finding in report["findings"]}
    assert {"replay.excess_records", "together.replay.excess_records"} <= keys
    sizes = {fact["name"]: fact["value"] for fact in report["protocol"]["sizes"]}
    assert sizes["synthetic tables, attacked together"] == "2"
    page = published_bytes(jobs.shop, jobs.second, "page").decode()
    assert "All 2 tables released from these data" in page


def test_whom_one_of_the_generators_learnt_counts_as_learnt(jobs: Jobs) -> None:
    alone, together = jobs.audit["sizes"], jobs.audit["together"]["sizes"]
    counts = [published(jobs.shop, job, "split")["counts"] for job in (jobs.first, jobs.second)]
    assert counts[0] == counts[1], "two divisions of the same records"
    assert alone["train"] == counts[1]["train"]
    assert alone["train"] < together["train"] <= 2 * alone["train"]
    assert together["holdout"] < alone["holdout"]
    assert together["reference"] < alone["reference"]


def test_the_verdict_is_that_of_the_union_where_only_the_union_leaks(jobs: Jobs) -> None:
    audit, policy = read_audit(jobs.audit), load_policy("internal")
    assert audit.together is not None
    assert decide(replace(audit, together=None), policy).verdict in {Verdict.PASS, Verdict.REVIEW}, (
        "alone it may go out"
    )
    assert decide(audit, policy).verdict is Verdict.BLOCK
    assert (jobs.release.verdict, jobs.release.state) == ("BLOCK", ReleaseState.BLOCKED)
    proven = [reason for reason in jobs.release.reasons if "Leak proven" in reason]
    assert proven
    assert all(reason.startswith("All 2 tables") for reason in proven)
    assert jobs.release.earlier == 1


def test_what_the_job_names_is_attacked_on_this_table_and_on_both_and_is_in_the_report(jobs: Jobs) -> None:
    report = published(jobs.shop, jobs.second, "report")
    findings = {finding["key"]: finding for finding in report["findings"]}
    for key in ("attribute.nearest:education", "linkability.named_source_k1"):
        for name in (key, f"together.{key}"):
            assert findings[name]["status"] == "measured", name
            assert findings[name]["gate"], name
            assert findings[name]["trials"], "self-calibration knows it too"
    assert "education" not in {key.partition(":")[2] for key in first_findings(jobs)}
    assert findings["linkability.named_source_k1"]["note"].startswith("A: age, education. B: fnlwgt, ")
    assert "left the shadow models out" in findings["shadow.max_auc"]["figure"]["reason"]
    assert report["protocol"]["options"]["secrets"] == ["education"]
    page = published_bytes(jobs.shop, jobs.second, "page").decode()
    assert "by the columns of a named source" in page
    assert "age, education" in page


def first_findings(jobs: Jobs) -> list[str]:
    return [finding["key"] for finding in published(jobs.shop, jobs.first, "report")["findings"]]
