"""How many there are of something, in words."""

from __future__ import annotations


def counted(number: int, singular: str, plural: str = "") -> str:
    """The number with its noun: 1 record, 1,234 records, 2 people."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"
