"""When a table is one of people with several records, and which of its columns are a person's."""

from __future__ import annotations

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
