"""A real training whose worker is killed in the middle: it goes on where it was, and the job comes to its end.

What it read of single people stands nowhere but in the stored table.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.orm import ReleaseRow
from app.pipeline import TRAIN, WAYS
from app.states import JobKind, JobState
from tests.support.jobs import Shop, open_shop, wait_for
from tests.support.markers import places_of

ROWS = 400
STEPS = 120
SCHEMA = [
    {"name": "age", "kind": "numerical", "role": "feature"},
    {"name": "city", "kind": "categorical", "role": "feature"},
    {"name": "smoker", "kind": "categorical", "role": "feature"},
    {"name": "code", "kind": "identifier", "role": "feature"},
]
ALONE = "Zyxhamar-of-one"
"""Where one person lives."""
CODE = "Qvx-code-"
"""How everybody's code begins."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """An installation that saves a checkpoint several times a second."""
    settings: Settings = request.getfixturevalue(f"{request.param}_settings")
    with open_shop(settings.model_copy(update={"checkpoint_seconds": 0.2})) as opened:
        yield opened


def table() -> bytes:
    """People who do not exist, as Parquet: smokers live in Bergen more often than elsewhere."""
    rng = np.random.default_rng(7)
    city = rng.choice(["Oslo", "Bergen", "Tromso"], ROWS).astype(object)
    city[0] = ALONE
    smoker = np.where(rng.random(ROWS) < np.where(city == "Bergen", 0.6, 0.2), "yes", "no")
    code = [f"{CODE}{number:04d}" for number in range(ROWS)]
    out = BytesIO()
    pq.write_table(pa.table({"age": rng.integers(18, 90, ROWS), "city": city, "smoker": smoker, "code": code}), out)
    return out.getvalue()


def training_steps(shop: Shop, job_id: str) -> list[int]:
    told = [event.data for event in shop.events(job_id, "progress") if event.data["stage"] == TRAIN.name]
    return [int(data["figures"]["step"]) for data in told if "step" in data["figures"]]


@pytest.mark.timeout(600)
def test_a_killed_training_goes_on_and_the_job_finishes(shop: Shop) -> None:
    options = {"generator": {"max_steps": STEPS}, "rows": 300}
    job_id = shop.job_on(shop.dataset("people", table=table(), schema=SCHEMA), options=options)
    worker = shop.worker("app.worker")
    wait_for("a checkpoint", lambda: "checkpoint" in shop.row(job_id).artifacts)
    wait_for("some steps", lambda: max(training_steps(shop, job_id), default=0) > 5)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = training_steps(shop, job_id)
    assert "weights" not in shop.row(job_id).artifacts, "the training was over before it could be killed"

    shop.worker("app.worker")
    job = shop.wait_for_state(job_id, JobState.FINISHED, seconds=400)

    after = training_steps(shop, job_id)[len(before) :]
    assert after[0] > 1, "training began anew"
    assert after[-1] == STEPS
    assert all(earlier <= later for earlier, later in pairwise(after))
    begun = [event.data["stage"] for event in shop.events(job_id, "stage")]
    assert begun.count(TRAIN.name) == 2
    assert [stage for stage in begun if stage != TRAIN.name] == [
        stage.name for stage in WAYS[JobKind.SYNTHESIZE] if stage != TRAIN
    ]
    (release,) = shop.rows(ReleaseRow, job_id)
    csv = open_blobs(shop.settings).read(release.csv_key, release.csv_sha256)
    assert len(csv.splitlines()) == release.rows + 1 == 301
    assert job.fraction == 1.0

    found = places_of(shop.settings, (ALONE, CODE))
    assert not any(found.values()), "everything of the table is encrypted at rest"
