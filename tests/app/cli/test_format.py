"""A synthetic table comes in the format of the real one where none was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.reading import reading_said
from app.cli.synthesize import Order, format_of


class Service:
    """Answers with one data set."""

    def __init__(self, found: str) -> None:
        self.found = found

    def get(self, path: str) -> dict[str, Any]:
        """The data set."""
        assert path == "/v1/datasets/ds_1"
        return {"format": self.found}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [("csv", "csv"), ("tsv", "csv"), ("parquet", "parquet"), ("feather", "parquet"), ("jsonl", "csv"), ("xlsx", "csv")],
)
def test_the_format_is_that_of_the_real_table(found: str, wanted: str) -> None:
    assert format_of(Service(found), "ds_1") == wanted  # type: ignore[arg-type]


def test_a_sheet_is_said_to_the_service(tmp_path: Any) -> None:
    assert Order(file=tmp_path, out=tmp_path, reading=reading_said(None, None, None, None, None, "S2")).reading == {
        "sheet": "S2"
    }
