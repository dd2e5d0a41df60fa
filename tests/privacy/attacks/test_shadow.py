"""Shadow models: a generator that gives one record away is found, and one that does not raises no alarm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy.attacks.shadow import NOTE, Synthesize, auc_bounds, most_isolated, not_run, shadow
from privacy.errors import AuditInputError
from privacy.evidence import gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from tests.privacy import adult

ROWS = 300
NUMBERS = ("age", "fnlwgt", "hours_per_week")
CANARY = 1
"""Which of the targets the planted leaks are about."""


def drawn(base: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Fresh records that are nobody's: each column of the base by itself."""
    return pd.DataFrame({n: base[n].to_numpy()[rng.integers(0, len(base), ROWS)] for n in base.columns})


def leaking(share: float, seed: int = 0, *, moved: float = 0.0) -> Synthesize:
    """Copies the canary's record, its numbers `moved`, into this share of the tables of models that learnt it."""

    def synthesize(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
        rng = np.random.default_rng(seed)
        for row in membership:
            table = drawn(base, rng)
            if row[CANARY] and rng.random() < share:
                record = targets.iloc[[CANARY]]
                if moved:
                    record = record.assign(**{name: record[name] + round(moved * base[name].std()) for name in NUMBERS})
                table = pd.concat([record, table.iloc[1:]], ignore_index=True)
            yield table

    return synthesize


def attacked(
    synthesize: Synthesize, *, models: int = 64, targets: int = 5, seed: int = 0, tables: AuditTables | None = None
) -> Finding:
    tables = tables or adult.fresh(0, n=600, reference=300)
    rng = np.random.default_rng(seed)
    found = shadow(tables, synthesize, np.arange(targets), models=models, rng=rng)
    assert len(found) == 1
    return found[0]


@cache
def with_copies() -> Finding:
    return attacked(leaking(1.0))


@cache
def without_a_leak() -> Finding:
    return attacked(leaking(0.0), targets=3)


def aucs(finding: Finding) -> list[float]:
    return [value for name, value in finding.details.items() if name.startswith("auc_") and name[4:].isdigit()]


def test_one_record_copied_by_the_models_that_learnt_it_is_found_and_no_other():
    finding = with_copies()
    assert finding.key == "shadow.max_auc"
    assert finding.value == pytest.approx(1.0, abs=0.02)
    assert finding.lower > 0.7, "the public limit: this blocks"
    assert aucs(finding) == sorted(aucs(finding), reverse=True)
    assert max(aucs(finding)[1:]) < 0.9
    assert finding.n == 5


def test_a_copy_whose_numbers_are_moved_a_little_is_found():
    finding = attacked(leaking(1.0, moved=0.02), targets=2)
    assert finding.lower > 0.5
    assert finding.value > 0.9


def test_models_that_ignore_the_targets_raise_no_alarm_and_would_have_shown_a_copy():
    finding = without_a_leak()
    assert finding.lower < 0.5 < finding.upper
    assert finding.details["planted_auc"] > 0.95
    assert finding.details["planted_lower"] > 0.5
    assert finding.minimum_detectable > 0.7, "64 models see large leaks only, and say so"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_a_leak_the_lower_end_exceeds_one_half_as_rarely_as_it_says():
    draws = 60
    tables = adult.fresh(1, n=600, reference=300)
    found = [attacked(leaking(0.0, seed=s), models=32, targets=3, seed=s, tables=tables) for s in range(draws)]
    alarms = sum(finding.lower > 0.5 for finding in found)
    assert alarms <= binom.ppf(0.99, draws, 0.025)
    assert sum(finding.upper < 0.5 for finding in found) == 0


def test_few_models_cannot_show_that_nothing_leaks():
    """The upper end is what a policy passes on: with 64 models it stays above .70 whatever the generator does."""
    assert without_a_leak().upper > 0.7


def test_the_same_seed_gives_the_same_finding():
    one, two = (attacked(leaking(0.5), models=16, targets=3) for _ in range(2))
    assert one == two


def test_the_most_isolated_records_of_train_are_asked_about():
    tables = adult.outliers_memorised(adult.fresh(3, n=800, reference=300))
    odd = tables.train.copy()
    odd.loc[17, ["age", "capital_gain", "hours_per_week"]] = [90, 99999, 99]
    evidence = gather(replace(tables, train=odd), np.random.default_rng(0))
    chosen = most_isolated(evidence, 20)
    assert 17 in chosen
    assert len(set(chosen.tolist())) == 20
    isolation = dict(zip(evidence.attacked_train.tolist(), evidence.near.train_isolation.tolist(), strict=True))
    assert min(isolation[i] for i in chosen.tolist()) >= sorted(isolation.values())[-20]


def test_the_models_get_the_other_records_and_each_target_in_half_of_them():
    tables = adult.fresh(0, n=600, reference=300)
    seen: dict[str, object] = {}

    def synthesize(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
        seen.update(base=base, targets=targets, membership=membership)
        yield from leaking(0.0)(base, targets, membership)

    places = np.array([5, 90, 311])
    shadow(tables, synthesize, places, models=16, rng=np.random.default_rng(0))
    pd.testing.assert_frame_equal(seen["targets"], tables.train.iloc[places].reset_index(drop=True))
    pd.testing.assert_frame_equal(seen["base"], tables.train.drop(index=places).reset_index(drop=True))
    assert seen["membership"].sum(axis=0).tolist() == [8, 8, 8]
    assert len(np.unique(seen["membership"], axis=1).T) == 3, "each target has coins of its own"


def test_nothing_in_a_finding_says_whose_record_it_is():
    finding = with_copies()
    figures = {
        "models",
        "planted_auc",
        "planted_lower",
        "planted_upper",
        *(f"auc_{i:02d}{end}" for i in range(1, 6) for end in ("", "_lower", "_upper")),
    }
    assert set(finding.details) == figures
    assert finding.note == NOTE.format(models=64)


def test_what_was_not_run_says_so():
    (finding,) = not_run("The policy does not ask for it.")
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert finding.key == "shadow.max_auc"
    assert finding.note == "The policy does not ask for it."
    tables = adult.fresh(0, n=600, reference=300)
    (finding,) = shadow(tables, leaking(0.0), np.arange(0), models=16, rng=np.random.default_rng(0))
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert "0 records" in finding.note


def mixed(n: int, seed: int) -> pd.DataFrame:
    """Dates, missing values, infinities, a constant, negative numbers and ties."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D")
    return pd.DataFrame(
        {
            "day": pd.Series(days).where(rng.random(n) > 0.1).astype("datetime64[us]"),
            "score": np.where(rng.random(n) < 0.05, np.inf, np.where(rng.random(n) < 0.2, np.nan, rng.normal(0, 9, n))),
            "same": 1.0,
            "group": pd.Series(rng.choice(["a", "b", "c"], n)).where(rng.random(n) > 0.1, None).astype(object),
            "void": np.full(n, np.nan),
        }
    )


MIXED = TableSchema(
    columns=tuple(
        ColumnSpec(name=name, kind=kind)
        for name, kind in (
            ("day", ColumnKind.DATETIME),
            ("score", ColumnKind.NUMERICAL),
            ("same", ColumnKind.NUMERICAL),
            ("group", ColumnKind.CATEGORICAL),
            ("void", ColumnKind.NUMERICAL),
        )
    )
)


def test_dates_missing_values_infinities_and_constants_are_looked_at_like_any_other():
    parts = [mixed(200, seed) for seed in range(3)]
    tables = AuditTables(train=parts[0], holdout=parts[1], synthetic=parts[2], schema=MIXED)

    def synthesize(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
        rng = np.random.default_rng(7)
        for row in membership:
            copies = targets.iloc[np.repeat(np.flatnonzero(row[:1]), 20)]
            yield pd.concat([base.iloc[rng.integers(0, len(base), 100)], copies], ignore_index=True)

    finding = attacked(synthesize, models=32, targets=3, tables=tables)
    assert finding.value > 0.95
    assert all(np.isfinite(value) for value in finding.details.values())


def test_one_column_and_one_record_are_enough_to_look_at():
    frame = pd.DataFrame({"group": ["a", "b"] * 30}, dtype=object)
    schema = TableSchema(columns=(ColumnSpec(name="group", kind=ColumnKind.CATEGORICAL),))
    tables = AuditTables(train=frame, holdout=frame, synthetic=frame, schema=schema)

    def synthesize(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
        return (pd.DataFrame({"group": ["a"]}, dtype=object) for _ in membership)

    finding = attacked(synthesize, models=16, targets=2, tables=tables)
    assert finding.value == pytest.approx(0.5)


def too_few(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
    return leaking(0.0)(base, targets, membership[:-1])


def empty(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
    return (base.iloc[:0] for _ in membership)


def lacking(base: pd.DataFrame, targets: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
    return (base.drop(columns="age") for _ in membership)


@pytest.mark.parametrize("synthesize", [too_few, empty, lacking])
def test_a_generator_that_does_not_deliver_is_an_error_and_never_a_figure(synthesize: Synthesize):
    with pytest.raises(AuditInputError):
        attacked(synthesize, models=16, targets=2)


@pytest.mark.parametrize("models", [0, 8, 18])
def test_models_that_cannot_be_halved_twice_are_refused(models: int):
    with pytest.raises(AuditInputError, match="multiple of 4"):
        attacked(leaking(0.0), models=models)


def test_a_person_with_two_records_in_train_is_refused_because_one_would_stay_in_the_base():
    frame = pd.DataFrame({"who": ["p1", "p1", "p2", "p3"] * 10, "age": range(40)})
    columns = (
        ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="age", kind=ColumnKind.NUMERICAL),
    )
    tables = AuditTables(train=frame, holdout=frame, synthetic=frame, schema=TableSchema(columns=columns))
    with pytest.raises(AuditInputError, match="one record of each person"):
        attacked(leaking(0.0), models=16, targets=2, tables=tables)


def test_what_progress_raises_ends_the_attack():
    class CancelledError(Exception):
        pass

    told: list[float] = []

    def cancel(stage: str, fraction: float) -> None:
        told.append(fraction)
        if len(told) == 3:
            raise CancelledError

    tables = adult.fresh(0, n=600, reference=300)
    with pytest.raises(CancelledError):
        shadow(tables, leaking(0.0), np.arange(2), models=16, rng=np.random.default_rng(0), progress=cancel)
    assert told == sorted(told)


@pytest.mark.parametrize("side", [8, 16, 100])
def test_the_interval_holds_the_truth_as_often_as_it_says_in_small_samples_and_near_one(side: int):
    rng = np.random.default_rng(side)
    draws = 4000
    for truth, gap in ((0.5, 0.0), (0.76, 1.0), (0.98, 2.9)):
        scores = rng.normal(size=(draws, side, 1)) + gap, rng.normal(size=(draws, 1, side))
        values = (scores[0] > scores[1]).mean(axis=(1, 2))
        bounds = np.array([auc_bounds(float(value), side, z=1.959964) for value in values])
        held = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
        assert held.mean() > 0.94


def test_an_auc_of_one_is_not_certain():
    assert auc_bounds(1.0, 16, z=1.96)[0] < 0.9
    assert auc_bounds(1.0, 16, z=1.96)[1] == 1.0
    assert auc_bounds(0.0, 16, z=1.96)[0] == 0.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_real_generators_that_overfit_few_records_are_caught():
    """Small generators trained long on 60 records, rare values unprotected, give isolated records away."""
    from synth.config import TrainConfig
    from synth.randomness import Rng
    from synth.shadow.generators import ShadowConfig, shadow_tables

    tables = adult.fresh(0, n=60, reference=300)
    targets = most_isolated(gather(tables, np.random.default_rng(0)), 2)
    overfit = ShadowConfig(steps=300, batch=200, width=64, rows=300, encoding=TrainConfig(protect=False), device="cpu")

    def synthesize(base: pd.DataFrame, special: pd.DataFrame, membership: np.ndarray) -> Iterator[pd.DataFrame]:
        return shadow_tables(base, special, membership, tables.schema, rng=Rng(0), config=overfit)

    (finding,) = shadow(tables, synthesize, targets, models=32, rng=np.random.default_rng(0))
    assert finding.lower > 0.5
