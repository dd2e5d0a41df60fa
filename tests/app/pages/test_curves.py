"""Curves of a training: what is drawn also stands in words, and nothing that a worker says breaks the page."""

from __future__ import annotations

import math
import re

from app.pages.curves import HEIGHT, MOST_POINTS, WIDTH, curves
from tests.app.report.reader import Reader


def told(*figures: dict) -> list[dict]:
    return [{"stage": "train", "figures": each} for each in figures]


def places(drawing: str) -> list[tuple[float, float]]:
    lines = re.findall(r'points="([^"]+)"', drawing)
    return [tuple(map(float, pair.split(","))) for line in lines for pair in line.split()]


def test_a_curve_lies_inside_of_its_frame_also_below_zero() -> None:
    course = told(*({"step": i, "tables": 3.0 - i / 10, "one_way_error": 0.2} for i in range(60)))
    error, loss = curves(course)
    for curve in (error, loss):
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places(str(curve.drawing)))
    assert "from 3 to -2.90" in str(loss.drawing)
    assert loss.rows[-1][0] == "59"


def test_a_step_that_is_told_twice_counts_as_it_was_told_last() -> None:
    (loss,) = curves(told({"step": 0, "tables": 9.0}, {"step": 1, "tables": 2.0}, {"step": 0, "tables": 1.0}))
    assert loss.lines[0].points == [(0.0, 1.0), (1.0, 2.0)]


def test_a_long_training_has_no_more_points_than_can_be_seen_and_the_last_one() -> None:
    (loss,) = curves(told(*({"step": i, "tables": 1.0} for i in range(5_000))))
    assert len(loss.lines[0].points) <= 2 * MOST_POINTS
    assert loss.lines[0].points[-1][0] == 4_999


def test_what_is_no_figure_is_no_point() -> None:
    odd = [{}, {"figures": {}}, {"stage": "train", "figures": {"step": "1", "tables": "<b>"}}, {"stage": "train"}]
    assert curves(odd + told({"step": True, "tables": 1.0}, {"step": 1, "tables": None})) == []
    assert curves([]) == []
    (flat,) = curves(told({"step": 0, "tables": 0.0}, {"step": 0.0001, "tables": 0.0}))
    assert all(math.isfinite(each) for place in places(str(flat.drawing)) for each in place)
    assert Reader(str(flat.drawing)).unbalanced == []
