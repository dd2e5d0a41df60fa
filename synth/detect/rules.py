"""Finds rules between the columns of a table: orders, sums, products, times, dates, one-hot groups, what is missing.

A rule is found where nearly all people keep it, and where columns that have nothing to do with one another would keep
it far less often: the test permutes a column. So a table of independent columns has no rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from synth.detect.clocks import find_clock_sums
from synth.detect.combinations import find_combinations, odd_ones
from synth.detect.dates import find_date_parts
from synth.detect.groups import find_groups
from synth.detect.orders import find_orders
from synth.detect.proof import FEWEST, LEAST_KEPT, MOST_COLUMNS, SURE_KEPT, FoundRule, Sample
from synth.detect.relations import find_products, find_sums
from synth.detect.unique import find_keys
from synth.people import People, distinct, one_of_each
from synth.protection import HOLDERS
from synth.rules.numbers import is_dates, numbers_of
from synth.rules.rule import Combination, NullWhen, Order, Unique
from synth.rules.share import share_of
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

MOST_RECORDS = 20_000
"""Records on which rules are sought, at most."""
MOST_CATEGORIES = 50
"""Of a column on whose categories others may be missing."""
_LEARNT = (ColumnKind.CATEGORICAL, ColumnKind.NUMERICAL, ColumnKind.DATETIME)


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
    sample = Sample(cells=cells, schema=schema, people=people, rng=rng)
    groups = list(find_groups(sample))
    grouped = {name for each in groups for name in each.rule.columns}
    sums = [*_sums(sample, grouped)]
    found = [*groups, *sums, *_products(sample, grouped), *_clock_sums(sample), *find_date_parts(sample)]
    return (*found, *find_combinations(sample), *find_orders(sample, grouped), *_blanks(sample), *_keys(sample))


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
        broken = max(len(np.unique(people[odd_ones(source, each)])) for each in others)
        return found if broken < HOLDERS else None
    share = share_of(rule, cells, people)
    if isinstance(rule, Order) and rule.strict and share.broken >= HOLDERS:
        rule = replace(rule, strict=False)
        share = share_of(rule, cells, people)
    if share.kept is None or (share.kept < LEAST_KEPT and share.broken >= HOLDERS):
        return None
    sure = found.sure and (share.broken < HOLDERS or share.kept >= SURE_KEPT)
    return replace(found, rule=rule, share=share, sure=sure, several=len(np.unique(people)) < len(people))


def is_sought_in_part(schema: TableSchema) -> bool:
    """Whether a table has more columns than rules are sought among."""
    quantities = schema.of_kind(ColumnKind.NUMERICAL, ColumnKind.DATETIME)
    return max(len(quantities), len(schema.of_kind(ColumnKind.CATEGORICAL))) > MOST_COLUMNS


def _sums(sample: Sample, grouped: set[str]) -> Iterator[FoundRule]:
    """Sums, differences and equalities of numbers, and of dates in days."""
    names = [name for name in sample.numeric() if name not in grouped]
    targets = set[str]()
    if len(names) < 2:
        return
    table, names, dates = sample.complete(names)
    for rule in find_sums(table, names, dates, sample.rng):
        found = sample.proved(rule) if rule.target not in targets else None
        if found is not None:
            targets.add(rule.target)
            yield found


def _products(sample: Sample, grouped: set[str]) -> Iterator[FoundRule]:
    """Products of two columns."""
    names = [n for n in sample.numeric() if n not in grouped and not is_dates(sample.cells[n])]
    targets = set[str]()
    if len(names) < 3:
        return
    table, names, _ = sample.complete(names)
    for rule in find_products(table, names):
        found = sample.proved(rule) if rule.target not in targets else None
        if found is not None:
            targets.add(rule.target)
            yield found


def _clock_sums(sample: Sample) -> Iterator[FoundRule]:
    """Times of day as numbers HHMM, and the minutes between them, which may be the target: it stays learnt."""
    target = sample.schema.with_role(ColumnRole.TARGET)
    names = [*sample.numeric(), *([target] if target and _is_plain_number(sample.schema[target]) else [])]
    numbers = {name: numbers_of(sample.cells[name]) for name in names if not is_dates(sample.cells[name])}
    targets = set[str]()
    for rule in find_clock_sums(numbers):
        found = sample.proved(rule) if rule.target not in targets else None
        if found is not None:
            targets.add(rule.target)
            yield found


def _blanks(sample: Sample) -> Iterator[FoundRule]:
    """Columns that are missing where another one has a certain category."""
    # a column that writes missing values as text, such as NA, is missing together with others by `synth.missing`
    learnt = [n for n in sample.schema.of_kind(*_LEARNT) if not sample.schema[n].markers]
    absent = {n: missing for n in learnt if 0.01 <= (missing := sample.cells[n].isna().to_numpy()).mean() <= 0.95}
    if not absent:
        return
    names, gone = list(absent), np.column_stack([*absent.values()]).astype(np.float32)
    for other in sample.schema.of_kind(ColumnKind.CATEGORICAL):
        codes, distinct = pd.factorize(sample.cells[other])
        if not 2 <= len(distinct) <= MOST_CATEGORIES:
            continue
        has = (codes[:, None] == np.arange(len(distinct))).astype(np.float32)
        records = has.sum(0)
        share = (has.T @ gone).astype(np.float64) / records[:, None]
        enough = (records >= FEWEST / 4)[:, None] & (share >= LEAST_KEPT)
        for place, code in np.argwhere(enough.T):
            if names[place] != other:
                found = sample.proved(NullWhen(column=names[place], other=other, value=str(distinct[code])))
                if found is not None:
                    yield found


def _keys(sample: Sample) -> Iterator[FoundRule]:
    """Columns in which no two records are the same, though some would be by chance."""
    kinds = (ColumnKind.CATEGORICAL, ColumnKind.NUMERICAL, ColumnKind.DATETIME)
    names = [s.name for s in sample.schema if s.kind in kinds and s.role is ColumnRole.FEATURE and not s.markers]
    for columns in find_keys(sample.cells, names):
        found = sample.proved(Unique(columns=columns))
        if found is not None:
            yield found


def _is_plain_number(spec: ColumnSpec) -> bool:
    return spec.kind is ColumnKind.NUMERICAL and not spec.markers
