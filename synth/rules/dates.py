"""Parts of dates as numbers: of moments, and of cells that hold a part as a number, as text or as a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import tzinfo
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.calendar_names import MONTHS, SHORT, SHORT_WEEKDAYS, WEEKDAYS
from synth.errors import RuleError
from synth.rules.ends import MICROS
from synth.rules.numbers import Numbers, is_dates, numbers_of
from synth.rules.part_names import MOMENTS, RANGES
from synth.rules.rule import DatePart
from synth.zones import OFFSET, zone_of

Moments = NDArray[np.datetime64]
"""(n,) datetime64[us]; NaT where there is none."""
HOUR, MINUTE, SECOND = 3_600_000_000, 60_000_000, 1_000_000
"""Microseconds in them."""
MONDAY = 3
"""Days from a Monday to 1970-01-01."""
_NUMBER = re.compile(r"[QqWw]?\s?(\d{1,4})", re.ASCII)


def moments_of(column: pd.Series) -> Moments:
    """(n,) the cells of a column of dates. Raises RuleError on anything else."""
    if is_dates(column):
        return column.to_numpy().astype("datetime64[us]")
    if column.isna().all():
        return np.full(len(column), np.datetime64("NaT", "us"))
    raise RuleError(f"rule: column {column.name!r}: expected dates, got others")


def in_zone(moments: Moments, zone: str) -> Moments:
    """(n,) what clocks show in a zone at moments in UTC; the moments themselves where no zone is named."""
    if not zone:
        return moments
    aware = pd.Series(moments).dt.tz_localize("UTC").dt.tz_convert(_known(zone))
    found: Moments = aware.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return found


def from_zone(shown: Moments, zone: str) -> Moments:
    """(n,) the moments in UTC at which clocks in a zone show this, the first of two; NaT where they never do."""
    if not zone:
        return shown
    first = np.ones(len(shown), dtype=np.bool_)
    aware = pd.Series(shown).dt.tz_localize(_known(zone), ambiguous=first, nonexistent="NaT").dt.tz_convert("UTC")
    found: Moments = aware.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return found


@lru_cache(maxsize=64)
def _known(zone: str) -> str | tzinfo:
    """The zone as pandas takes it, which is fast with those of the database that it knows by name."""
    if not OFFSET.fullmatch(zone):
        with suppress(TypeError, KeyError, ValueError):
            pd.DatetimeTZDtype(tz=zone)
            return zone
    return zone_of(zone)


def part_of(shown: Moments, part: str) -> Numbers:
    """(n,) a part of what clocks and calendars show; NaN where there is no date. Moments are days since 1970."""
    absent = np.isnat(shown)
    found = _READS[part](np.where(absent, np.datetime64(0, "us"), shown))
    return np.where(absent, np.nan, found.astype(np.float64))


def _day(moments: Moments) -> NDArray[np.int64]:
    return moments.astype("datetime64[D]").astype(np.int64)


def _month(moments: Moments) -> Moments:
    """(n,) the first day of each one's month."""
    return moments.astype("datetime64[M]")


def _year(moments: Moments) -> Moments:
    return moments.astype("datetime64[Y]")


def _week(moments: Moments) -> NDArray[np.int64]:
    """(n,) weeks of ISO 8601: each is of the year that its Thursday is in."""
    days = _day(moments)
    thursday = days - (days + MONDAY) % 7 + 3
    return (thursday - _day(_year(thursday.astype("datetime64[D]")))) // 7 + 1


