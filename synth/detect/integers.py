"""What a column of numbers holds: quantities, codes, dates written as digits, or identifiers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth.detect.codes import are_repeating_codes, doubt_of_codes, reason_of_codes
from synth.detect.columns import (
    LEARNABLE_SHARE,
    NAMED_DISTINCT,
    Found,
    identifier,
)
from synth.detect.identifiers import (
    is_called_identifier,
    is_numbered,
    names_others,
    names_people,
    names_records,
)
from synth.detect.personal import HIGH, detect_personal
from synth.detect.wording import counted
from synth.detect.words import CODED_THINGS, CODES, POSTCODES, words_of
from synth.protection import HOLDERS
from synth.table.schema import ColumnKind
from synth.written.markers import SENTINELS
from synth.written.moments import MomentForm
from synth.written.surrogate import Replaced

YEARS = (1850, 2150)
DATES_SHARE = 0.98
COINCIDENCES = 3.0
"""Distinct numbers are identifiers where chance would have made at least so many pairs of equal ones among them."""
UNIQUE_RECORDS = 50
CODE_DISTINCT = 2_000

_OF_DIGITS = frozenset({Replaced.PHONE, Replaced.CARD, Replaced.NATIONAL_ID, Replaced.IBAN, Replaced.DEVICE})
Numbers = NDArray[np.float64]


def read_numbers(name: str, values: Numbers, whole: list[int] | None) -> Found:
    """What a column of finite numbers holds; `whole` are the same as integers, None where some are not whole."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= 2:
        return Found(kind=ColumnKind.CATEGORICAL, reason=counted(len(distinct), "distinct number"))
    if whole is None:
        return _quantity(distinct, counts, "numbers with decimals")
    exact = len(set(whole))
    found = _personal(name, whole) or _dates(distinct, counts) or _coded(name, whole, exact, distinct, counts)
    found = found or _distinct(name, whole, exact) or _repeating(name, whole, exact)
    return found or _quantity(distinct, counts, "whole numbers")


def _coded(name: str, whole: list[int], exact: int, distinct: Numbers, counts: NDArray[np.int64]) -> Found | None:
    """Numbers whose column is called a code or an identifier."""
    learnable = counts[counts >= HOLDERS].sum() / len(whole)
    words = words_of(name)
    markers = _sentinels(distinct, counts)
    called = not (POSTCODES | CODES).isdisjoint(words) or bool(CODED_THINGS & set(words[-1:]))
    named = called and not (markers and len(words) == 2 and words[1].isdigit())
    if named and learnable >= LEARNABLE_SHARE and exact <= CODE_DISTINCT:
        reason = f"its name says code: {exact:,} distinct numbers that stand for something"
        return Found(kind=ColumnKind.CATEGORICAL, reason=reason, doubt=f"to learn amounts, say --kind {name}=numerical")
    if is_called_identifier(name) and exact >= NAMED_DISTINCT:
        if not names_people(name) and numbers_records(name, distinct, counts):
            return Found(
                kind=ColumnKind.NUMERICAL,
                reason="numbers what belongs together, such as the visits of each person, from the first one on",
                doubt=f"to replace them, say --kind {name}=identifier",
            )
        if names_others(name) and learnable >= 1 - LEARNABLE_SHARE:
            reason = (
                f"{exact:,} codes of things or of people who serve many: they repeat, and name nobody of the records"
            )
            return Found(
                kind=ColumnKind.CATEGORICAL, reason=reason, doubt=f"to replace them, say --kind {name}=identifier"
            )
        return identifier(Replaced.CODE, f"its name is an identifier's; {exact:,} distinct values")
    return None


def numbers_records(name: str, distinct: Numbers, counts: NDArray[np.int64]) -> bool:
    """Whether these numbers, each in so many records, begin anew for each person: 1, 2, 3, 1, 2, ...

    Whoever has a third visit has a second one, so no number stands in more records than the one before. Identifiers
    stand in more or fewer as it happens. Numbers that stand in as many each may be either: those that are named after
    records, and that are fewer than the records of each, are no identifiers.
    """
    without_gap = distinct[0] in {0.0, 1.0} and distinct[-1] - distinct[0] == len(distinct) - 1
    if not without_gap or np.maximum(np.diff(counts), 0).sum() >= HOLDERS:
        return False
    falls = counts[0] >= 2 * counts[-1] and counts[0] - counts[-1] >= HOLDERS
    return bool(falls or (names_records(name) and counts.min() >= len(counts)))


