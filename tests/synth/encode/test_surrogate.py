"""Fresh values are distinct, of the shape of the real ones, and none of them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.encode.fit_surrogate import fit_surrogate
from synth.encode.shapes import Shape, fit_shapes
from synth.encode.surrogate import Surrogate
from synth.errors import ArtifactError
from synth.written.surrogate import Replaced, SurrogateForm


def fitted(column: pd.Series, of: Replaced = Replaced.CODE) -> Surrogate:
    made = fit_surrogate(
        column, SurrogateForm(of=of), np.random.default_rng(0), min_count=5, personas=None, distinct=1.0
    )
    return Surrogate.from_json(json.loads(json.dumps(made.to_json())))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=12), st.just("id-000001"), st.just("synthetic-id-1")), min_size=1))
def test_whatever_the_texts_are_surrogates_are_distinct_and_none_of_them(values: list[str]) -> None:
    drawn = fitted(pd.Series(values, name="id", dtype=object)).draw(range(200), 200)
    assert drawn.is_unique
    assert not set(drawn) & set(values)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=60))
def test_whatever_the_integers_are_surrogates_are_distinct_and_none_of_them(values: list[int]) -> None:
    drawn = fitted(pd.Series(values, name="id")).draw(range(200), 200)
    assert drawn.dtype == np.int64
    assert drawn.is_unique
    assert not set(drawn) & set(values)


@pytest.mark.parametrize(
    "values",
    [
        [str(n) for n in range(1, 3000)],
        [f"{n:08}" for n in np.random.default_rng(0).choice(10**8, 3000, replace=False)],
        [f"{a}{n:03}" for a in "ABCDEF" for n in range(0, 1000, 2)],
        [f"{n:x}-{n % 97:02}" for n in np.random.default_rng(1).integers(10**10, 10**11, 2000)],
    ],
    ids=["counted", "sparse", "half of all", "mixed"],
)
def test_codes_of_a_shape_are_distinct_however_many_are_drawn_and_none_is_real(values: list[str]) -> None:
    drawn = fitted(pd.Series(values, name="code", dtype=object)).draw(range(4000), 4000)
    assert drawn.is_unique
    assert not set(drawn) & set(values)


def test_values_that_must_not_come_out_beside_those_learnt_do_not() -> None:
    rng = np.random.default_rng(0)
    codes = [f"{n:04}" for n in rng.permutation(10_000)]
    learnt, others = codes[:300], codes[300:9_000]
    shapes = fit_shapes(learnt, rng, least=5, taken=others)
    fresh = [shape.fresh(i) for shape in shapes for i in range(shape.room)]
    assert fresh
    assert set(fresh) <= set(codes[9_000:])


def test_what_is_kept_holds_no_code() -> None:
    values = [f"K{n}" for n in np.random.default_rng(0).choice(10**7, 500, replace=False)]
    held = json.dumps(fitted(pd.Series(values, name="code", dtype=object)).to_json())
    assert not any(value in held for value in values if len(value) == 8)


def test_values_repeat_as_often_as_they_did() -> None:
    column = pd.Series([f"B{n:05}" for n in np.random.default_rng(0).integers(0, 300, 3000)], name="b", dtype=object)
    made = fit_surrogate(column, SurrogateForm(of=Replaced.CODE), np.random.default_rng(0), min_count=5, personas=None)
    drawn = made.draw(range(3000), 3000)
    assert drawn.nunique() == column.nunique()
    assert not set(drawn) & set(column)


@pytest.mark.parametrize(
    "change",
    [{"factor": "2"}, {"modulus": "0"}, {"alphabets": []}, {"alphabets": ["00"]}, {"span": "-1"}, {"share": "half"}],
)
def test_a_changed_shape_is_refused(change: dict[str, object]) -> None:
    shape = fit_shapes([f"{n}" for n in range(1000, 1400)], np.random.default_rng(0), least=5)[0]
    with pytest.raises(ArtifactError):
        Shape.from_json(shape.to_json() | change)


def test_check_digits_keep_their_place_so_that_no_real_id_comes_back_by_putting_them_in():
    learnt = [f"{n:08d}0" for n in range(0, 90_000_000, 4_500)]
    for shape in fit_shapes(learnt, np.random.default_rng(0), least=5, fixed=lambda text: (len(text) - 1,)):
        fresh = {shape.fresh(n) for n in range(500)}
        assert {text[-1] for text in fresh} == {"0"}
        assert not {text[:-1] for text in fresh} & {text[:-1] for text in learnt}


def test_a_dictionary_of_few_codes_has_no_room_for_identifiers() -> None:
    made = fitted(pd.Series([f"A-{i:03}" for i in range(120)], name="id", dtype=object))
    assert made.fits("dictionary<values=string, indices=int32, ordered=0>")
    assert not made.fits("dictionary<values=string, indices=int8, ordered=0>")