_READS: Mapping[str, Callable[[Moments], NDArray[np.int64]]] = {
    "year": lambda x: _year(x).astype(np.int64) + 1970,
    "month": lambda x: _month(x).astype(np.int64) % 12 + 1,
    "day": lambda x: _day(x) - _day(_month(x)) + 1,
    "hour": lambda x: x.astype(np.int64) % MICROS // HOUR,
    "minute": lambda x: x.astype(np.int64) % HOUR // MINUTE,
    "second": lambda x: x.astype(np.int64) % MINUTE // SECOND,
    "weekday": lambda x: (_day(x) + MONDAY) % 7 + 1,
    "day_of_week": lambda x: (_day(x) + MONDAY + 1) % 7 + 1,
    "quarter": lambda x: _month(x).astype(np.int64) % 12 // 3 + 1,
    "week": _week,
    "day_of_year": lambda x: _day(x) - _day(_year(x)) + 1,
    "date": _day,
    "year_month": lambda x: _day(_month(x)),
}


def date_of(parts: Mapping[str, Numbers], unit: int) -> Moments | None:
    """(n,) what clocks and calendars show where it has these parts and is whole in `unit` microseconds.

    NaT where one of them is missing or there is no such day, and None where the parts leave it open.
    """
    times = [(name, size) for name, size in (("hour", HOUR), ("minute", MINUTE), ("second", SECOND)) if unit <= size]
    days = _days_of(parts)
    if days is None or unit < SECOND or not {name for name, _ in times} <= set(parts):
        return None
    micros = days * MICROS
    for name, size in times:
        micros = micros + parts[name] * size
    absent = np.isnan(micros)
    found: Moments = np.where(absent, 0.0, micros).astype(np.int64).astype("datetime64[us]")
    found[absent] = np.datetime64("NaT")
    return found


def _days_of(parts: Mapping[str, Numbers]) -> Numbers | None:
    """(n,) days since 1970; NaN where there is no such day, and None where the parts leave it open."""
    if "date" in parts:
        return parts["date"]
    if not {"year", "month", "day"} <= set(parts):
        return None
    absent = np.isnan(parts["year"] + parts["month"] + parts["day"])
    year, month, day = (np.where(absent, 1.0, parts[name]).astype(np.int64) for name in ("year", "month", "day"))
    first = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1)
    return np.where(absent | (days.astype("datetime64[M]") != first), np.nan, days.astype(np.int64).astype(np.float64))


def part_told(rule: DatePart, cells: Mapping[str, pd.Series]) -> Numbers:
    """(n,) what the target has to be; NaN where there is no date."""
    return part_of(in_zone(moments_of(cells[rule.date]), rule.zone), rule.part) + rule.plus


def part_held(rule: DatePart, column: pd.Series) -> Numbers:
    """(n,) the part that a column holds, with what is added; NaN where it is missing or is no such part.

    Raises RuleError where a part that is a date is held by a column of others.
    """
    found = read_part(column, rule.part, rule.plus)
    if rule.part in MOMENTS:
        return found
    least, most = (end + rule.plus for end in RANGES[rule.part])
    return np.where((found >= least) & (found <= most) & (found % 1 == 0), found, np.nan)


def read_part(column: pd.Series, part: str, plus: int = 0) -> Numbers:
    """(n,) the cells as numbers; names count as what they name, with `plus` added. NaN where a text is none."""
    if part in MOMENTS:
        return np.where(np.isnat(moments := moments_of(column)), np.nan, moments.astype(np.int64) / MICROS)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return numbers_of(column)
    if is_dates(column):
        raise RuleError(f"rule: column {column.name!r}: expected the {part.replace('_', ' ')} of a date, got dates")
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    return np.array([*(_read(str(text), part, plus) for text in distinct), np.nan])[codes]


def _read(text: str, part: str, plus: int) -> float:
    text = text.strip().rstrip(".")
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return float(number[1])
    place = _places(part).get(text.casefold())
    return np.nan if place is None else float(place + plus)


@lru_cache(maxsize=4)
def _places(part: str) -> Mapping[str, int]:
    """The number that each name of a month or a weekday stands for; no two languages contradict one another."""
    tables = {"month": (MONTHS, SHORT), "weekday": (WEEKDAYS, SHORT_WEEKDAYS)}.get(part, ())
    return {
        name.casefold(): place for table in tables for names in table.values() for place, name in enumerate(names, 1)
    }
