"""A table with every kind of column, and ranges, the whole way: sent over HTTP, sampled, attacked, reported."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest

from app.blobs import open_blobs
from app.db import transaction
from app.jobs.queue import JobQueue
from app.jobs.worker_context import WorkerContext
from app.jobs.workflow import STOPPED, run_stage
from app.orm import JobRow
from app.pipeline import WAYS
from app.states import JobKind, ReleaseState
from tests.support.jobs import ROOT, Shop
from tests.support.way import COLUMNS, published, walked
from tests.support.web import Web

RECORDS = 9000
CONDITIONS = {"age": {"from": 25, "to": 60}, "seen": {"from": "2020-02-01", "to": "2022-08-31"}}
FIRST_NAMES = ["Anna", "Maria", "John", "Peter", "Laura", "James", "Linda", "Robert", "Susan", "David", "Karen", "Paul"]
LAST_NAMES = [
    "Smith",
    "Miller",
    "Brown",
    "Davis",
    "Wilson",
    "Moore",
    "Taylor",
    "Anderson",
    "Thomas",
    "Jackson",
    "White",
]
REPLACED = ("email", "ticket", "note")
MIX = "income=<=50K:0.7,>50K:0.3"
LATER = {"hours_per_week": {"to": 50}, "age": {"from": 21.5}}


def people() -> pd.DataFrame:
    """The first records of the example with a day on which each person was seen, and what tables have besides.

    Names, addresses and tickets are replaced, times of day are learnt as numbers that are written in a form of their
    own, notes are emptied: each is attacked, or left out of an attack, in a way of its own.
    """
    frame = pd.read_csv(ROOT / "examples" / "adult.csv.gz", nrows=RECORDS, usecols=list(COLUMNS))
    rng = np.random.default_rng(3)
    frame["seen"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, RECORDS), unit="D")
    first, last = rng.choice(FIRST_NAMES, RECORDS), rng.choice(LAST_NAMES, RECORDS)
    frame["full_name"] = [f"{a} {b}" for a, b in zip(first, last, strict=True)]
    frame["email"] = [f"{a}.{b}{i}@example.org".lower() for i, (a, b) in enumerate(zip(first, last, strict=True))]
    frame["ticket"] = [f"TK-{number:06d}" for number in rng.permutation(900_000)[:RECORDS]]
    frame["arrival"] = [f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in rng.integers(0, 24 * 60, RECORDS)]
    frame["smoker"] = rng.choice(["yes", "no"], RECORDS)
    frame["note"] = [f"Spoke with {a} about case {i}, who will call back." for i, a in enumerate(first)]
    return frame


def records_of(client: httpx2.Client, reviewer: httpx2.Client, release_id: str) -> pd.DataFrame:
    """What is downloaded, after a reviewer has let it go where the verdict asks for one."""
    if client.get(f"/v1/releases/{release_id}").json()["state"] == ReleaseState.IN_REVIEW:
        decision = {"action": "approve", "reason": "a small table for a test"}
        decided = reviewer.post(f"/v1/releases/{release_id}/decision", json=decision)
        assert decided.status_code == 200, decided.text
    data = client.get(f"/v1/releases/{release_id}/data", headers={"Accept": "text/csv"})
    assert data.status_code == 200, data.text
    return pd.read_csv(io.BytesIO(data.content), parse_dates=["seen"])


def stopped(shop: Shop, job_id: str, kind: JobKind) -> dict[str, Any]:
    """Why the job failed."""
    context = WorkerContext(settings=shop.settings, database=shop.engine, blobs=open_blobs(shop.settings))
    assert any(asyncio.run(run_stage(context, job_id, stage.name)) == STOPPED for stage in WAYS[kind])
    error = shop.row(job_id).error
    assert error is not None
    return dict(error)


def reported(client: httpx2.Client, release_id: str) -> tuple[dict[str, Any], str]:
    """(the report, its page)."""
    path = f"/v1/reports/{client.get(f'/v1/releases/{release_id}').json()['report_id']}"
    page = client.get(path, headers={"Accept": "text/html"}).text
    return client.get(path).json(), page


@pytest.mark.timeout(600)  # two whole jobs: a minute, and more on a machine with other things to do
def test_every_record_of_a_table_with_every_kind_of_column_lies_in_the_ranges(web: Web) -> None:
    queue = JobQueue(web.settings)
    shop = Shop(settings=web.settings, engine=web.backend.engine, queue=queue, tenant_id=web.admin.tenant_id)
    options = {"conditions": CONDITIONS, "rows": 2000, "generator": {"max_steps": 10}}
    with web.client() as client, web.client(web.reviewer) as reviewer:
        real = people()
        body = {"file": ("people.csv", real.to_csv(index=False).encode()), "options": (None, json.dumps(options))}
        first = client.post("/v1/synthesize", files=body)
        assert first.status_code == 202, first.text
        assert first.json()["options"]["conditions"] == CONDITIONS
        release = walked(shop, first.json()["id"])
        assert release.state in (ReleaseState.IN_REVIEW, ReleaseState.RELEASED), release.reasons
        records = records_of(client, reviewer, release.id)
        assert len(records) == 2000
        assert list(records) == list(real)
        assert records["arrival"].str.fullmatch(r"[0-2]\d:[0-5]\d").all()
        for name in REPLACED:
            assert not set(records[name].dropna()) & set(real[name]), name
        assert records["age"].between(25, 60).all()
        assert records["seen"].between("2020-02-01", "2022-08-31").all()
        assert reported(client, release.id)[0]["protocol"]["options"]["conditions"] == CONDITIONS
        assert "age from 25, to 60, seen from 2020-02-01, to 2022-08-31" in reported(client, release.id)[1]
        sizes, counts = (published(shop, release.job_id, name) for name in ("audit", "split"))
        assert sizes["sizes"]["train"] < counts["counts"]["train"], "the real parts are cut to the ranges as well"

        body = {"rows": 500, "conditions": LATER, "mix": [MIX]}
        more = client.post(f"/v1/models/{release.model_id}/samples", json=body)
        assert more.status_code == 202, more.text
        later = walked(shop, more.json()["id"], kind=JobKind.SAMPLE)
        drawn = records_of(client, reviewer, later.id)
        assert len(drawn) == 500
        assert (drawn["hours_per_week"] <= 50).all()
        assert (drawn["age"] >= 22).all()
        assert drawn["income"].value_counts().to_dict() == {">50K": 150, "<=50K": 350}, "shares are exact"
        document, page = reported(client, later.id)
        shares = {each["values"][0]: each for each in document["mix"]["shares"]}
        assert [shares[">50K"][name] for name in ("asked", "synthetic")] == [0.3, 0.3]
        assert 0.2 < shares[">50K"]["real"] < 0.35, "what the real table has"
        assert document["mix"]["reweighted"]
        marginal = next(each for each in document["fidelity"]["marginals"] if each["column"] == "income")
        assert marginal["real"] == pytest.approx(marginal["synthetic"], abs=0.01), "real records in the same shares"
        assert "by design and no fault of the generator" in page

        # no request leads here while ten records of the table lie in the range: a model may still emit nothing there
        job = client.post(f"/v1/models/{release.model_id}/samples", json={"rows": 5}).json()["id"]
        with transaction(shop.engine) as session:
            row = session.get_one(JobRow, job)
            row.options = {**row.options, "conditions": {"age": {"from": 500}}}
        error = stopped(shop, job, JobKind.SAMPLE)
        assert error["code"] == "ConditionError"
        assert error["detail"] == "column 'age': expected a range in which this model may emit values"
        assert client.get(f"/v1/jobs/{job}").json()["error"] == error, "and whoever asks is told"
    queue.close()
