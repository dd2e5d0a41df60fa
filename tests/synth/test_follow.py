"""What never disagrees in training never disagrees in what is emitted, under any conditions."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synth.artifact import TrainedModel, load, save
from synth.encode.ranges import Range
from synth.errors import ArtifactError
from synth.follow import NO_RULE, Followers, find_followers
from synth.layout import make_layout
from synth.randomness import Rng
from synth.sample import sample
from synth.schema import ColumnKind, ColumnSpec, TableSchema
from synth.tables import count_pairs
from synth.train import fit
from tests.synth.tables_about_people import FAST

CITIES = {"Bern": "CH", "Genf": "CH", "Wien": "AT", "Graz": "AT", "Rom": "IT"}
STAGES = {"none": 0, "early": 1, "late": 2}


def found_in(
    codes: list[list[int]],
    widths: list[int],
    *,
    least: int = 5,
    residual: list[int] | None = None,
    counted: int | None = None,
) -> Followers:
    layout = make_layout(widths, residual or [], "cpu")
    table = torch.tensor(codes, dtype=torch.int32)
    return find_followers(count_pairs(table[:counted], layout), table, layout, least)


def test_a_finer_column_determines_a_coarser_one_and_not_the_other_way_round() -> None:
    rows = [
        [country, city, noise] for city, country in enumerate((0, 0, 1, 1, 2)) for noise in (0, 1) for _ in range(6)
    ]
    found = found_in(rows, [3, 5, 2])
    assert found.source.tolist() == [1]
    assert found.column.tolist() == [0]
    assert found.code.tolist() == [[0, 0, 1, 1, 2]]
    drawn = torch.tensor([[2, 1, 0], [0, 4, 1]])
    assert found.follow(drawn).tolist() == [[0, 1, 0], [2, 4, 1]]
    assert found.follow(drawn, free={0}).tolist() == drawn.tolist()
    assert drawn.tolist() == [[2, 1, 0], [0, 4, 1]]


def test_one_record_that_disagrees_is_enough() -> None:
    rows = [[code, code] for code in (0, 1, 2) for _ in range(20)]
    assert found_in(rows, [3, 3]).source.tolist() == [0], "of two that determine each other the second follows"
    assert not len(found_in([*rows, [0, 1]], [3, 3]))
    assert not len(found_in([*rows, [0, 1]], [3, 3], counted=60)), "whatever part of the records is counted"


def test_chains_follow_their_first_column() -> None:
    rows = [[city // 4, city // 2, city] for city in range(8) for _ in range(6)]
    found = found_in(rows, [2, 4, 8])
    assert found.source.tolist() == [2, 2]
    assert found.column.tolist() == [0, 1]


def test_codes_of_few_records_have_no_rule_and_constants_and_pieces_do_not_follow() -> None:
    rows = [[code, code, 0] for code in (0, 1) for _ in range(20)] + [[2, 2, 0]] * 4
    assert found_in(rows, [3, 3, 1]).code.tolist() == [[0, 1, NO_RULE]]
    assert not len(found_in(rows, [3, 3, 1], residual=[0, 1]))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    r = np.random.default_rng(0)
    city = r.choice(list(CITIES), 1500, p=[0.4, 0.2, 0.2, 0.15, 0.05])
    stage = r.choice(list(STAGES), 1500)
    table = pd.DataFrame(
        {"country": [CITIES[c] for c in city], "city": city, "stage": stage, "code": [STAGES[s] for s in stage]}
    )
    kinds = {"code": ColumnKind.NUMERICAL}
    schema = TableSchema(
        columns=tuple(ColumnSpec(name=n, kind=kinds.get(n, ColumnKind.CATEGORICAL)) for n in table.columns)
    )
    return fit(table, schema, FAST.with_(steps=5), Rng(0))


def agrees(table: pd.DataFrame) -> pd.Series:
    return (table["city"].map(CITIES) == table["country"]) & (table["stage"].map(STAGES) == table["code"])


def test_an_untrained_generator_already_agrees(model: TrainedModel) -> None:
    assert len(model.followers) == 2
    assert agrees(sample(model, 3000, Rng(1))).all()


@pytest.mark.parametrize(
    "conditions",
    [{"country": "AT"}, {"city": "Rom"}, {"city": "Wien", "country": "AT"}, {"code": Range(1, 2)}, {"stage": "late"}],
)
def test_a_condition_on_either_column_is_met_and_they_agree(
    model: TrainedModel, conditions: dict[str, str | Range]
) -> None:
    drawn = sample(model, 500, Rng(2), conditions=conditions)
    assert agrees(drawn).all()
    for name, wanted in conditions.items():
        assert drawn[name].between(1, 2).all() if isinstance(wanted, Range) else (drawn[name] == wanted).all()


def test_conditions_that_contradict_each_other_are_met_all_the_same(model: TrainedModel) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = sample(model, 200, Rng(3), conditions={"city": "Rom", "country": "CH", "stage": "early"})
    assert (drawn[["city", "country", "stage"]] == ["Rom", "CH", "early"]).all().all()
    assert (drawn["code"] == 1).all()


def test_a_saved_model_follows_and_a_changed_one_is_refused(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    assert sample(load(tmp_path), 300, Rng(4)).equals(sample(model, 300, Rng(4)))
    tensors, widths = model.followers.tensors(), model.encoder.widths
    for change in (
        {"source": tensors["source"] + 9},
        {"column": tensors["source"]},
        {"code": tensors["code"] + 9},
        {"code": tensors["code"].float()},
        {"code": tensors["code"][:1]},
        {"source": tensors["source"][:1]},
    ):
        with pytest.raises(ArtifactError):
            Followers.from_tensors({**tensors, **change}, widths)
