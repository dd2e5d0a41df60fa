"""The worst-off records: a leak that only concerns them is seen, at any size, and nothing says who they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy.attacks.subgroups import subgroups
from privacy.attacks.vulnerable import SMALL_INTERSECTION, smallest_intersection, vulnerable
from privacy.distance import Encoded, directions, encode, nearest
from privacy.evidence import gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables
from tests.privacy import adult

REPRODUCED = "vulnerable.excess_reproduced"


def found(tables: AuditTables) -> dict[str, Finding]:
    evidence = gather(tables, np.random.default_rng(0))
    return {f.key: f for f in (*vulnerable(evidence), *subgroups(evidence))}


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return adult.fresh(41, n=2500, reference=600)


@pytest.fixture(scope="module")
def fresh(tables) -> dict[str, Finding]:
    return found(tables)


def test_on_fresh_rows_every_subset_is_measured_and_silent(fresh):
    for key, finding in fresh.items():
        assert finding.status is FindingStatus.MEASURED, key
        assert finding.lower <= finding.baseline <= finding.upper or key == "subgroups.worst_auc", key
    assert fresh["subgroups.worst_auc"].lower <= 0.5
    assert fresh[REPRODUCED].upper <= 0.05


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_fifty_outliers_are_seen_verbatim_and_jittered(tables, jitter):
    findings = found(adult.outliers_memorised(tables, jitter=jitter))
    for key in ("vulnerable.auc", "vulnerable.achilles_auc"):
        assert findings[key].lower > 0.65, key
    assert findings[REPRODUCED].lower > 0.1


def holders_only(tables: AuditTables, column: str, rarest: int) -> AuditTables:
    """The synthetic table holds the records of train with the rarest categories of a column."""
    counts = pd.concat([tables.train[column], tables.holdout[column]]).value_counts()
    rare = tables.train[tables.train[column].isin(counts.index[-rarest:])]
    return adult.with_synthetic(tables, pd.concat([rare, tables.synthetic.iloc[len(rare) :]]))


def test_a_leak_of_those_with_rare_categories_is_seen_among_them(tables):
    leaking = holders_only(tables, "native_country", 38)
    findings = found(leaking)
    assert findings["vulnerable.rare_auc"].lower > 0.65
    assert findings["vulnerable.rare_auc"].value > findings["vulnerable.auc"].value


def test_a_leak_of_extreme_numbers_is_seen_among_their_holders(tables):
    extreme = tables.train.nlargest(60, "fnlwgt")
    leaking = adult.with_synthetic(tables, pd.concat([extreme, tables.synthetic.iloc[60:]]))
    assert found(leaking)["vulnerable.extreme_auc"].lower > 0.5


def naive_small_intersections(rows: Encoded) -> np.ndarray:
    """For each record the sum over its small intersections of one over those who hold them, pair by pair."""
    n, total = len(rows), np.zeros(len(rows))
    for i in range(n):
        for a in range(len(rows.codes)):
            for b in range(a):
                first, second = rows.codes[a] == rows.codes[a][i], rows.codes[b] == rows.codes[b][i]
                if min(first.sum(), second.sum()) > SMALL_INTERSECTION >= (first & second).sum():
                    total[i] += 1 / (first & second).sum()
    return total


def test_small_intersections_are_what_their_definition_says():
    frame = adult.whole().sample(250, random_state=3)
    (rows,) = encode([frame], adult.schema_of(frame), scale_on=1)
    expected = naive_small_intersections(rows)
    assert 0 < (expected == 0).sum() < len(expected)
    ranks = smallest_intersection(rows)
    assert ranks is not None
    assert np.where(np.isinf(ranks), 0.0, -ranks) == pytest.approx(expected)
    assert (np.isinf(ranks) == (expected == 0)).all()


def in_small_intersections(tables: AuditTables, most: int) -> np.ndarray:
    """Positions in train of those in the smallest intersections of train and holdout together."""
    train, holdout = encode([tables.train, tables.holdout], tables.schema, scale_on=2)
    ranks = smallest_intersection(train.join(holdout))
    assert ranks is not None
    order = np.argsort(ranks[: len(train)], kind="stable")[:most]
    return order[np.isfinite(ranks[order])]


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_a_leak_of_those_in_small_intersections_is_seen_among_them_best(tables, jitter):
    chosen = tables.train.iloc[in_small_intersections(tables, 150)]
    chosen = adult.jittered(chosen, jitter, seed=6) if jitter else chosen
    leaking = adult.with_synthetic(tables, pd.concat([chosen, tables.synthetic.iloc[len(chosen) :]]))
    findings = found(leaking)
    members = findings["vulnerable.intersection_auc"]
    assert members.lower > 0.9
    others = ("rare_auc", "extreme_auc", "auc", "achilles_auc")
    assert all(members.value > findings[f"vulnerable.{name}"].value + 0.05 for name in others)


def moved(seed: int, people: int = 2000) -> pd.DataFrame:
    """Most work in the town where they live, few elsewhere: every town is common, almost every way to work is not."""
    rng = np.random.default_rng(seed)
    home = rng.integers(0, 30, people)
    work = np.where(rng.random(people) < 0.06, rng.integers(0, 30, people), home)
    towns = np.array([f"town {i}" for i in range(30)])
    age, pay = rng.integers(18, 80, people), rng.integers(0, 5000, people)
    return pd.DataFrame({"home": towns[home], "work": towns[work], "age": age, "pay": pay})


def test_a_leak_of_common_categories_that_are_rare_together_is_seen_by_this_statistic_alone():
    train, holdout, fresh = (moved(seed) for seed in range(3))
    given = AuditTables(train=train, holdout=holdout, synthetic=fresh, schema=adult.schema_of(train))
    away = train[train["home"] != train["work"]]
    leaking = adult.with_synthetic(given, pd.concat([away, fresh[fresh["home"] == fresh["work"]]]))
    silent, seen = found(given), found(leaking)
    key = "vulnerable.intersection_auc"
    assert silent[key].lower <= 0.5, "an alarm is a lower end above what no leak gives"
    assert seen[key].lower > 0.9
    for other in ("vulnerable.rare_auc", "vulnerable.extreme_auc", "subgroups.worst_auc"):
        finding = seen[other]
        assert finding.status is FindingStatus.NOT_APPLICABLE or finding.lower <= 0.65, other


def test_with_one_column_of_categories_there_is_no_intersection(tables):
    names = ["age", "fnlwgt", "occupation"]
    cut = AuditTables(
        train=tables.train[names],
        holdout=tables.holdout[names],
        synthetic=tables.synthetic[names],
        schema=adult.schema_of(tables.train[names]),
    )
    finding = found(cut)["vulnerable.intersection_auc"]
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert "No column" in finding.note


def test_a_leak_of_one_group_is_seen_in_the_group_and_named_by_rank(tables):
    group = tables.train[tables.train["relationship"] == "Not-in-family"]
    leaking = adult.with_synthetic(tables, pd.concat([group, tables.synthetic.iloc[len(group) :]]))
    worst = found(leaking)["subgroups.worst_auc"]
    assert worst.lower > 0.9
    assert worst.note.endswith("relationship, rank 2.")
    assert "Not-in-family" not in worst.note
    assert not [name for name in worst.details if "Not-in-family" in name]


def test_a_table_without_categories_or_without_numbers_says_so():
    rng = np.random.default_rng(1)
    numbers = [pd.DataFrame({"x": rng.standard_normal(800), "y": rng.standard_normal(800)}) for _ in range(3)]
    labels = [pd.DataFrame({"a": rng.choice(list("xyz"), 800), "b": rng.choice(list("pq"), 800)}) for _ in range(3)]
    for frames, key in ((numbers, "vulnerable.rare_auc"), (labels, "vulnerable.extreme_auc")):
        schema = adult.schema_of(frames[0])
        findings = found(AuditTables(train=frames[0], holdout=frames[1], synthetic=frames[2], schema=schema))
        assert findings[key].status is FindingStatus.NOT_APPLICABLE
        assert "No column" in findings[key].note


def test_no_finding_holds_a_cell_or_a_position(fresh, tables):
    words = {str(w) for c in ("occupation", "native_country", "race") for w in tables.train[c].unique()}
    for finding in fresh.values():
        text = " ".join([finding.note, *finding.details])
        assert not [word for word in words if len(word) > 3 and word in text]


def test_fresh_draws_raise_no_more_alarms_than_chance():
    """Each of seven statistics speaks one-sidedly at 2.5 %; at the limits of the policies none may."""
    alarms: dict[str, int] = {}
    draws = 20
    for seed in range(300, 300 + draws):
        for key, finding in found(adult.fresh(seed, n=800, reference=200)).items():
            if finding.status is FindingStatus.MEASURED:
                alarms[key] = alarms.get(key, 0) + (finding.lower > finding.baseline)
    assert all(count <= binom.ppf(0.999, draws, 0.025) for count in alarms.values()), alarms


def naive_achilles(rows: Encoded, k: int) -> np.ndarray:
    """The definition, pair by pair (arXiv 2306.10308), times the number of columns."""
    shifted = rows.numbers - rows.numbers.min(axis=1, keepdims=True)
    n = len(rows)
    total = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            a, b = shifted[:, i].astype(float), shifted[:, j].astype(float)
            cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            total[i, j] = len(shifted) * (1 - cosine) + sum(column[i] != column[j] for column in rows.codes)
    np.fill_diagonal(total, np.inf)
    return np.sort(total, axis=1)[:, :k].mean(axis=1)


def test_the_achilles_score_is_its_definition():
    frame = adult.whole().sample(120, random_state=3)
    (rows,) = encode([frame], adult.schema_of(frame), scale_on=1)
    turned = directions(rows)
    fast = nearest(turned, turned, 5, skip_self=True, cosine=True).distances.mean(axis=1)
    assert fast == pytest.approx(naive_achilles(rows, 5), abs=1e-4)
