"""A use that trains and whose worker is killed in the middle: it goes on where it was, and gives the same result."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.pipeline import RESULT
from app.states import JobKind, JobState
from tests.support.jobs import Shop, open_shop, wait_for

pytestmark = pytest.mark.slow
ROWS, STEPS = 400, 120
SCHEMA = [
    {"name": "age", "kind": "numerical", "role": "feature"},
    {"name": "city", "kind": "categorical", "role": "feature"},
    {"name": "smoker", "kind": "categorical", "role": "feature"},
]


@pytest.fixture
def shop(sqlite_settings: Settings) -> Iterator[Shop]:
    """An installation that saves a checkpoint several times a second."""
    with open_shop(sqlite_settings.model_copy(update={"checkpoint_seconds": 0.2})) as opened:
        yield opened


def table() -> bytes:
    """People who do not exist, of whom some cells are missing."""
    rng = np.random.default_rng(7)
    city = rng.choice(["Oslo", "Bergen", "Tromso"], ROWS).astype(object)
    smoker = np.where(rng.random(ROWS) < np.where(city == "Bergen", 0.6, 0.2), "yes", "no").astype(object)
    city[::7], smoker[::5] = None, None
    out = BytesIO()
    pq.write_table(pa.table({"age": rng.integers(18, 90, ROWS), "city": city, "smoker": smoker}), out)
    return out.getvalue()


def steps_of(shop: Shop, job_id: str) -> list[int]:
    told = [event.data.get("figures", {}) for event in shop.events(job_id, "progress")]
    return [int(figures["step"]) for figures in told if "step" in figures]


def result_of(shop: Shop, job_id: str) -> bytes:
    artifact = shop.wait_for_state(job_id, JobState.FINISHED, seconds=400).artifacts[RESULT]
    return open_blobs(shop.settings).read(artifact["key"], artifact["sha256"])


@pytest.mark.timeout(900)
def test_a_killed_imputation_goes_on_and_gives_the_same_tables(shop: Shop) -> None:
    options = {"generator": {"max_steps": STEPS}, "use": {"use": "impute", "times": 2}}
    dataset = shop.dataset("people", table=table(), schema=SCHEMA)
    job_id = shop.job_on(dataset, kind=JobKind.USE, options=options)
    worker = shop.worker("app.worker")
    wait_for("a checkpoint", lambda: "checkpoint" in shop.row(job_id).artifacts)
    wait_for("some steps", lambda: max(steps_of(shop, job_id), default=0) > 5)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = steps_of(shop, job_id)
    assert RESULT not in shop.row(job_id).artifacts, "the use was over before it could be killed"

    shop.worker("app.worker")
    resumed = result_of(shop, job_id)
    after = steps_of(shop, job_id)[len(before) :]
    assert after[0] > 1, "training began anew"
    assert after[-1] == STEPS
    assert resumed == result_of(shop, shop.job_on(dataset, kind=JobKind.USE, options=options))
