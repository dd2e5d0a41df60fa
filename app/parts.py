"""How large the parts are into which a data set is divided. Loads nothing heavy."""

from __future__ import annotations

HOLDOUT_SHARE = 0.25
"""Of the people: whom attacks are measured on."""
REFERENCE_SHARE = 0.15
"""Whom attackers are given as others."""
VALIDATION_SHARE = 0.03
"""Who tells when a training should stop."""
VALIDATION_PEOPLE, VALIDATION_MOST = 3_000, 5_000
"""With fewer people the part would be too small to say anything, and there is none; and its size, at most."""
MIN_PEOPLE = 10
"""With fewer, a part could be empty."""


def sizes(people: int) -> tuple[int, int, int, int]:
    """(people who are learnt from, held out, given to attackers, asked when to stop)."""
    holdout, reference = round(people * HOLDOUT_SHARE), round(people * REFERENCE_SHARE)
    enough = people >= VALIDATION_PEOPLE
    validation = min(round(people * VALIDATION_SHARE), VALIDATION_MOST) if enough else 0
    return people - holdout - reference - validation, holdout, reference, validation
