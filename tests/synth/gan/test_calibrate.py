"""Each code is as frequent in what is drawn as in the table, however many codes its column has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import make_layout
from synth.gan.calibrate import calibrate
from synth.gan.condition_vector import count_codes
from synth.gan.step import draw, make_material, make_networks, settle
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema

WIDE = 1_500


def visits(n: int, seed: int = 0) -> pd.DataFrame:
    """Each of many diagnoses, a few of them frequent, belongs to one ward of three but for one record in ten."""
    r = np.random.default_rng(seed)
    share = 1 / (20 + np.arange(WIDE))
    diagnosis = r.choice(WIDE, n, p=share / share.sum())
    ward = np.where(r.random(n) < 0.9, diagnosis * 7919 % 3, r.integers(0, 3, n))
    return pd.DataFrame(
        {"diagnosis": [f"d{v}" for v in diagnosis], "ward": [f"w{v}" for v in ward], "age": r.integers(0, 90, n)}
    )


def visits_schema(*, person: bool = False) -> TableSchema:
    kinds = {"age": ColumnKind.NUMERICAL, "diagnosis": ColumnKind.CATEGORICAL, "ward": ColumnKind.CATEGORICAL}
    columns = [ColumnSpec(name=name, kind=kinds[name]) for name in ("diagnosis", "ward", "age")]
    if person:
        columns.append(ColumnSpec(name="patient", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON))
    return TableSchema(columns=tuple(columns))


def apart(one: pd.Series, other: pd.Series) -> float:
    """Total variation distance."""
    shares = [column.value_counts(normalize=True) for column in (one, other)]
    return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)


def test_a_generator_that_is_off_draws_as_the_table_has_it() -> None:
    table = people(2000)
    encoder = fit_encoder(table, schema(), FAST, Rng(0))
    layout = make_layout(encoder.widths, encoder.residual_columns, "cpu")
    material = make_material(encoder, encoder.encode(table, Rng(1)), layout, FAST, Rng(2))
    generator = make_networks(FAST, material, Rng(3)).generator
    with torch.no_grad():
        generator.exit.bias += torch.randn(layout.codes, generator=torch.Generator().manual_seed(0))
    off = settle(generator, material, Rng(4))
    level = calibrate(off, material, Rng(5))
    wanted = material.counts / len(material.codes)
    n, distances = 20_000, []
    for each in (off, level):
        made = count_codes(draw(each, n, material, torch.Generator().manual_seed(1)), layout) / n
        distances.append(float((made - wanted).abs().max()))
    assert distances[0] > 0.1
    assert distances[1] < 5 * np.sqrt(0.25 / n)
    for name, weight in level.state_dict().items():
        assert torch.equal(weight, off.state_dict()[name]) == (name != "exit.bias"), "nothing else is changed"


def test_codes_of_a_wide_column_are_as_frequent_as_in_the_table_and_hang_together_with_others() -> None:
    real, fresh = visits(30_000), visits(30_000, seed=1)
    made = sample(fit(real, visits_schema(), FAST.with_(steps=30), Rng(0)), 30_000, Rng(1))
    known = real["diagnosis"].value_counts()
    known = known[known >= 5].index
    shown = [column[column.isin(known)] for column in (real["diagnosis"], made["diagnosis"], fresh["diagnosis"])]
    assert apart(shown[0], shown[1]) < 1.5 * apart(shown[0], shown[2]), "a fresh draw of the table is off as well"
    wards = [table["diagnosis"] + table["ward"] for table in (real, made, fresh)]
    alone = made["diagnosis"] + made["ward"].sample(frac=1.0, random_state=0).to_numpy()
    blind, drawn, floor = (apart(wards[0], other) for other in (alone, wards[1], wards[2]))
    assert drawn < blind - 0.8 * (blind - floor)


def test_where_nothing_is_redrawn_the_generator_alone_has_them_right() -> None:
    real, fresh = visits(20_000), visits(20_000, seed=1)
    # steps that are too large make the generator forget how frequent rare codes are, as many small ones do
    model = fit(real, visits_schema(), FAST.with_(steps=60, rate=0.02, redraw=False), Rng(0))
    assert not len(model.chain.forest)
    made = sample(model, 20_000, Rng(1))
    emitted = set(made["diagnosis"])
    shown = [table["diagnosis"][table["diagnosis"].isin(emitted)] for table in (real, made, fresh)]
    assert apart(shown[0], shown[1]) < apart(shown[0], shown[2]), "drawn by the table's own frequencies"
