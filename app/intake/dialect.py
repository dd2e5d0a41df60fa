"""What stands between the fields: two opinions, because a single sniffer may choose a wrong delimiter silently.

The first opinion is consistency: which delimiters give every record of the head the same number of fields, more than
one. The second is clevercsv (van den Burg, Nazabal, Sutton 2019, "Wrangling messy CSV files by detecting row and type
patterns"), which also looks at what the fields look like.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

import clevercsv
from clevercsv.exceptions import Error as CleverCsvError

from app.intake.model import ReadOptions
from synth.table.schema import DELIMITERS

CLEVERCSV_CHARACTERS = 1 << 14
"""clevercsv's time grows with the text; this much takes about 0.1 s."""
MOST_RECORDS = 0.8
"""Where lines stand above or below the table, so many of all records are those of the table."""
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How records are written, and what the caller is to be told about it."""

    delimiter: str
    skip_space: bool
    """Whether a space after the delimiter comes before the opening quote."""
    first_line: int = 1
    """2 where the first line says how the fields are divided, as Excel writes it: `sep=;`."""
    warning: str | None = None


def detect_dialect(head: str, *, whole: bool, options: ReadOptions, filename: str | None) -> Dialect:
    """The dialect of the text that begins with `head` (`whole` says that nothing follows it).

    A delimiter that the caller declares is taken. A wrong one shows itself as ragged rows or a single column later.
    """
    said = _said(head)
    declared = options.delimiter or said
    if declared is not None:
        return Dialect(
            delimiter=declared, skip_space=_quotes_after_space(head, declared), first_line=1 if said is None else 2
        )
    consistent = {d: n for d in DELIMITERS if (n := _fields_everywhere(head, d, whole=whole)) > 1}
    second = _second_opinion(head)
    warning = None
    if len(consistent) == 1:
        chosen = next(iter(consistent))
    elif second in consistent:
        chosen = second
    elif consistent:
        chosen = max(consistent, key=lambda delimiter: consistent[delimiter])
    else:
        chosen = _among_uneven(head, second, whole=whole) or second or _most_frequent(head, filename)
    if consistent and second is not None and second != chosen and second in head:
        warning = (
            f"fields were divided at the {NAMES[chosen]}, a second look prefers the {NAMES[second]}; "
            "check the preview and declare `delimiter` if it is wrong"
        )
    return Dialect(delimiter=chosen, skip_space=_quotes_after_space(head, chosen), warning=warning)


def _quotes_after_space(head: str, delimiter: str) -> bool:
    return delimiter + ' "' in head


def _said(head: str) -> str | None:
    """The delimiter that the first line names: `sep=;`."""
    first = head[: len("sep=;\r\n")].strip('\ufeff\r\n "').partition("\n")[0].strip("\r")
    named = first[len("sep=") :] if first.lower().startswith("sep=") else ""
    return named if named in DELIMITERS else None


def _fields_everywhere(head: str, delimiter: str, *, whole: bool, share: float = 1.0) -> int:
    """The number of fields of every record of the head, or of so large a share of them; 0 where they differ."""
    records = _records(head, delimiter)
    if not whole and len(records) > 1:
        records.pop()  # cut off by the end of the head
    counts = Counter(len(record) for record in records if record)
    most = max(counts, key=lambda fields: counts[fields], default=0)
    return most if counts[most] >= share * counts.total() else 0


def _among_uneven(head: str, second: str | None, *, whole: bool) -> str | None:
    """The delimiter that divides most records evenly, titles above and totals below aside; None where one is unsure."""
    even = {d: n for d in DELIMITERS if (n := _fields_everywhere(head, d, whole=whole, share=MOST_RECORDS)) > 1}
    if second is not None:
        return second if second in even else None
    return max(even, key=lambda delimiter: even[delimiter], default=None)


def _records(head: str, delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    reader = csv.reader(
        io.StringIO(head, newline=""),
        delimiter=delimiter,
        skipinitialspace=_quotes_after_space(head, delimiter),
    )
    try:
        records.extend(reader)
    except csv.Error:
        return records
    return records


def _second_opinion(head: str) -> str | None:
    cut = head[:CLEVERCSV_CHARACTERS]
    cut = cut[: cut.rfind("\n") + 1] or cut
    try:
        found = clevercsv.Detector().detect(cut, delimiters=list(DELIMITERS))
    except (CleverCsvError, ValueError, RecursionError, IndexError):
        return None
    return found.delimiter if found is not None and found.delimiter in DELIMITERS else None


def _most_frequent(head: str, filename: str | None) -> str:
    first = head.split("\n", 1)[0]
    if filename is not None and ".tsv" in filename.lower() and "\t" in first:
        return "\t"
    return max(DELIMITERS, key=first.count)
