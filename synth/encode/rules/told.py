"""What is told of how many people keep a rule: so little that no single person is seen in it."""

from __future__ import annotations

from synth.rules.share import Share

FEWEST_TOLD = 20
"""Numbers of people in what is said of a rule are multiples of it."""


def told(share: Share) -> str:
    """How many people keep a rule, in words; no number of few people, as bounds could be moved until one is left."""
    people = _in_steps(share.people)
    kept = share.people - share.broken
    if share.people < FEWEST_TOLD:
        return f"fewer than {FEWEST_TOLD} people have all that it needs"
    if min(kept, share.broken) < FEWEST_TOLD:
        few = f"fewer than {FEWEST_TOLD} of about {people:,} people"
        return f"{few} {'keep' if kept < share.broken else 'break'} it"
    return f"about {_in_steps(kept):,} of about {people:,} people keep it"


def told_share(share: Share) -> float | None:
    """The share of people who keep a rule, in steps of so many people; None where fewer have all that it needs."""
    if share.people < FEWEST_TOLD:
        return None
    return max(0.0, 1 - _in_steps(share.broken) / _in_steps(share.people))


def _in_steps(people: int) -> int:
    """The nearest multiple of FEWEST_TOLD."""
    return round(people / FEWEST_TOLD) * FEWEST_TOLD
