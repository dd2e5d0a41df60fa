"""Labels of charts fit the room there is, in whatever script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from app.report.svg import fitted, told_apart

LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60)


@given(text=LATIN, size=st.sampled_from([5.2, 6.0, 7.0, 7.5]))
def test_a_label_is_no_wider_than_its_room_in_a_wide_font(text: str, size: float) -> None:
    shown = fitted(text, 74, size).replace("$", r"\$")
    if shown.strip():
        assert TextPath((0, 0), shown, size=size, prop=FontProperties(family="DejaVu Sans")).get_extents().width <= 76


def test_labels_that_would_be_shortened_to_the_same_begin_where_they_differ() -> None:
    shown = told_apart(["Married-civ-spouse-present", "Married-AF-spouse-present", "Divorced"], 78, 8)
    assert len(set(shown)) == 3
    assert shown[0].startswith("…civ")
    assert shown[2] == "Divorced"


@pytest.mark.parametrize("pinch", [False, True])
@pytest.mark.parametrize("text", ["x", "marital_status", "non-binary", "Oslo"])
def test_a_label_that_fits_is_left_as_it_is(text: str, pinch: bool) -> None:
    assert fitted(text, 74, 7, pinch=pinch) == text


def test_a_label_in_an_eastern_script_is_cut_sooner() -> None:
    assert len(fitted("\u5217" * 30, 74, 7)) <= 10 < len(fitted("i" * 30, 74, 7))
