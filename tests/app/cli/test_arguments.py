import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.arguments import parse_conditions
from app.cli.exits import CommandError, Exit, exit_for
from app.states import ReleaseState


@given(st.text(min_size=1).filter(lambda column: "=" not in column), st.text())
def test_any_category_may_follow_a_column(column: str, category: str) -> None:
    assert parse_conditions([f"{column}={category}"]) == {column: category}


@pytest.mark.parametrize("where", [["sex"], ["=Female"], [""], ["sex=Female", "sex=Male"]])
def test_a_condition_that_cannot_be_read_is_bad_input(where: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        parse_conditions(where)
    assert refused.value.code == Exit.BAD_INPUT
    assert "Female" not in str(refused.value)


def test_only_a_released_table_ends_with_zero() -> None:
    codes = {state: exit_for(state.value) for state in ReleaseState}
    assert {state for state, code in codes.items() if code == 0} == {ReleaseState.RELEASED}
    assert codes[ReleaseState.IN_REVIEW] == 10
    assert codes[ReleaseState.BLOCKED] == 11
    assert codes[ReleaseState.VOID] == 12


def test_a_state_that_is_not_known_is_a_failure() -> None:
    assert exit_for("half_released") == Exit.FAILED
