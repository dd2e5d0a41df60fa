"""Numbers and categories as people type them."""

from __future__ import annotations

import pytest

from synth.table.ranges import Range, as_number, as_range, category_meant


@pytest.mark.parametrize(
    ("categories", "text", "meant"),
    [
        ([0.0, 1.0], "1", 1.0),
        ([0.0, 1.0], "1.0", 1.0),
        ([0.0, 1.0], "true", 1.0),
        ([0, 1], "1.0", 1),
        ([True, False], "true", True),
        ([True, False], "0", False),
        (["true", "false"], "True", "true"),
        (["TRUE", "FALSE"], "false", "FALSE"),
        (["True", "False"], "1", "True"),
        (["0.0", "1.0"], "1", "1.0"),
        (["02139", "10001"], "02139", "02139"),
        (["1", "1.0"], "1", "1"),
    ],
)
def test_the_one_category_that_a_text_means(categories: list, text: str, meant: object) -> None:
    found = category_meant(categories, text)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("categories", "text"),
    [
        (["02139"], "2139"),
        ([2139], "02139"),
        (["1.0", "1.00"], "1"),
        (["true", "True"], "TRUE"),
        (["Oslo"], "oslo"),
        (["nan", "inf"], "NaN"),
        ([], "1"),
        ([0.0, 1.0], "yes"),
    ],
)
def test_no_category_or_several(categories: list, text: str) -> None:
    assert category_meant(categories, text) is None


@pytest.mark.parametrize(
    ("text", "number"), [("30", 30), ("-1.5", -1.5), ("1e3", 1000.0), ("030", None), ("1e999", None), ("", None)]
)
def test_numbers(text: str, number: float | None) -> None:
    assert as_number(text) == number


def test_a_number_or_a_date_alone_is_a_range() -> None:
    assert as_range("30") == Range(30, 30)
    assert as_range("2024-01-31") == Range("2024-01-31", "2024-01-31")
    assert as_range("thirty") is None
