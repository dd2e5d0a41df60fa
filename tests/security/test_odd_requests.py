"""Odd requests get an answer of their own, and never 500."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.states import JobState, ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

HALF = "\\ud800"
"""Half of a character, as JSON can write it."""
JSON = {"Content-Type": "application/json"}
ROWS = 60


def test_halves_of_characters_are_refused_wherever_text_may_stand(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path).id
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    bodies = [f'{{"dataset_id":"{HALF}"}}', f'{{"{HALF}":1}}']
    bodies += [f'{{"dataset_id":"{dataset}","{name}":"{HALF}"}}' for name in ("target", "person", "policy")]
    bodies += [f'{{"dataset_id":"{dataset}","{name}":["{HALF}"]}}' for name in ("secrets", "source")]
    bodies += [f'{{"dataset_id":"{dataset}","conditions":{{"{name}":"{HALF}"}}}}' for name in ("city", HALF)]
    requests = [("POST", "/v1/jobs", body) for body in bodies]
    requests += [
        ("PATCH", f"/v1/datasets/{dataset}/schema", f'{{"columns":[{{"name":"{HALF}","kind":"numerical"}}]}}'),
        ("POST", f"/v1/releases/{release.id}/decision", f'{{"action":"approve","reason":"abc {HALF}"}}'),
        ("POST", "/v1/keys", f'{{"scopes":["read"],"person":"{HALF}"}}'),
    ]
    with web.client() as client:
        for method, path, body in requests:
            is_problem(client.request(method, path, content=body, headers=JSON), 404, 422)


def dated(dates: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"a": range(len(dates)), "d": dates}), out)
    return out.getvalue()


@pytest.mark.parametrize(
    "table",
    [
        *(
            b"a,d\n" + "".join(f"{i},{year}-01-{1 + i % 28:02d}\n" for i in range(ROWS)).encode()
            for year in ("0000", "0001", "9999", "29999")
        ),
        *(
            dated(pa.array([first + i for i in range(ROWS)], kind))
            for first, kind in (
                (2**31 - ROWS, pa.date32()),
                (-(2**31), pa.date32()),
                (2**62, pa.timestamp("us")),
                (-(2**62), pa.timestamp("ms")),
                (-(2**62), pa.timestamp("ns")),
            )
        ),
    ],
)
def test_dates_beyond_every_calendar_are_read_as_text_or_refused(web: Web, table: bytes) -> None:
    with web.client() as client:
        assert client.post("/v1/datasets", content=table).status_code in {201, 422}


def test_a_few_bytes_of_parquet_that_stand_for_many_are_refused(web: Web) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), pa.array(["y" * 1_000_000]))
    out = io.BytesIO()
    pq.write_table(pa.table({"a": np.arange(100_000), "d": long}), out)
    assert len(out.getvalue()) < 2_000_000
    with web.client() as client:
        is_problem(client.post("/v1/datasets", content=out.getvalue()), 413)


def test_head_tells_what_get_would_and_sends_nothing(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    job = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    with web.client() as client:
        for path in ("/healthz", "/v1/datasets", f"/v1/releases/{release.id}/data", f"/v1/reports/{release.report_id}"):
            got, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            for name in ("content-type", "etag", "content-length"):
                assert head.headers.get(name) == got.headers.get(name)
        assert client.head(f"/v1/jobs/{job.id}/events").status_code == 200
        assert client.head("/v1/jobs/none").status_code == 404
        assert client.head("/v1/synthesize").status_code == 405
        assert client.head("/v1/datasets", headers={"Authorization": ""}).status_code == 401
        assert client.get("/healthz").status_code == 200, "the connection goes on"
