"""A minimum of people that nobody knows exactly."""

from __future__ import annotations

from app.blobs import Stored
from app.services.holders import least_of
from tests.support.web import Web


def test_a_minimum_sticks_to_the_data_set_and_the_columns_and_is_never_lower(web: Web) -> None:
    stored = Stored(key="tenant_a/datasets/one/table", sha256="")
    sets = [[f"c{i}"] for i in range(200)]
    drawn = [least_of(web.backend.blobs, stored, 10, names) for names in sets]
    assert drawn == [least_of(web.backend.blobs, stored, 10, names) for names in sets]
    assert min(drawn) == 10
    assert 10 < max(drawn) <= 20
    assert least_of(web.backend.blobs, stored, 10, ["a", "b"]) == least_of(
        web.backend.blobs, stored, 10, ["b", "a", "a"]
    )
    others = Stored(key="tenant_a/datasets/another/table", sha256="")
    assert drawn != [least_of(web.backend.blobs, others, 10, names) for names in sets]
