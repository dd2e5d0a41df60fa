import math
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.arguments import parse_conditions
from app.cli.exits import CommandError, Exit, exit_for
from app.states import ReleaseState
from synth.table.ranges import Range

COLUMNS = st.text(min_size=1).filter(lambda column: "=" not in column)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = (st.dates() | st.datetimes()).map(date.isoformat)
PAIRS = st.tuples(st.none() | NUMBERS, st.none() | NUMBERS) | st.tuples(st.none() | MOMENTS, st.none() | MOMENTS)


@given(COLUMNS, st.text() | st.just("30..40"))
def test_any_category_may_follow_a_column(column: str, category: str) -> None:
    assert parse_conditions([f"{column}={category}"]) == {column: category}


@pytest.mark.parametrize("where", [["sex"], ["=Female"], [""], ["sex=Female", "sex=Male"]])
def test_a_condition_that_cannot_be_read_is_bad_input(where: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        parse_conditions(where)
    assert refused.value.code == Exit.BAD_INPUT
    assert "Female" not in str(refused.value)


def written(end: float | str | None) -> str:
    return "" if end is None else str(end)


@given(COLUMNS, PAIRS.filter(lambda ends: ends != (None, None)))
def test_any_range_of_numbers_or_moments_is_read_back_as_it_was_written(
    column: str, ends: tuple[float | str | None, float | str | None]
) -> None:
    low, high = ends
    assert parse_conditions([], [f"{column}={written(low)}..{written(high)}"]) == {column: Range(low, high)}


@given(st.text(alphabet="0123456789.-+eE:T naifZ", max_size=12))
def test_what_reads_as_a_range_has_ends_that_can_be_told_apart(text: str) -> None:
    try:
        found = parse_conditions([], [f"age={text}"])["age"]
    except CommandError:
        return
    assert isinstance(found, Range)
    assert (found.low, found.high) != (None, None)
    for end in (found.low, found.high):
        if isinstance(end, str):
            assert datetime.fromisoformat(end).tzinfo is None
        elif end is not None:
            assert math.isfinite(end)
    assert text.count("..") == 1
    assert "..." not in text


@pytest.mark.parametrize(
    "within",
    [
        ["age"],
        ["=30..40"],
        ["age=30"],
        ["age=.."],
        ["age="],
        ["age=1...5"],
        ["age=30..40..50"],
        ["age=nan..1"],
        ["age=..inf"],
        ["age=1e999.."],
        ["age=" + "9" * 5000 + ".."],
        ["seen=2024-13-01.."],
        ["seen=2024-01-01T00:00Z.."],
        ["age=Zaphod..Beeblebrox"],
        ["age=30..", "age=..40"],
    ],
    ids=lambda within: within[0][:30],
)
def test_a_range_that_cannot_be_read_is_bad_input(within: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        parse_conditions([], within)
    assert refused.value.code == Exit.BAD_INPUT
    assert str(refused.value).startswith("--within: expected")
    assert "Zaphod" not in str(refused.value)


def test_a_column_has_one_condition() -> None:
    with pytest.raises(CommandError, match="'age' twice"):
        parse_conditions(["age=30..40"], ["age=30..40"])


def test_only_a_released_table_ends_with_zero() -> None:
    codes = {state: exit_for(state.value) for state in ReleaseState}
    assert {state for state, code in codes.items() if code == 0} == {ReleaseState.RELEASED}
    assert codes[ReleaseState.IN_REVIEW] == 10
    assert codes[ReleaseState.BLOCKED] == 11
    assert codes[ReleaseState.VOID] == 12


def test_a_state_that_is_not_known_is_a_failure() -> None:
    assert exit_for("half_released") == Exit.FAILED
