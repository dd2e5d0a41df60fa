"""One budget of error over all statistics: who decides, and how many people that takes."""

from __future__ import annotations

import pytest

from privacy.attacks.vulnerable import LARGEST_SHARE
from privacy.budget import FRESH_BUDGET, fails_when_fresh
from privacy.estimate import detectable_auc
from privacy.finding import Finding
from privacy.limits import Policy, load_policy, policies


def price(policy: Policy, key: str, people: int) -> float:
    """How often the limit of this AUC is exceeded on fresh rows with so many people under attack a side."""
    attack, statistic = key.split(".")
    finding = Finding(
        attack=attack,
        statistic=statistic,
        value=0.5,
        baseline=0.5,
        minimum_detectable=detectable_auc(people, people),
    )
    return fails_when_fresh(finding, next(limit for limit in policy.limits if limit.covers(finding)))


def spent(policy: Policy, people: int) -> float:
    """What the two limits that no PASS does without cost: of everybody, and of the most isolated tenth at most."""
    isolated = round(LARGEST_SHARE * people)
    return price(policy, "membership.plain_k1_auc", people) + price(policy, "vulnerable.wide_auc", isolated)


@pytest.mark.parametrize("name", policies())
def test_with_fewer_people_than_a_policy_asks_for_its_limits_could_not_be_decided(name: str) -> None:
    """So that INSUFFICIENT is known from the sizes, before anything is trained, and is no surprise afterwards."""
    policy = load_policy(name)
    assert spent(policy, policy.minimum_holdout) > FRESH_BUDGET
    assert spent(policy, round(policy.minimum_holdout * 1.1)) < FRESH_BUDGET
