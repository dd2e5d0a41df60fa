"""How much of a table is handled at a time."""

CELLS_AT_ONCE = 500_000
"""How many cells are held at a time; wide tables are handled in fewer records at once."""


def rows_at_once(columns: int) -> int:
    """How many records of a table of so many columns are handled at a time."""
    return max(1_024, min(65_536, CELLS_AT_ONCE // max(columns, 1)))
