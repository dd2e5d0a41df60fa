"""Lines of totals, which spreadsheets and banks put below the records."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

TOTALS = frozenset(
    {
        *(
            "total",
            "totals",
            "grand total",
            "sum",
            "subtotal",
            "sub total",
            "summe",
            "gesamt",
            "gesamtsumme",
            "insgesamt",
        ),
        *("somme", "totale", "totaal", "suma", "soma", "summa", "sum total", "overall total", "total general"),
        *(
            "mean",
            "average",
            "avg",
            "median",
            "mittelwert",
            "durchschnitt",
            "moyenne",
            "promedio",
            "media",
            "gemiddelde",
        ),
    }
)
MAX_TOTALS = 3
"""So many lines of totals and notes at the end are recognised."""
EMPTY = 1 / 3
"""A line of totals leaves at least this share of its cells empty."""


_NOTE = re.compile(r"(?:sources?|quellen?|notes?|hinweise?|fuente|fonte|bron)\s*:", re.IGNORECASE)


def is_total(line: str, delimiter: str, fields: int) -> bool:
    """Whether a line is one of totals or a note: its first value says so, and it has fewer values than columns.

    A note, such as `Source: office`, is the only value of its line.
    """
    return are_totals(next(csv.reader([line], delimiter=delimiter), []), fields)


def are_totals(cells: Sequence[str], fields: int) -> bool:
    """The same of the cells of a row."""
    cells = [cell.strip() for cell in cells]
    values = [cell for cell in cells if cell]
    if len(values) == 1 and fields > 1 and _NOTE.match(values[0]):
        return True
    if not values or values[0].rstrip(":").strip().casefold() not in TOTALS:
        return False
    return fields > 1 and (len(cells) < fields or fields - len(values) >= EMPTY * fields)
