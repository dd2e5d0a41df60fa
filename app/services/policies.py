"""What a release policy asks for before anything is trained: whose job it is, and how many people there are."""

from __future__ import annotations

import math

from app.parts import HOLDOUT_SHARE
from privacy.errors import PolicyError
from privacy.limits import load_policy, policies


def check_policy(name: str) -> None:
    """Raises PolicyError where there is no such policy."""
    names = policies()
    if name not in names:
        raise PolicyError(f"policy: expected one of {', '.join(names)}, got another name")


def check_sender(policy: str, person_id: str | None) -> None:
    """Raises PolicyError where the policy asks for four eyes and whoever sends the job has no account."""
    if person_id is None and load_policy(policy).four_eyes:
        raise PolicyError(
            "policy: expected a person who signed in by password, or a key that such a person made on the page Keys, "
            f"got a key of nobody's account: under {policy} one person sends the job and another approves it"
        )


def shortage(policy: str, people: int, what: str = "records") -> str | None:
    """A sentence where so few people are sure to be judged INSUFFICIENT, with how many the policy takes.

    Known from the sizes alone, and so before anything is trained. `what` they are called: without a person column each
    record is a person.
    """
    fewest = load_policy(policy).minimum_holdout
    holdout, needed = round(people * HOLDOUT_SHARE), math.ceil(fewest / HOLDOUT_SHARE)
    if holdout >= fewest:
        return None
    return (
        f"the verdict will be INSUFFICIENT at best: the policy {policy} asks for a holdout of {fewest:,} {what}, and "
        f"{people:,} {what} give one of about {holdout:,}; it takes {needed:,} {what} or more"
    )
