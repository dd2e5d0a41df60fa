"""What a policy asks for is known before anything is trained."""

from __future__ import annotations

import pytest

from app.services.policies import check_policy, check_sender, shortage
from privacy.errors import PolicyError
from privacy.limits import load_policy, policies


@pytest.mark.parametrize("name", policies())
def test_a_shortage_says_how_many_people_are_enough_for_the_policy(name: str) -> None:
    said = shortage(name, 10, "people")
    assert said is not None
    needed = int(said.rpartition("it takes ")[2].split()[0].replace(",", ""))
    assert shortage(name, needed) is None
    assert shortage(name, needed - 10) is not None


@pytest.mark.parametrize("name", policies())
def test_four_eyes_take_somebody_with_an_account(name: str) -> None:
    check_sender(name, "person_1")
    if load_policy(name).four_eyes:
        with pytest.raises(PolicyError, match="expected a person who signed in"):
            check_sender(name, None)
    else:
        check_sender(name, None)


def test_an_unknown_policy_is_refused_without_being_named() -> None:
    with pytest.raises(PolicyError, match="policy: expected one of") as refused:
        check_policy("../secret")
    assert "secret" not in str(refused.value)
