"""Which whole numbers are codes, although they repeat: case numbers, chart numbers, barcodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

FEWEST = 20
"""Fewer distinct numbers are categories or amounts like any other."""
DIGITS = 5
SAME_LENGTH = 0.95
"""Share of codes that have the same number of digits."""
RECORDS_EACH = 1.5
APART = 1_000
"""Distance between neighbouring codes, on average: amounts that repeat lie closer together."""
ROUND = 0.3
"""Amounts that repeat end in 0 more often than this; a tenth of all codes does."""
ALIKE = 0.5
"""Prices end in the same digit more often than this, as in 19,999."""


def are_repeating_codes(distinct: Collection[int], records: int) -> bool:
    """Whether these distinct numbers of so many records are codes: long, of one length, far apart, and not round."""
    if len(distinct) < FEWEST or records < RECORDS_EACH * len(distinct):
        return False
    digits, most = Counter(len(str(number)) for number in distinct).most_common(1)[0]
    if digits < DIGITS or min(distinct) <= 0 or most < SAME_LENGTH * len(distinct):
        return False
    apart = (max(distinct) - min(distinct)) / len(distinct)
    last = Counter(number % 10 for number in distinct)
    varied = last[0] < ROUND * len(distinct) and max(last.values()) < ALIKE * len(distinct)
    return apart >= APART and varied


def reason_of_codes(distinct: int, records: int) -> str:
    """Why such numbers are codes."""
    return (
        f"{distinct:,} distinct numbers of one length, far apart and not round, that repeat "
        f"{records / distinct:.1f} times each: codes rather than amounts"
    )


def doubt_of_codes(name: str) -> str:
    """What to say where they are something else."""
    return (
        f"no value is kept; if they are amounts, say --kind {name}=numerical, "
        f"and if each stands for a person, --role {name}=person"
    )
