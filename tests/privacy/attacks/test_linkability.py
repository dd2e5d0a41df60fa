"""Linkability: does the synthetic table join two halves of a person's record?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy.attacks.linkability import linkability
from privacy.columns import named, only
from privacy.errors import AuditInputError
from privacy.finding import Finding, FindingStatus
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy.attacks.awkward import awkward, copied, fresh, seen, swapped, tables

KEYS = ("linkability.k1", "linkability.k5")
SPLIT = (("amount", "town"), ("born", "gain", "sick"))


def found(given, split=None, seed: int = 0) -> dict[str, Finding]:
    return {f.key: f for f in linkability(seen(given, seed), np.random.default_rng(seed), split=split)}


def test_a_copy_links_everybody():
    for key, finding in found(copied()).items():
        assert key in KEYS
        assert finding.value > 0.95
        assert finding.lower > 0.9


def test_a_share_of_copies_is_measured_as_that_share():
    finding = found(copied(1500, share=0.3))["linkability.k1"]
    assert finding.lower < 0.3 < finding.upper


@pytest.mark.parametrize("draws", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_fresh_records_stay_silent_over_many_draws(draws):
    results = [found(fresh(400, seed), seed=seed) for seed in range(1, draws + 1)]
    for key in KEYS:
        assert sum(result[key].lower > 0 for result in results) <= binom.ppf(0.999, len(results), 0.025)


def test_train_and_holdout_swapped_mirror_the_sign():
    given = copied(share=0.5)
    one, other = found(given), found(swapped(given))
    for key in KEYS:
        assert one[key].lower > 0 > other[key].upper


def grid(n: int, seed: int) -> pd.DataFrame:
    """Whole numbers and categories: distances tie all the time."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: rng.integers(0, 8, n).astype(float) for name in "abcd"} | {"e": rng.choice(["x", "y"], n)}
    )


GRID = TableSchema(
    columns=tuple(
        ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL if name == "e" else ColumnKind.NUMERICAL) for name in "abcde"
    )
)
HALVES = (("a", "b"), ("c", "d", "e"))


def distance(x, y, i: int, j: int) -> float:
    apart = sum(float(abs(mine[i] - theirs[j])) for mine, theirs in zip(x.numbers, y.numbers, strict=True))
    return apart + sum(int(mine[i] != theirs[j]) for mine, theirs in zip(x.codes, y.codes, strict=True))


def near(people, rows, columns) -> list[list[float]]:
    x, y = only(people, columns), only(rows, columns)
    return [[distance(x, y, i, j) for j in range(len(y))] for i in range(len(x))]


@pytest.mark.parametrize("copies", [0, 40])
def test_one_neighbour_with_all_ties_agrees_exactly_with_sets_of_all_nearest(copies):
    train, synthetic = grid(120, 1), pd.concat([grid(120, 1).iloc[:copies], grid(120 - copies, 3)], ignore_index=True)
    evidence = seen(tables(train, grid(120, 2), synthetic, GRID))
    finding = linkability(evidence, np.random.default_rng(0), split=HALVES)[0]
    for side, people in (("train", evidence.train), ("holdout", evidence.holdout)):
        by = [np.array(near(people, evidence.synthetic, named(evidence.columns, half))) for half in HALVES]
        ties = [np.abs(d - d.min(axis=1, keepdims=True)) < 1e-5 for d in by]
        linked = (ties[0] & ties[1]).any(axis=1)
        assert finding.details[f"success_on_{side}"] == linked.mean()


def test_five_neighbours_agree_exactly_with_sorting_all_distances():
    given = fresh(120)
    names = ("amount", "born", "gain")
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in names))
    rng = np.random.default_rng(9)
    frames = [pd.DataFrame({name: rng.normal(size=len(f)) for name in names}) for f in (given.train, given.holdout)]
    frames.append(pd.concat([frames[0].iloc[:30], pd.DataFrame(rng.normal(size=(90, 3)), columns=list(names))]))
    evidence = seen(tables(*frames, schema))
    halves = (names[:1], names[1:])
    finding = linkability(evidence, np.random.default_rng(0), split=halves)[1]
    for side, people in (("train", evidence.train), ("holdout", evidence.holdout)):
        by = [np.array(near(people, evidence.synthetic, named(evidence.columns, half))) for half in halves]
        five = [np.argsort(d, axis=1)[:, :5] for d in by]
        linked = [bool(set(a) & set(b)) for a, b in zip(*(f.tolist() for f in five), strict=True)]
        assert finding.details[f"success_on_{side}"] == np.mean(linked)


def test_the_reviewer_chooses_the_split_and_the_finding_names_it():
    finding = found(copied(), SPLIT)["linkability.k1"]
    assert finding.note == "A: amount, town. B: born, gain, sick."
    assert finding.lower > 0.9
    part = found(copied(), (("amount",), ("born",)))["linkability.k1"]
    assert part.lower > 0.8


def test_the_default_split_gives_both_halves_columns_that_tell_people_apart():
    note = found(fresh())["linkability.k1"].note
    a, b = (set(part.split(": ")[1].rstrip(".").split(", ")) for part in note.split(". "))
    assert a | b == {"amount", "born", "gain", "town", "sick"}
    assert len({"amount", "born"} & a) == len({"amount", "born"} & b) == 1


def test_wrong_splits_are_refused_and_empty_ones_are_not_applicable():
    with pytest.raises(AuditInputError):
        found(fresh(), (("amount",), ("amount", "born")))
    with pytest.raises(AuditInputError):
        found(fresh(), (("amount",), ("no such column",)))
    for finding in found(fresh(), (("person",), ("amount",))).values():
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert "not an identifier" in finding.note


def test_one_synthetic_record_links_everybody_and_so_tells_nothing():
    for finding in found(awkward()["one synthetic row"]).values():
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert "nothing left to gain" in finding.note


@pytest.mark.parametrize("name", list(awkward()))
def test_no_table_makes_it_crash_or_skip_in_silence(name):
    result = found(awkward()[name])
    assert tuple(result) == KEYS
    for finding in result.values():
        assert (finding.status is FindingStatus.MEASURED) == (finding.value is not None)
        assert finding.note


def test_the_same_seed_gives_the_same_findings():
    assert found(fresh(), seed=4) == found(fresh(), seed=4)
