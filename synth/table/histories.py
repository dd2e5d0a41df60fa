"""When a table is one of people with several records, and which of its columns are a person's."""

from __future__ import annotations

from collections.abc import Sequence

from synth.protection import TABLE_RECORDS

CONSTANT_SHARE = 0.995
"""A column is a person's where it is constant for this share of the people with several records."""


def has_histories(several: int, least: int) -> bool:
    """Whether enough people have several records for these to be learnt as theirs."""
    return several >= max(TABLE_RECORDS, least)


def is_constant(changing: int, several: int, least: int) -> bool:
    """Whether a column is a person's, where it changes for so many of the people who have several records.

    Fewer than `least` do not decide.
    """
    return changing < least or changing <= (1 - CONSTANT_SHARE) * several


def not_constant(name: str, constant: Sequence[str] = ()) -> str:
    """Says that no condition can be on a column that changes for a person; `constant` are those that do not."""
    among = f" ({', '.join(map(repr, constant))})" if constant else ""
    return (
        f"column {name!r}: expected a column that is constant for a person{among}, as people have several records "
        "here; draw without this condition and keep the records that meet it"
    )


def not_free(name: str, sources: Sequence[str], rule: str = "a rule") -> str:
    """Says that no condition can be on a column that a rule makes from others."""
    return (
        f"column {name!r}: expected a column that follows from no other, this one follows from "
        f"{', '.join(map(repr, sources))} by {rule}; draw without it and keep the people who meet it"
    )
