"""Whoever asks about values of the same people in another table has no other count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from app.config import Settings
from app.db import reading
from app.orm import DatasetRow
from tests.support.installation import installed
from tests.support.web import Web, serve

PER_DAY = 2


def people(seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    ages, cities, incomes = random.integers(20, 80, 300), random.integers(2, size=300), random.integers(9_000, size=300)
    return [f"{age},{('Oslo', 'Rome')[city]},{income}" for age, city, income in zip(ages, cities, incomes, strict=True)]


ROWS, UNRELATED = people(1), people(2)


@pytest.fixture
def strict(tmp_path: Path, installation: Path) -> Iterator[Web]:
    settings = Settings(home=tmp_path / "home", device="cpu", table_checks_per_day=PER_DAY)
    with serve(installed(settings, installation)) as web:
        yield web


def table(rows: list[str]) -> bytes:
    return "\n".join(["age,city,income", *rows]).encode()


def upload(web: Web, rows: list[str]) -> str:
    with web.client() as client:
        answer = client.post("/v1/datasets", files={"file": ("people.csv", table(rows))})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


def status_of(web: Web, dataset_id: str) -> int:
    with web.client() as client:
        asked = {"dataset_id": dataset_id, "conditions": {"city": "Bergen"}}
        return client.post("/v1/jobs/quote", json=asked).status_code


def use_up(web: Web, dataset_id: str) -> None:
    """Each of these is refused: nobody lives there."""
    assert [status_of(web, dataset_id) for _ in range(PER_DAY + 1)] == [422] * PER_DAY + [429]


def test_a_table_with_one_record_more_shares_the_count_and_an_unrelated_one_does_not(strict: Web) -> None:
    first = upload(strict, ROWS)
    use_up(strict, first)
    assert status_of(strict, upload(strict, [*ROWS, "33,Rome,5000"])) == 429
    assert status_of(strict, upload(strict, ROWS[:-20])) == 429
    with strict.client() as client:
        assert client.delete(f"/v1/datasets/{first}").status_code == 204
    assert status_of(strict, upload(strict, [*ROWS, "34,Rome,5001"])) == 429, "also where the first one is deleted"
    use_up(strict, upload(strict, UNRELATED))


def test_an_upload_that_is_read_in_another_way_shares_the_count(strict: Web) -> None:
    dataset_id = upload(strict, ROWS)
    use_up(strict, dataset_id)
    with strict.client() as client:
        for footer in (1, 5):
            answer = client.patch(f"/v1/datasets/{dataset_id}/reading", json={"skip_footer": footer})
            assert (answer.status_code, answer.json()["rows"]) == (200, len(ROWS) - footer)
            assert status_of(strict, dataset_id) == 429
    use_up(strict, upload(strict, UNRELATED))


def synthesize(web: Web, rows: list[str], city: str) -> int:
    with web.client() as client:
        options = json.dumps({"conditions": {"city": city}})
        return client.post(
            "/v1/synthesize", files={"file": ("people.csv", table(rows)), "options": (None, options)}
        ).status_code


def test_tables_that_are_sent_with_their_jobs_share_the_count_and_refused_ones_count_for_all(strict: Web) -> None:
    first = upload(strict, ROWS)
    assert status_of(strict, first) == 422
    assert synthesize(strict, [*ROWS, "33,Rome,5000"], "Oslo") == 202
    assert synthesize(strict, [*ROWS, "34,Rome,5001"], "Oslo") == 429
    unrelated = upload(strict, UNRELATED)
    assert status_of(strict, unrelated) == 422, "that one was stored, so whose records it held is known"
    assert synthesize(strict, [f"9{row}" for row in UNRELATED], "Bergen") == 422
    with reading(strict.backend.engine) as session:
        assert len(session.scalars(select(DatasetRow.id)).all()) == 3
    assert status_of(strict, unrelated) == 429
