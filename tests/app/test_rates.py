"""How often somebody may ask: as much as a minute holds at once, evenly after that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import rates
from app.config import Settings
from app.db import migrate
from app.errors import TooManyRequestsError
from app.rates import Rates
from tests.app.routes.test_uploads import is_problem
from tests.support.web import Web, serve

PER_MINUTE = 6


def test_a_bucket_holds_a_minute_and_fills_evenly() -> None:
    at = 0.0
    found = Rates("limit", PER_MINUTE, clock=lambda: at)
    for _ in range(PER_MINUTE):
        found.take("a")
    with pytest.raises(TooManyRequestsError) as refused:
        found.take("a")
    assert refused.value.headers == {"Retry-After": "10"}
    assert refused.value.members == {"limit": "limit", "limit_value": PER_MINUTE}
    found.take("b")
    at = 10.0
    found.take("a")
    with pytest.raises(TooManyRequestsError):
        found.take("a")
    at = 10_000.0
    for _ in range(PER_MINUTE):
        found.take("a")
    with pytest.raises(TooManyRequestsError):
        found.take("a")


def test_memory_is_bounded_and_those_in_use_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_REMEMBERED", 3)
    found = Rates("limit", 2, clock=lambda: 0.0)
    found.take("a")
    found.take("a")
    for other in ("b", "c"):
        found.take(other)
        with pytest.raises(TooManyRequestsError):
            found.take("a")
    found.take("d")
    found.take("e")
    assert len(found) == 3
    with pytest.raises(TooManyRequestsError):
        found.take("a")


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Web]:
    """A service of few requests."""
    settings = Settings(
        home=tmp_path / "home", key_requests_per_minute=PER_MINUTE, address_requests_per_minute=4 * PER_MINUTE
    )
    migrate(settings)
    with serve(settings) as web:
        yield web


def test_keys_and_addresses_that_ask_too_often_wait(strict: Web) -> None:
    with strict.client() as client, strict.client(strict.stranger) as other:
        for _ in range(PER_MINUTE):
            assert client.get("/v1/jobs").status_code == 200
        refused = client.get("/v1/jobs")
        problem = is_problem(refused, 429)
        assert (problem["code"], problem["limit"]) == ("rate_exceeded", "key_requests_per_minute")
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        assert other.get("/v1/jobs").status_code == 200, "another key goes on"
        for _ in range(3 * PER_MINUTE):
            last = other.get("/v1/nothing")
        problem = is_problem(last, 429)
        assert problem["limit"] == "address_requests_per_minute"
        page = other.get("/jobs", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
        assert "Too many requests" in page.text
        assert 0 < int(page.headers["Retry-After"]) <= 60
        assert client.get("/healthz").status_code == 200
