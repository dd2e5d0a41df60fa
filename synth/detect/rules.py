"""Finds rules between the columns of a table: orders, sums, products, times, one-hot groups, and what is missing when.

A rule is found where nearly all people keep it, and where columns that have nothing to do with one another would keep
it far less often: the test permutes a column. So a table of independent columns has no rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import entropy, poisson

from synth.detect.clocks import find_clock_sums
from synth.detect.relations import find_products, find_sums
from synth.detect.unique import drawn_again, find_keys
from synth.errors import RuleError
from synth.people import People, distinct, one_of_each
from synth.protection import HOLDERS
from synth.rules.kept import BROKEN, kept_by
from synth.rules.numbers import Numbers, is_dates, numbers_of, unit_of
from synth.rules.rule import AnyRule, ClockSum, Combination, Linear, NullWhen, OneHot, Order, Product, Unique
from synth.rules.share import Share, share_of
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

LEAST_KEPT = 0.99
"""Share of people who keep a rule that is found."""
SURE_KEPT = 0.999
"""Share who keep a rule that is used without being asked for, unless fewer than HOLDERS people break it: so few must
not decide whether there is a rule."""
FEWEST = 200
"""People, at least, who prove a rule."""
UNLIKELY = -25.0
"""Natural logarithm of the probability that independent columns keep a rule as well, at most: 1e-11, for the 10,000
pairs of a hundred columns."""
FAR_FEWER = 0.1
"""So many people break a rule, of those who would if a column were permuted, at most."""
LEAST_EXPECTED = 0.01
"""Share of people who would break it then, at least."""
RARE = 0.01
"""Share of records whose value is rare, from which on combinations are learnt as a whole."""
MOST_RARE = 0.5
"""With a greater share too few combinations would be left."""
MOST_RECORDS = 20_000
"""Records on which rules are sought, at most."""
FEW_COLUMNS = 60
"""Among more columns, pairs that may be in order by chance are left out before any column is permuted."""
CHANCE_LOOK = 1_000
"""Records that have both columns by which such pairs are left out, at most."""
SPARE = 3
"""Records that may break the order there beyond the share that is allowed: among so few records chance adds some."""
PAIR_LOOK = 500
"""Records by which it is told first whether two columns may be in order."""
MOST_COLUMNS = 400
"""Columns among which each kind of rule is sought, at most: the first ones."""
MOST_CATEGORIES = 50
"""Of a column on whose categories others may be missing."""


Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundRule:
    """A rule that a table keeps."""

    rule: AnyRule
    share: Share
    sure: bool
    """Whether it is used without being asked for"""
    chance: float | None = None
    """Share of people who would keep it by chance in one record; None where that is not how it was found"""
    several: bool = False
    """Whether people have several records, and `share` is of all of them"""
    note: str = ""
    """What else there is to say of it"""

    @property
    def why(self) -> str:
        """In a line, without a value of the data."""
        if self.chance is None or self.share.kept is None:
            return self.note
        kept, chance = _percent(self.share.kept), _percent(self.chance)
        if self.several:
            said = f"kept by {kept} of people in all their records; by chance {chance} would keep it in one record"
        else:
            said = f"kept by {kept} of people; by chance {chance} would keep it"
        return f"{said}; {self.note}" if self.note else said


def find_rules(
    cells: pd.DataFrame, schema: TableSchema, people: People, rng: np.random.Generator
) -> tuple[FoundRule, ...]:
    """The rules of a table of values (`synth.table.values.values_of`), the surest kinds first."""
    n = len(cells)
    if n > MOST_RECORDS:
        part = np.sort(rng.choice(n, MOST_RECORDS, replace=False))
        cells, people = cells.iloc[part].reset_index(drop=True), people[part]
    people = np.unique(people, return_inverse=True)[1].astype(np.int64)
    if distinct(people) < FEWEST:
        return ()
    search = Search(cells=cells, schema=schema, people=people, rng=rng)
    groups = list(search.groups())
    grouped = {name for each in groups for name in each.rule.columns}
    sums = [*search.sums(grouped)]
    found = [*groups, *sums, *search.products(grouped), *search.clock_sums()]
    return (*found, *search.combinations(), *search.orders(grouped), *search.blanks(), *search.keys())


def find_rules_of_people(
    values: Callable[[str], pd.Series], schema: TableSchema, people: People, rng: np.random.Generator
) -> list[FoundRule]:
    """The rules of a table whose people may have several records: found among one record of each, kept by all others.

    So nobody's records count more than another's. `values` gives a column.
    """
    rows = one_of_each(people, rng)
    if len(rows) > MOST_RECORDS:
        rows = np.sort(rng.choice(rows, MOST_RECORDS, replace=False))
    learnt = [spec.name for spec in schema if spec.kind is not ColumnKind.IDENTIFIER]
    cells = pd.DataFrame({name: values(name).iloc[rows].reset_index(drop=True) for name in learnt})
    found = find_rules(cells, schema, people[rows], rng)
    several = len(np.unique(people)) < len(people)
    # what some of the records have in none but one may be repeated in others
    checked = [
        each if not several and not isinstance(each.rule, Unique) else confirmed(each, values, people) for each in found
    ]
    return [each for each in checked if each is not None]


def confirmed(found: FoundRule, values: Callable[[str], pd.Series], people: People) -> FoundRule | None:
    """A rule that was found among one record of each person, as all their records keep it; None where they do not."""
    rule, cells = found.rule, {name: values(name) for name in found.rule.columns}
    if isinstance(rule, Combination):
        source, *others = (pd.factorize(cells[name], use_na_sentinel=False)[0] for name in rule.columns)
        broken = max(len(np.unique(people[_odd_ones(source, each)])) for each in others)
        return found if broken < HOLDERS else None
    share = share_of(rule, cells, people)
    if isinstance(rule, Order) and rule.strict and share.broken >= HOLDERS:
        rule = replace(rule, strict=False)
        share = share_of(rule, cells, people)
    if share.kept is None or (share.kept < LEAST_KEPT and share.broken >= HOLDERS):
        return None
    sure = found.sure and (share.broken < HOLDERS or share.kept >= SURE_KEPT)
    return replace(found, rule=rule, share=share, sure=sure, several=len(np.unique(people)) < len(people))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Search:
    """Where rules are sought."""

    cells: pd.DataFrame
    schema: TableSchema
    people: People
    rng: np.random.Generator

    def groups(self) -> Iterator[FoundRule]:
        """One-hot groups."""
        binary = [name for name in self._numeric(categories=True) if self._is_binary(name)]
        ones = {name: np.nan_to_num(numbers_of(self.cells[name])) for name in binary}
        taken = set[str]()
        for at, name in enumerate(binary):
            if name in taken:
                continue
            group = exclusive_group(binary[at:], ones, taken)
            found = self._proved(OneHot(columns=tuple(group))) if len(group) > 1 else None
            if found is not None:
                taken |= set(group)
                yield found

    def sums(self, grouped: set[str]) -> Iterator[FoundRule]:
        """Sums, differences and equalities of numbers, and of dates in days."""
        names = [name for name in self._numeric() if name not in grouped]
        targets = set[str]()
        if len(names) < 2:
            return
        table, names, dates = self._complete(names)
        for rule in find_sums(table, names, dates, self.rng):
            found = self._proved(rule) if rule.target not in targets else None
            if found is not None:
                targets.add(rule.target)
                yield found

    def products(self, grouped: set[str]) -> Iterator[FoundRule]:
        """Products of two columns."""
        names = [n for n in self._numeric() if n not in grouped and not is_dates(self.cells[n])]
        targets = set[str]()
        if len(names) < 3:
            return
        table, names, _ = self._complete(names)
        for rule in find_products(table, names):
            found = self._proved(rule) if rule.target not in targets else None
            if found is not None:
                targets.add(rule.target)
                yield found

    def clock_sums(self) -> Iterator[FoundRule]:
        """Times of day as numbers HHMM, and the minutes between them, which may be the target: it stays learnt."""
        target = self.schema.with_role(ColumnRole.TARGET)
        names = [*self._numeric(), *([target] if target and self._is_plain_number(target) else [])]
        numbers = {name: numbers_of(self.cells[name]) for name in names if not is_dates(self.cells[name])}
        targets = set[str]()
        for rule in find_clock_sums(numbers):
            found = self._proved(rule) if rule.target not in targets else None
            if found is not None:
                targets.add(rule.target)
                yield found

    def orders(self, grouped: set[str]) -> Iterator[FoundRule]:
        """Orders of two numbers or two dates; those that follow from others are left out."""
        names = [name for name in self._numeric() if name not in grouped]
        numbers = {name: numbers_of(self.cells[name]) for name in names}
        dates = {name: is_dates(self.cells[name]) for name in names}
        ends = {name: (float(np.nanmin(each)), float(np.nanmax(each))) for name, each in numbers.items()}
        found = dict[tuple[str, str], FoundRule]()
        for low in names:
            for high in names:
                # ranges that hardly overlap are no rule
                if low == high or dates[low] != dates[high] or ends[low][1] <= ends[high][0]:
                    continue
                if not _may_be_ordered(numbers[low], numbers[high]):
                    continue
                if len(names) > FEW_COLUMNS and not _beats_chance(numbers[low], numbers[high]):
                    continue
                each = self._proved(Order(low=low, high=high))
                if each is not None:
                    # few people who have both the same must not be told by the sign
                    same = self.people[numbers[low] == numbers[high]]
                    strict = distinct(same) < HOLDERS
                    found[low, high] = replace(each, rule=Order(low=low, high=high, strict=strict))
        for (low, high), each in found.items():
            between = any((low, other) in found and (other, high) in found for other in names)
            if not between and (high, low) not in found:
                yield self._as_simple(each, numbers[low], numbers[high])

    def combinations(self) -> Iterator[FoundRule]:
        """Columns that another one determines, of which many values are too rare to be looked up by themselves."""
        names = [s.name for s in self.schema if s.kind is ColumnKind.CATEGORICAL and s.role is ColumnRole.FEATURE]
        codes = {name: pd.factorize(self.cells[name], use_na_sentinel=False)[0] for name in names[:MOST_COLUMNS]}
        for source, of in codes.items():
            times = np.bincount(of)
            rare = float((times[of] < HOLDERS).mean())
            if len(times) < FEWEST / 10 or not RARE <= rare <= MOST_RARE:
                continue
            others = [name for name in codes if name != source and self._determines(of, codes[name])]
            if others:
                broken = max(_disagreeing(of, codes[name]) for name in others)
                n = len(of)
                share = Share(people=n, broken=broken, records=broken, unknown=0, lines=())
                note = f"each value of {source!r} has one of {others[0]!r}"
                yield FoundRule(rule=Combination(columns=(source, *others)), share=share, sure=True, note=note)

    def _determines(self, source: Codes, column: Codes) -> bool:
        """Whether all records but a few with one code of the source have one of the column."""
        if len(np.bincount(column)) < 2 or len(np.bincount(column)) > len(np.bincount(source)):
            return False
        broken = _disagreeing(source, column)
        expected = _disagreeing(source, self.rng.permutation(column))
        return broken < HOLDERS and broken <= FAR_FEWER * expected and poisson.logcdf(broken, expected) <= UNLIKELY

    def blanks(self) -> Iterator[FoundRule]:
        """Columns that are missing where another one has a certain category."""
        # a column that writes missing values as text, such as NA, is missing together with others by `synth.missing`
        learnt = [n for n in self.schema.of_kind(*_LEARNT) if not self.schema[n].markers]
        absent = {n: missing for n in learnt if 0.01 <= (missing := self.cells[n].isna().to_numpy()).mean() <= 0.95}
        if not absent:
            return
        names, gone = list(absent), np.column_stack([*absent.values()]).astype(np.float32)
        for other in self.schema.of_kind(ColumnKind.CATEGORICAL):
            codes, distinct = pd.factorize(self.cells[other])
            if not 2 <= len(distinct) <= MOST_CATEGORIES:
                continue
            has = (codes[:, None] == np.arange(len(distinct))).astype(np.float32)
            records = has.sum(0)
            share = (has.T @ gone).astype(np.float64) / records[:, None]
            enough = (records >= FEWEST / 4)[:, None] & (share >= LEAST_KEPT)
            for place, code in np.argwhere(enough.T):
                if names[place] != other:
                    found = self._proved(NullWhen(column=names[place], other=other, value=str(distinct[code])))
                    if found is not None:
                        yield found

    def keys(self) -> Iterator[FoundRule]:
        """Columns in which no two records are the same, though some would be by chance."""
        kinds = (ColumnKind.CATEGORICAL, ColumnKind.NUMERICAL, ColumnKind.DATETIME)
        names = [s.name for s in self.schema if s.kind in kinds and s.role is ColumnRole.FEATURE and not s.markers]
        for columns in find_keys(self.cells, names):
            found = self._proved(Unique(columns=columns))
            if found is not None:
                yield found

    def _as_simple(self, found: FoundRule, low: Numbers, high: Numbers) -> FoundRule:
        """Without being sure where the later column has values that repeat and the gap has not: they would be lost."""
        both = ~np.isnan(low) & ~np.isnan(high)
        unit = unit_of(np.r_[low[both], high[both]], dates=False)
        gap = high[both] - low[both]
        gap = unit.count(gap) if unit.per else gap
        if _entropy(gap) <= _entropy(high[both]) + 0.1:
            return found
        return replace(found, sure=False, note="values that repeat would be lost, so it is kept only if you declare it")

    def _proved(self, rule: AnyRule) -> FoundRule | None:
        """The rule with its share; None where too few keep it, or columns that are permuted keep it as well."""
        try:
            share = share_of(rule, {name: self.cells[name] for name in rule.columns}, self.people)
        except RuleError:
            return None
        if share.kept is None or share.people < FEWEST / 4 or share.kept < LEAST_KEPT:
            return None
        expected = min(self._expected(rule, name) for name in _decisive(rule))
        least = share.people * (0.0 if isinstance(rule, OneHot) else LEAST_EXPECTED)
        if expected < least or share.broken > FAR_FEWER * expected:
            return None
        if poisson.logcdf(share.broken, expected) > UNLIKELY:
            return None
        # dates may be mistyped; numbers of which one is mostly greater may just be so
        loose = isinstance(rule, Order) and not is_dates(self.cells[rule.low])
        sure = share.broken < HOLDERS or (share.kept >= SURE_KEPT and not loose)
        if loose and share.kept < SURE_KEPT and not sure:
            return None
        return FoundRule(rule=rule, share=share, sure=sure, chance=1 - expected / share.people)

    def _expected(self, rule: AnyRule, name: str) -> float:
        """How many people break the rule where this column is permuted; all but one of a one-hot group are."""
        cells = {column: self.cells[column] for column in rule.columns}
        if isinstance(rule, Unique) and len(rule.columns) == 1:
            cells = {name: drawn_again(cells[name], self.rng)}
            return float(distinct(self.people[kept_by(rule, cells, self.people) == BROKEN]))
        moved = rule.columns[1:] if isinstance(rule, OneHot) else (name,)
        for column in moved:
            present = np.flatnonzero(cells[column].notna().to_numpy())
            order = np.arange(len(self.cells))
            order[present] = self.rng.permutation(present)
            if isinstance(rule, NullWhen):
                order = self.rng.permutation(len(self.cells))
            cells[column] = cells[column].take(order).reset_index(drop=True)
        broken = self.people[kept_by(rule, cells, self.people) == BROKEN]
        return float(distinct(broken))

    def _numeric(self, *, categories: bool = False) -> list[str]:
        """Columns of numbers or dates that are no more than numbers: not the target, and without markers."""
        kinds = (ColumnKind.NUMERICAL, ColumnKind.DATETIME, *([ColumnKind.CATEGORICAL] if categories else []))
        roles = {ColumnRole.FEATURE, ColumnRole.ORDER}
        plain = [s for s in self.schema if s.kind in kinds and s.role in roles and not s.markers]
        return [s.name for s in plain if self.cells[s.name].notna().any()][:MOST_COLUMNS]

    def _is_plain_number(self, name: str) -> bool:
        spec = self.schema[name]
        return spec.kind is ColumnKind.NUMERICAL and not spec.markers

    def _is_binary(self, name: str) -> bool:
        column = self.cells[name]
        if column.nunique() > 2:
            return False
        try:
            return set(np.unique(numbers_of(column.dropna()))) <= {0.0, 1.0}
        except RuleError:
            return False

    def _complete(self, names: Sequence[str]) -> tuple[Numbers, list[str], list[bool]]:
        """(the records in which no cell of the columns is missing, their names, which are dates).

        Columns of which many cells are missing are left out until enough records are left.
        """
        table = np.column_stack([numbers_of(self.cells[name]) for name in names])
        left = np.argsort(np.isnan(table).mean(0), kind="stable").tolist()
        while left:
            complete = ~np.isnan(table[:, left]).any(1)
            if complete.sum() >= 4 * len(left) + 100:
                break
            left = left[:-1]
        left = sorted(left)
        complete = ~np.isnan(table[:, left]).any(1)
        kept = [names[c] for c in left]
        return table[np.ix_(complete, left)], kept, [is_dates(self.cells[name]) for name in kept]


_LEARNT = (ColumnKind.CATEGORICAL, ColumnKind.NUMERICAL, ColumnKind.DATETIME)


def is_sought_in_part(schema: TableSchema) -> bool:
    """Whether a table has more columns than rules are sought among."""
    quantities = schema.of_kind(ColumnKind.NUMERICAL, ColumnKind.DATETIME)
    return max(len(quantities), len(schema.of_kind(ColumnKind.CATEGORICAL))) > MOST_COLUMNS


def exclusive_group(names: Sequence[str], ones: dict[str, Numbers], taken: set[str]) -> list[str]:
    """The columns of which each record has one, beginning with the first; one column where there is no such group."""
    group, total = [names[0]], ones[names[0]]
    for name in names[1:]:
        full = _nearly_all(total > 0)
        if full and _stem(name) != _stem(group[-1]):
            break
        overlap = int(((total > 0) & (ones[name] > 0)).sum())
        if name not in taken and overlap < max(HOLDERS, (1 - SURE_KEPT) * len(total)):
            group.append(name)
            total = total + ones[name]
    return group if _nearly_all(total > 0) else group[:1]


def _nearly_all(met: NDArray[np.bool_]) -> bool:
    """Whether nearly all records are so: fewer than HOLDERS of them do not decide."""
    return int((~met).sum()) < max(HOLDERS, (1 - LEAST_KEPT) * len(met))


def _stem(name: str) -> str:
    return re.sub(r"\d+\Z", "", name)


def _odd_ones(source: Codes, column: Codes) -> NDArray[np.bool_]:
    """(records,) which have another code than most of those with the same code of the source."""
    frame = pd.DataFrame({"source": source, "column": column})
    most = frame.groupby(["source", "column"]).size().groupby("source").idxmax().map(lambda pair: pair[1])
    found: NDArray[np.bool_] = (frame["source"].map(most) != frame["column"]).to_numpy()
    return found


def _disagreeing(source: Codes, column: Codes) -> int:
    """Records that do not have the column's most frequent code of those with the same code of the source."""
    both = pd.Series(source.astype(np.int64) * (int(column.max()) + 1) + column).value_counts()
    most = both.groupby(both.index // (int(column.max()) + 1)).max()
    return int(len(source) - most.sum())


def _decisive(rule: AnyRule) -> tuple[str, ...]:
    """The columns each of which has to matter."""
    if isinstance(rule, Linear | Product | ClockSum | Unique):
        return rule.columns
    return rule.columns[:1]


def _may_be_ordered(low: Numbers, high: Numbers) -> bool:
    """Whether the first of the records that have both keep the order."""
    first = slice(0, PAIR_LOOK)
    # most pairs are told by their first records; a comparison with a missing number is false
    if (low[first] > high[first]).sum() > 0.03 * PAIR_LOOK:
        return False
    both: NDArray[np.bool_] = ~np.isnan(low) & ~np.isnan(high)
    if both.sum() < FEWEST / 4:
        return False
    kept = low[both][:PAIR_LOOK] <= high[both][:PAIR_LOOK]
    return bool(kept.mean() >= 0.97)


def _beats_chance(low: Numbers, high: Numbers) -> bool:
    """Whether the first of the records may keep the order more often than records of columns drawn apart."""
    both = np.flatnonzero(~np.isnan(low) & ~np.isnan(high))[:CHANCE_LOOK]
    x, y = low[both], high[both]
    apart = float(np.searchsorted(np.sort(y), x).mean())
    return apart >= LEAST_EXPECTED / 2 * len(both) and int((x > y).sum()) <= 2 * FAR_FEWER * apart + SPARE


def _entropy(x: Numbers) -> float:
    return float(entropy(np.unique(x, return_counts=True)[1]))


def _percent(share: float) -> str:
    """In per cent, never rounded up to all."""
    shown = f"{np.floor(share * 1000) / 10:.1f}"
    return f"{shown.removesuffix('.0')} %"