def _personal(name: str, whole: list[int]) -> Found | None:
    """Phone numbers, card numbers and national ids without any sign between their digits."""
    texts = [str(value) for value in dict.fromkeys(whole)]
    if min(len(texts[0]), len(texts[-1])) < 6:
        return None
    found = detect_personal(name, texts)
    if found is None or found.of not in _OF_DIGITS:
        return None
    said = found.of is not Replaced.PHONE or found.confidence >= HIGH
    return identifier(found.of, f"{found.reason} (confidence {found.confidence:.2f})") if said else None


def _dates(distinct: Numbers, counts: NDArray[np.int64]) -> Found | None:
    """Dates written as yyyymmdd."""
    if not (distinct[0] >= 1e7 and distinct[-1] < 1e8) or len(distinct) < HOLDERS:
        return None
    form = MomentForm(pattern="%Y%m%d")
    parsed = np.array([form.parse(str(int(value))) is not None for value in distinct])
    years = distinct // 10_000
    likely = parsed & (((years >= YEARS[0]) & (years <= YEARS[1])) | (years == 9999))
    if counts[likely].sum() < DATES_SHARE * counts.sum():
        return None
    return Found(kind=ColumnKind.DATETIME, form=form, reason="whole numbers that are all dates written as yyyymmdd")


def _distinct(name: str, whole: list[int], exact: int) -> Found | None:
    """Whole numbers of which each stands once."""
    if exact < len(whole) or exact < HOLDERS:
        return None
    span = max(whole) - min(whole) + 1
    if span == exact:
        return identifier(Replaced.CODE, "counts the records without a gap")
    if is_called_identifier(name) or is_numbered(name):
        return identifier(Replaced.CODE, "its name is a number's of something, and no two records have the same")
    expected = exact * exact / 2 / span
    same_width = len(str(max(whole))) == len(str(min(whole))) >= 5
    if exact >= UNIQUE_RECORDS and expected >= COINCIDENCES:
        reason = f"no two records have the same number, where chance would have given about {expected:,.0f} such pairs"
        return identifier(Replaced.CODE, reason, f"if it is an amount, say --kind {name}=numerical")
    if same_width and exact >= UNIQUE_RECORDS:
        return Found(
            kind=ColumnKind.NUMERICAL,
            reason="whole numbers",
            doubt=f"all are distinct and of one length: if they are ids, say --kind {name}=identifier",
        )
    return None


def _repeating(name: str, whole: list[int], exact: int) -> Found | None:
    """Codes of which each stands in several records."""
    if exact < NAMED_DISTINCT or not are_repeating_codes(set(whole), len(whole)):
        return None
    return identifier(Replaced.CODE, reason_of_codes(exact, len(whole)), doubt_of_codes(name))


def _quantity(distinct: Numbers, counts: NDArray[np.int64], reason: str) -> Found:
    """A quantity, with markers where it has values out of all proportion to the others."""
    markers = _sentinels(distinct, counts)
    if markers:
        reason += f"; {', '.join(markers)} far from all others, taken for markers of missing values"
    return Found(kind=ColumnKind.NUMERICAL, reason=reason, markers=markers)


def _sentinels(distinct: Numbers, counts: NDArray[np.int64]) -> tuple[str, ...]:
    """Values such as -999 that many records have and that lie far outside of the range of the others."""
    known = np.isin(distinct, SENTINELS) & (counts >= HOLDERS)
    rest = distinct[~known]
    if len(rest) < HOLDERS or not known.any():
        return ()
    low, high = float(rest[0]), float(rest[-1])
    spread = max(high - low, 1.0)
    below = (distinct < low) & (low >= 0) & ((distinct <= -9) | (low - distinct > spread))
    above = (distinct >= 999) & (distinct > high + 2 * spread) & (distinct > 5 * abs(high))
    return tuple(f"{value:.0f}" for value in distinct[known & (below | above)])
