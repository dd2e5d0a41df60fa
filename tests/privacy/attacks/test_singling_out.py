"""Singling out: does what is unique in the synthetic table describe exactly one person?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy.attacks.singling_out import (
    Relation,
    multivariate_predicates,
    only_match,
    searched,
    singling_out,
    univariate_predicates,
)
from privacy.columns import usable
from privacy.finding import Finding, FindingStatus
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy.attacks.awkward import awkward, copied, fresh, mixed, only, seen, swapped, tables

KEYS = ("singling_out.univariate", "singling_out.multivariate", "singling_out.pooled")


def found(given, seed: int = 0) -> dict[str, Finding]:
    return {f.key: f for f in singling_out(seen(given, seed), np.random.default_rng(seed))}


def fits(rows, predicate, i: int) -> bool:
    """One record against one predicate, cell by cell."""
    for clause in predicate:
        place = clause.place
        flag = None if place.code is None else int(rows.codes[place.code][i])
        if place.kind is ColumnKind.CATEGORICAL:
            held = flag == clause.value
        elif clause.relation is Relation.MISSING:
            held = bool(flag)
        elif flag:
            held = False
        else:
            cell, value = rows.numbers[place.number][i], np.float32(clause.value)
            held = {
                Relation.EQUAL: cell == value,
                Relation.AT_LEAST: cell >= value,
                Relation.AT_MOST: cell <= value,
            }[clause.relation]
        if not held:
            return False
    return True


def who(rows, predicate) -> list[int]:
    return [i for i in range(len(rows)) if fits(rows, predicate, i)]


def drawn(evidence, seed: int = 0):
    columns = usable(evidence.columns)
    return (
        univariate_predicates(evidence.synthetic, columns, np.random.default_rng(seed)),
        multivariate_predicates(evidence.synthetic, columns, np.random.default_rng(seed)),
    )


def test_every_predicate_fits_exactly_one_synthetic_record_and_none_is_drawn_twice():
    evidence = seen(fresh(150))
    for predicates in drawn(evidence):
        assert len(predicates) > 100
        assert len(set(predicates)) == len(predicates)
        assert all(len(who(evidence.synthetic, predicate)) == 1 for predicate in predicates[:300])


@pytest.mark.parametrize("given", [fresh(150), copied(150, share=0.4)], ids=["fresh", "copies"])
def test_counts_agree_exactly_with_one_loop_over_all_records(given):
    evidence = seen(given)
    univariate, multivariate = drawn(evidence)
    tables_at_hand = [
        searched(rows, usable(evidence.columns)) for rows in (evidence.train, evidence.holdout, evidence.synthetic)
    ]
    for predicate in [*univariate[:150], *multivariate[:150]]:
        for table in tables_at_hand:
            fit = who(table.rows, predicate)
            assert only_match(table, predicate) == (fit[0] if len(fit) == 1 else -1)


def test_predicates_use_dates_missing_cells_extremes_and_categories():
    frame = mixed(150, 3)
    frame["gain"] = np.where(np.arange(150) == 7, np.nan, 0.0)
    frame.loc[9, "town"] = "elsewhere"
    base = fresh(150)
    univariate, multivariate = drawn(seen(tables(base.train, base.holdout, frame)))
    used = {(clause.place.name, clause.relation) for predicate in univariate for clause in predicate}
    assert ("gain", Relation.MISSING) in used
    assert ("town", Relation.EQUAL) in used
    assert {("born", relation) for relation in (Relation.EQUAL, Relation.AT_LEAST, Relation.AT_MOST)} <= used
    joint = {(clause.place.name, clause.relation) for predicate in multivariate for clause in predicate}
    assert {("amount", Relation.AT_LEAST), ("amount", Relation.AT_MOST), ("amount", Relation.MISSING)} <= joint
    assert {name for name, _ in joint} == {"amount", "born", "town", "gain", "sick"}
    assert {len(predicate) for predicate in multivariate} == {2, 3, 4}
    assert all(len({c.place for c in predicate}) == len(predicate) for predicate in multivariate)


def test_a_copy_singles_everybody_out():
    for finding in found(copied()).values():
        assert finding.value > 0.95
        assert finding.lower > 0.9


def test_a_share_of_copies_is_measured_as_about_that_share():
    """A little less: a description that is unique among the copies may fit two people of train."""
    finding = found(copied(1500, share=0.3))["singling_out.univariate"]
    assert finding.lower < 0.3
    assert finding.value == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("draws", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_fresh_records_stay_silent_over_many_draws(draws):
    results = [found(fresh(400, seed), seed=seed) for seed in range(1, draws + 1)]
    for key in KEYS:
        assert all(result[key].status is FindingStatus.MEASURED for result in results)
        assert sum(result[key].lower > 0 for result in results) <= binom.ppf(0.999, len(results), 0.025)


def test_train_and_holdout_swapped_mirror_the_sign():
    given = copied(share=0.5)
    one, other = found(given), found(swapped(given))
    for key in KEYS:
        assert one[key].lower > 0 > other[key].upper


def test_sides_are_equally_large_whatever_the_tables_are():
    base = fresh(400)
    more = tables(pd.concat([base.train, mixed(800, 99)], ignore_index=True), base.holdout, base.synthetic)
    for finding in found(more).values():
        assert finding.details["train_not_under_attack"] == pytest.approx(2 / 3)
        assert finding.lower < 0 < finding.upper


def test_the_rate_is_per_predicate_found():
    evidence = seen(fresh(400))
    rng = np.random.default_rng(0)
    rows = evidence.synthetic.take(rng.permutation(len(evidence.synthetic)))
    univariate = univariate_predicates(rows, usable(evidence.columns), rng)
    finding = found(fresh(400))["singling_out.univariate"]
    assert finding.n == len(univariate) == finding.details["predicates"]
    table = searched(evidence.train, usable(evidence.columns))
    hits = sum(only_match(table, predicate) >= 0 for predicate in univariate)
    assert finding.details["success_on_train"] == hits / len(univariate)


def test_many_predicates_about_one_person_count_as_few():
    """All that is unique in the synthetic table is one memorised person, in every column."""
    n, columns = 400, [f"c{i}" for i in range(150)]
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in columns))
    plain = pd.DataFrame("a", index=range(n), columns=columns)
    odd = plain.copy()
    odd.loc[3] = "z"
    result = found(tables(odd, plain, odd, schema))["singling_out.univariate"]
    assert result.status is FindingStatus.NOT_APPLICABLE
    assert "tries" in result.note


def test_one_column_has_no_multivariate_predicates():
    result = found(only(fresh(400), "amount"))
    assert result[KEYS[0]].status is FindingStatus.MEASURED
    assert result[KEYS[1]].status is FindingStatus.NOT_APPLICABLE
    assert "one column" in result[KEYS[1]].note


@pytest.mark.parametrize("name", list(awkward()))
def test_no_table_makes_it_crash_or_skip_in_silence(name):
    result = found(awkward()[name])
    assert tuple(result) == KEYS
    for finding in result.values():
        assert (finding.status is FindingStatus.MEASURED) == (finding.value is not None)
        assert finding.note or finding.status is FindingStatus.MEASURED


def test_the_same_seed_gives_the_same_findings():
    assert found(fresh(), 4) == found(fresh(), 4)
