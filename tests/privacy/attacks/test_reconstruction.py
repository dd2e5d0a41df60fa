"""Reconstruction: it gives copied people away, says nothing of fresh ones, and copes with any table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.reconstruction import reconstruction
from privacy.evidence import gather
from privacy.finding import FindingStatus
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy import adult
from tests.privacy.attacks import odd
from tests.privacy.attacks.draws import alarms, by_key, most_alarms, planted, swapped

EXCESS, AUC, RATE = "reconstruction.excess", "reconstruction.auc", "reconstruction.tpr_at_1_percent"


@pytest.mark.parametrize(
    ("plant", "least_excess", "least_auc"),
    [
        ("copy", 0.6, 0.9),
        ("jittered 5 %", 0.35, 0.7),
        ("jittered 20 %", 0.08, 0.58),
        ("smote", 0.2, 0.65),
        ("20 % copied", 0.1, 0.55),
    ],
)
def test_a_leak_is_caught(plant, least_excess, least_auc):
    found = by_key(reconstruction, planted(plant, 21, n=1200))
    assert found[EXCESS].lower > least_excess
    assert found[AUC].lower > least_auc


def test_five_per_cent_copied_shows():
    found = by_key(reconstruction, planted("5 % copied", 21))
    assert found[EXCESS].lower > 0.01
    assert found[RATE].lower > found[RATE].baseline


def test_swapping_train_and_holdout_turns_the_sign():
    one, other = (
        by_key(reconstruction, evidence)
        for evidence in (planted("20 % copied", 22, n=1200), swapped("20 % copied", 22, n=1200))
    )
    assert other[EXCESS].upper < 0 < one[EXCESS].lower
    assert one[AUC].value + other[AUC].value == pytest.approx(1, abs=0.03)


def test_fresh_rows_raise_no_more_alarms_than_chance():
    for key, count in alarms(reconstruction, range(500, 520), n=400).items():
        assert count <= most_alarms(20), key


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_fresh_rows_raise_no_more_alarms_than_chance_in_many_draws():
    for key, count in alarms(reconstruction, range(600, 720), n=2000, reference=1000).items():
        assert count <= most_alarms(120), key


@pytest.mark.parametrize("case", odd.CASES)
def test_an_odd_table_gives_findings_or_reasons(case):
    found = reconstruction(odd.evidence(case), np.random.default_rng(0))
    odd.assert_told(tuple(finding for finding in found if finding.statistic != "excess"), "reconstruction")
    excess = found[0]
    assert excess.statistic == "excess"
    assert (excess.status is FindingStatus.MEASURED) == (excess.value is not None)
    assert excess.note
    if excess.value is not None:
        assert excess.lower <= excess.value <= excess.upper <= 1


def test_what_many_people_share_is_not_counted_as_a_leak():
    """Columns that follow from one another are guessed for everybody, so the control gets them too."""
    rng = np.random.default_rng(3)

    def people(n: int) -> pd.DataFrame:
        town = rng.integers(0, 40, n)
        return pd.DataFrame({"town": [f"t{t}" for t in town], "region": [f"r{t % 7}" for t in town], "size": town * 3})

    kinds = {"town": ColumnKind.CATEGORICAL, "region": ColumnKind.CATEGORICAL, "size": ColumnKind.NUMERICAL}
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in kinds.items()))
    tables = AuditTables(train=people(800), holdout=people(800), synthetic=people(800), schema=schema)
    found = by_key(reconstruction, gather(tables, rng))[EXCESS]
    assert found.status is FindingStatus.NOT_APPLICABLE or found.lower <= 0 <= found.upper
    if found.value is not None:
        assert found.details["cells_right_in_holdout"] > 0.6


def test_a_table_with_missing_cells_in_every_column_is_reconstructed():
    tables = adult.fresh(23, n=600, reference=200)
    rng = np.random.default_rng(1)

    def holes(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.mask(rng.random(frame.shape) < 0.2)

    leaky = AuditTables(
        train=(train := holes(tables.train)), holdout=holes(tables.holdout), synthetic=train, schema=tables.schema
    )
    assert by_key(reconstruction, gather(leaky, rng))[EXCESS].lower > 0.3


def test_a_table_that_was_sampled_says_how_much_more_may_be_there(monkeypatch):
    monkeypatch.setattr("privacy.attacks.reconstruction.MOST_SYNTHETIC", 500)
    found = by_key(reconstruction, planted("20 % copied", 21, n=1200))
    for key in (EXCESS, AUC):
        assert found[key].details["synthetic_seen"] == 500
        assert "drawn at random" in found[key].note
        assert found[key].minimum_detectable > 2 * (found[key].baseline + 0.01) - found[key].baseline


def test_wide_tables_cost_what_narrow_ones_do(monkeypatch):
    fitted: list[tuple[int, int]] = []
    real = reconstruction.__globals__["chances_of"]

    def counted(column, known, asked, seed):
        fitted.append(known.shape)
        return real(column, known, asked, seed)

    monkeypatch.setattr("privacy.attacks.reconstruction.chances_of", counted)
    rng = np.random.default_rng(4)
    names = [f"c{i}" for i in range(120)]
    schema = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in names))
    frames = [pd.DataFrame(rng.normal(size=(200, 120)), columns=names) for _ in range(3)]
    tables = AuditTables(train=frames[0], holdout=frames[1], synthetic=frames[2], schema=schema)
    reconstruction(gather(tables, rng), rng)
    assert len(fitted) == 20
    assert {columns for _, columns in fitted} == {20}


def test_the_same_seed_gives_the_same_findings():
    evidence = odd.evidence("mixed")
    one, other = (reconstruction(evidence, np.random.default_rng(2)) for _ in range(2))
    assert one == other
    assert one != reconstruction(replace(evidence, synthetic=evidence.train), np.random.default_rng(2))
