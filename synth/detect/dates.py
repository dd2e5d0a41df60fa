"""Finds columns that hold a part of another one's date: the month of an admission, the local hour of a flight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.detect.moments import PLACES
from synth.detect.proof import LEAST_KEPT, FoundRule, Sample
from synth.detect.words import words_of
from synth.protection import HOLDERS
from synth.rules.dates import Moments, in_zone, moments_of, part_of, read_part
from synth.rules.ends import MICROS
from synth.rules.numbers import Numbers, is_dates
from synth.rules.part_names import MOMENTS, NAMED, PARTS, RANGES
from synth.rules.rule import DatePart
from synth.rules.share import share_of
from synth.table.schema import ColumnRole
from synth.written.moments import MomentForm

LOOK = 500
"""Records that have the date by which it is told first what a column may hold."""
FEWEST = 50
"""Of these, records at least that have the column."""
MOSTLY = 0.97
"""Share of them that hold the part, at least: all records prove it afterwards."""
MOST_DATES = 40
"""Columns of dates, at most: the first ones."""
OFFSETS = (
    *(f"{'-' if hours < 0 else '+'}{abs(hours):02}:00" for hours in range(-12, 15) if hours),
    *("+03:30", "+04:30", "+05:30", "+05:45", "+06:30", "+09:30", "-03:30"),
)
FROM_ZERO = ("weekday", "day_of_week", "month")
"""Parts that are also counted from 0."""


Rows = NDArray[np.int64]
"""Places of records."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Held:
    """A column that may hold a part of a date."""

    name: str
    part: str
    plus: int
    numbers: Numbers
    """(records,); NaN where it is missing or holds no such part"""


def find_date_parts(sample: Sample) -> Iterator[FoundRule]:
    """Rules of which each column is in one at most, told in the zone that most parts of its date are told in."""
    places = [s for s in sample.schema if s.kind.is_moment and is_dates(sample.cells[s.name])]
    dates = {spec.name: moments_of(sample.cells[spec.name]) for spec in places[:MOST_DATES]}
    held = [each for spec in sample.schema for each in _held(sample, spec.name)] if dates else []
    best: dict[str, tuple[float, DatePart]] = {}
    for spec in places[:MOST_DATES]:
        form = spec.value_form
        own = form.place if isinstance(form, MomentForm) and form.place != "UTC" else ""
        others = [each for each in held if each.name != spec.name]
        for kept, rule in _of_date(spec.name, dates[spec.name], others, ["", *dict.fromkeys((own, *PLACES, *OFFSETS))]):
            if rule.target not in best or kept > best[rule.target][0]:
                best[rule.target] = kept, rule
    rules = [rule for _, rule in best.values()]
    proved = {rule: sample.proved(rule) for rule in rules}
    beside = {(rule.date, rule.zone) for rule, found in proved.items() if found is not None}
    for rule, found in proved.items():
        each = found or (_constant(sample, rule) if (rule.date, rule.zone) in beside else None)
        if each is not None:
            yield each


def _constant(sample: Sample, rule: DatePart) -> FoundRule | None:
    """The rule where a part is the same for all dates, and one of another part holds: it is no chance by its name.

    The one year of all dates needs no name.
    """
    if rule.part != "year" and rule.part not in words_of(rule.target):
        return None
    share = share_of(rule, {name: sample.cells[name] for name in rule.columns}, sample.people)
    if share.kept is None or share.broken >= HOLDERS:
        return None
    note = f"another column holds a part of {rule.date!r} as well"
    return FoundRule(rule=rule, share=share, sure=True, note=note)


def _held(sample: Sample, name: str) -> Iterator[_Held]:
    """What parts a column may hold."""
    spec = sample.schema[name]
    if not spec.kind.is_learnt or spec.role is not ColumnRole.FEATURE or spec.markers:
        return
    column = sample.cells[name]
    if column.isna().all():
        return
    if is_dates(column):
        micros = moments_of(column)
        whole = np.isnat(micros) | (micros.astype(np.int64) % MICROS == 0)
        yield from (
            _Held(name=name, part=part, plus=0, numbers=read_part(column, part)) for part in MOMENTS if whole.all()
        )
        return
    digits, text = read_part(column, "day"), not pd.api.types.is_numeric_dtype(column.dtype)
    for part, (low, high) in RANGES.items():
        named = text and part in NAMED
        numbers = read_part(column, part) if named else digits
        for plus in (0, -1) if part in FROM_ZERO and not named else (0,):
            fits = (numbers >= low + plus) & (numbers <= high + plus) & (numbers % 1 == 0)
            if fits.sum() >= MOSTLY * column.notna().sum():
                yield _Held(name=name, part=part, plus=plus, numbers=np.where(fits, numbers, np.nan))


def _of_date(date: str, moments: Moments, held: list[_Held], zones: list[str]) -> Iterator[tuple[float, DatePart]]:
    """(share of records that keep it, rule) for each column that holds a part of one date, the best one."""
    there = np.flatnonzero(~np.isnat(moments))
    if (moments[there].astype(np.int64) % MICROS == 0).all():  # days are told in no zone, and are their own dates
        zones, held = [""], [each for each in held if each.part != "date"]
    kept = {}
    for zone in zones:
        likely = [each for each, same in _same(moments[there[:LOOK]], there[:LOOK], held, zone) if _mostly(same)]
        for each, same in _same(moments[there], there, likely, zone):
            kept[each.name, zone, each.part, each.plus] = float(np.nansum(same))
    yield from _chosen(date, kept, zones, there, {each.name: each.numbers for each in held})


def _same(moments: Moments, rows: Rows, held: list[_Held], zone: str) -> Iterator[tuple[_Held, Numbers]]:
    """(the column, 1 where it holds the part of these records' moments, 0 where not, NaN where it has none)."""
    shown = in_zone(moments, zone)
    parts = {part: part_of(shown, part) for part in {each.part for each in held}}
    for each in held:
        x = each.numbers[rows]
        yield each, np.where(np.isnan(x), np.nan, (x == parts[each.part] + each.plus).astype(np.float64))


def _mostly(same: Numbers) -> bool:
    known = same[~np.isnan(same)]
    return len(known) >= FEWEST and float(known.mean()) >= MOSTLY


def _chosen(
    date: str,
    kept: Mapping[tuple[str, str, str, int], float],
    zones: list[str],
    there: Rows,
    held: Mapping[str, Numbers],
) -> Iterator[tuple[float, DatePart]]:
    """Of each column the part that most records keep; of several zones the one that serves most columns."""
    most: dict[str, float] = {}
    for (name, *_), records in kept.items():
        most[name] = max(most.get(name, 0.0), records)
    good = [key for key, records in kept.items() if records == most[key[0]]]
    votes = {zone: len({name for name, other, *_ in good if other == zone}) for zone in zones}
    for name, records in most.items():
        ways = [key for key in good if key[0] == name]
        _, zone, part, plus = min(ways, key=lambda k: (-votes[k[1]], zones.index(k[1]), PARTS.index(k[2]), -k[3]))
        share = records / max(1, int((~np.isnan(held[name][there])).sum()))
        if share >= LEAST_KEPT - 0.01:
            yield share, DatePart(target=name, date=date, part=part, zone=zone, plus=plus)
