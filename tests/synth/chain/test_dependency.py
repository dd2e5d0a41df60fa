"""What never disagrees in training never disagrees in what is emitted, under any conditions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synth.artifact import load, save
from synth.chain.dependency import NO_RULE, Dependencies, find_dependencies, possible
from synth.encode.layout import make_layout
from synth.errors import ArtifactError, ConditionError
from synth.gan.condition_vector import count_codes
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.ranges import AnyOf, Range
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST

CITIES = {"Bern": "CH", "Genf": "CH", "Wien": "AT", "Graz": "AT", "Rom": "IT"}
STAGES = {"none": 0, "early": 1, "late": 2}


def found_in(
    codes: list[list[int]],
    widths: list[int],
    *,
    least: int = 5,
    residual: list[int] | None = None,
) -> Dependencies:
    layout = make_layout(widths, residual or [], "cpu")
    table = torch.tensor(codes, dtype=torch.int32)
    return find_dependencies(table, count_codes(table, layout), layout, least, np.random.default_rng(0))


def test_a_finer_column_determines_a_coarser_one_and_not_the_other_way_round() -> None:
    rows = [
        [country, city, noise] for city, country in enumerate((0, 0, 1, 1, 2)) for noise in (0, 1) for _ in range(6)
    ]
    found = found_in(rows, [3, 5, 2])
    assert found.source.tolist() == [1]
    assert found.column.tolist() == [0]
    assert found.code.tolist() == [[0, 0, 1, 1, 2]]
    drawn = torch.tensor([[2, 1, 0], [0, 4, 1]])
    assert found.apply(drawn).tolist() == [[0, 1, 0], [2, 4, 1]]
    assert drawn.tolist() == [[2, 1, 0], [0, 4, 1]]


def test_it_takes_as_many_records_to_end_a_rule_as_back_what_is_emitted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[code, code] for code in (0, 1, 2) for _ in range(20)]
    found = found_in(rows, [3, 3])
    assert found.source.tolist() == [0], "of two that determine each other the second follows"
    few_broken = [*rows, *[[0, 1]] * 4]
    few = found_in(few_broken, [3, 3])
    assert all(torch.equal(value, found.tensors()[name]) for name, value in few.tensors().items())
    many = [*rows, *[[0, 1]] * 5]
    assert not len(found_in(many, [3, 3]))
    monkeypatch.setattr("synth.chain.dependency.SCREENED", (20, 30))
    assert found_in(few_broken, [3, 3]).code.tolist() == [[0, 1, 2]], "also of codes that are not looked at first"
    assert not len(found_in(many, [3, 3])), "whatever part of the records is looked at first"


def test_what_few_of_a_code_agree_on_is_no_rule() -> None:
    """Five have the third code, and one of each a code of the second column: none of them decides what follows."""
    rows = [[code, code] for code in (0, 1) for _ in range(20)] + [[2, code] for code in range(5)]
    assert found_in(rows, [3, 5]).code.tolist() == [[0, 1, NO_RULE]]


def test_a_name_follows_its_code_however_many_there_are() -> None:
    """More codes than any table of pairs is held for; the third column agrees with the first but for one in 50."""
    r = np.random.default_rng(0)
    code = r.permutation(np.repeat(np.arange(2_000), 6))
    name = r.permutation(2_000)
    off = np.where(r.random(len(code)) < 0.02, r.integers(0, 2_000, len(code)), code)
    found = found_in(np.stack([code, name[code], off], 1).tolist(), [2_000, 2_000, 2_000])
    assert (found.source.tolist(), found.column.tolist()) == ([0], [1])
    assert np.array_equal(found.code[0].numpy(), name)


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
    assert len(model.chain.dependencies) == 2
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


def test_conditions_that_contradict_each_other_are_refused_by_both_names(model: TrainedModel) -> None:
    with pytest.raises(ConditionError, match="'city' and 'country'"):
        sample(model, 200, Rng(3), conditions={"city": "Rom", "country": "CH", "stage": "early"})
    drawn = sample(model, 200, Rng(3), conditions={"city": AnyOf(("Rom", "Bern")), "country": "CH"})
    assert (drawn["city"] == "Bern").all()


def test_a_condition_on_the_follower_of_a_narrow_last_column_is_met() -> None:
    r = np.random.default_rng(1)
    wide, narrow = r.integers(0, 40, 1500), r.integers(0, 4, 1500)
    table = pd.DataFrame(
        {
            "group": [f"g{w // 8}" for w in wide],
            "wide": [f"w{w:02d}" for w in wide],
            "half": [f"h{v // 2}" for v in narrow],
            "narrow": [f"n{v}" for v in narrow],
        }
    )
    columns = tuple(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in table.columns)
    trained = fit(table, TableSchema(columns=columns), FAST.with_(steps=3), Rng(0))
    assert trained.chain.dependencies.source.tolist() == [1, 3]
    drawn = sample(trained, 300, Rng(1), conditions={"half": "h1"})
    assert set(drawn["narrow"]) <= {"n2", "n3"}
    assert (drawn["half"] == "h1").all()
    assert (drawn["group"] == "g" + (drawn["wide"].str[1:].astype(int) // 8).astype(str)).all()


def test_where_records_do_not_count_people_nobody_follows() -> None:
    table = pd.DataFrame(
        {"who": [f"p{i // 3}" for i in range(600)], "a": ["x", "y", "z"] * 200, "b": ["u", "v", "w"] * 200}
    )
    kinds = {"who": ColumnKind.IDENTIFIER}
    columns = tuple(
        ColumnSpec(
            name=name,
            kind=kinds.get(name, ColumnKind.CATEGORICAL),
            role=ColumnRole.PERSON if name == "who" else ColumnRole.FEATURE,
        )
        for name in table.columns
    )
    assert not len(fit(table, TableSchema(columns=columns), FAST.with_(steps=3), Rng(0)).chain.dependencies)


def test_a_saved_model_follows_and_a_changed_one_is_refused(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    assert sample(load(tmp_path), 300, Rng(4)).equals(sample(model, 300, Rng(4)))
    tensors, widths = model.chain.dependencies.tensors(), model.encoder.widths
    for change in (
        {"source": tensors["source"] + 9},
        {"column": tensors["source"]},
        {"code": tensors["code"] + 9},
        {"code": tensors["code"].float()},
        {"code": tensors["code"][:1]},
        {"source": tensors["source"][:1]},
        {"source": tensors["source"][0]},
        {"code": tensors["code"][0, 0]},
    ):
        with pytest.raises(ArtifactError):
            Dependencies.from_tensors({**tensors, **change}, widths)


def test_what_follows_the_target_does_not_tell_the_trees_what_it_is() -> None:
    """Twenty steps teach the generator next to nothing: whatever the target has to do with the rest, the trees know."""
    r = np.random.default_rng(0)
    level = r.normal(size=1000)
    frame = pd.DataFrame(
        {"level": level, "high": np.where(level > 0, "yes", "no"), "mark": np.where(level > 0, "+", "-")}
    )
    kinds = {"level": ColumnKind.NUMERICAL, "high": ColumnKind.CATEGORICAL, "mark": ColumnKind.CATEGORICAL}
    schema = TableSchema(
        columns=tuple(
            ColumnSpec(name=n, kind=k, role=ColumnRole.TARGET if n == "high" else ColumnRole.FEATURE)
            for n, k in kinds.items()
        )
    )
    model = fit(frame, schema, FAST.with_(steps=20, redraw=False), Rng(0))
    assert model.chain.dependencies.column.tolist() == [2]
    drawn = sample(model, 1000, Rng(1))
    assert ((drawn["level"] > 0) == (drawn["high"] == "yes")).mean() > 0.9
    assert ((drawn["mark"] == "+") == (drawn["high"] == "yes")).all()


def test_what_is_ruled_out_at_once_is_what_would_not_have_been_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of which fewer than five, five, and many disagree with what a source determines; and of a rare code."""
    r = np.random.default_rng(0)
    source = np.repeat(r.integers(0, 12, 600), 2)
    source[0] = 12
    columns = [source, source % 3, r.integers(0, 3, 1_200)]
    for broken in (1, 4, 5, 6, 9, 300):
        column = source % 4
        column[r.permutation(1_200)[:broken]] += 1
        columns.append(column % 4)
    rows, widths = np.stack(columns, 1).tolist(), [13, 3, 3, *[4] * 6]
    found = found_in(rows, widths)
    asked: list[list[int]] = []

    def all_of_them(codes: torch.Tensor, source: int, columns: list[int], *_: object) -> list[int]:
        asked.append([source, *possible(codes, source, columns, torch.ones(widths[source], dtype=torch.bool), 5)])
        return list(columns)

    monkeypatch.setattr("synth.chain.dependency.possible", all_of_them)
    wanted = found_in(rows, widths)
    assert {name: t.tolist() for name, t in found.tensors().items()} == {
        name: t.tolist() for name, t in wanted.tensors().items()
    }
    assert set(found.column.tolist()) >= {1, 3, 4}
    assert not {2, 8} & set(asked[0][1:]), "most columns are ruled out"
