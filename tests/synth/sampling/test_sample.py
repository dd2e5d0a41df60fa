"""One table, whole or in batches, by one thread or by several; and no code more often than it should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from synth.encode.layout import draw_from_logits, make_layout, softmax_by_column
from synth.encode.table_encoder import EncodedTable
from synth.errors import ConditionError, SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.pieces import PIECE
from synth.sampling.sample import in_order, sample, sample_batches
from synth.table.frame import TextForm, read_parquet, write_batches, write_csv
from synth.table.ranges import Range
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema

MANY = 2 * PIECE + 100


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    table = people()
    table.loc[:3, "city"] = "Kleinstdorf"  # so rare that it has the rare code
    return fit(table, schema(), FAST.with_(steps=10), Rng(0))


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("conditions", [{}, {"city": "Jena"}, {"age": Range(20, 40)}])
def test_batches_hold_the_records_of_the_table(
    model: TrainedModel, conditions: dict[str, str | Range], tmp_path: Path
) -> None:
    n = MANY if not conditions else 3000
    whole = sample(model, n, Rng(1), conditions=conditions)
    batches = sample_batches(model, n, Rng(1), conditions=conditions)
    assert (
        write_batches(batches, parquet=tmp_path / "t.parquet", csv=tmp_path / "t.csv", text=TextForm(days=["joined"]))
        == n
    )
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "t.parquet", schema()), whole, check_dtype=False)
    write_csv(whole, tmp_path / "whole.csv")
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not any(pa.types.is_dictionary(field.type) for field in pq.read_schema(tmp_path / "t.parquet"))


def test_the_table_does_not_depend_on_the_number_of_threads(model: TrainedModel) -> None:
    with threads(1):
        one = sample(model, MANY, Rng(1))
    with threads(3):
        three = sample(model, MANY, Rng(1))
        assert torch.get_num_threads() == 3
    assert one.equals(three)
    assert one["person"].is_unique


def test_no_records_have_columns_all_the_same(model: TrainedModel, tmp_path: Path) -> None:
    assert write_batches(sample_batches(model, 0, Rng(0)), parquet=tmp_path / "t.parquet", csv=tmp_path / "t.csv") == 0
    assert list(read_parquet(tmp_path / "t.parquet", schema()).columns) == list(schema().names)
    assert sample(model, 0, Rng(0)).dtypes.to_dict() == sample(model, 1, Rng(0)).dtypes.to_dict()


def test_what_cannot_be_drawn_is_refused_before_the_first_batch(model: TrainedModel) -> None:
    with pytest.raises(SynthError):
        sample_batches(model, -1, Rng(0))
    with pytest.raises(ConditionError):
        sample_batches(model, 5, Rng(0), conditions={"nobody": "x"})


def test_threads_that_are_no_longer_wanted_end() -> None:
    begun: list[int] = []
    pieces = in_order(lambda number: begun.append(number) or number, range(1000), 2)
    assert [next(pieces), next(pieces)] == [0, 1]
    pieces.close()  # type: ignore[attr-defined] # a generator
    assert len(begun) < 20


def test_frames_and_batches_decode_alike(model: TrainedModel) -> None:
    """For any codes, those that training never showed too."""
    r = np.random.default_rng(0)
    encoder = model.encoder
    codes = np.stack([r.integers(width, size=500) for width in encoder.widths], 1).astype(np.int32)
    residuals = r.uniform(-1, 1, (500, len(encoder.residual_columns))).astype(np.float32)
    encoded = EncodedTable(codes=codes, residuals=residuals)
    frame = encoder.decode(encoded, np.random.default_rng(1), begin=7, total=10**7)
    batch = encoder.to_arrow(encoded, np.random.default_rng(1), begin=7, total=10**7)
    for name in schema().names:
        expected = [None if pd.isna(value) else value for value in frame[name].tolist()]
        assert batch.column(name).to_pylist() == expected
    assert frame["person"].str.len().nunique() == 1


def test_a_parquet_file_lists_no_category_that_no_record_has(model: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    write_batches(sample_batches(model, 50, Rng(3), conditions={"city": "Bonn"}), parquet=path)
    held = pq.read_table(path, read_dictionary=["city"])["city"].combine_chunks()
    assert held.dictionary.to_pylist() == ["Bonn"]
    assert len(held) == 50


def test_draws_follow_the_probabilities() -> None:
    layout = make_layout([3, 1, 5], [], "cpu")
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(9, generator=random)
    codes = draw_from_logits(logits.expand(200_000, -1), layout, random)
    wanted = softmax_by_column(logits[None], layout)[0]
    for column, (start, width) in enumerate(zip([0, 3, 4], layout.sizes, strict=True)):
        share = torch.bincount(codes[:, column], minlength=width) / 200_000
        assert (share - wanted[start : start + width]).abs().max() < 0.006


def test_a_record_far_below_the_others_is_drawn_by_its_own_probabilities() -> None:
    layout = make_layout([2], [], "cpu")
    logits = torch.tensor([[0.0, 0.0], [-500.0, -400.0]]).repeat(1000, 1)
    codes = draw_from_logits(logits, layout, torch.Generator().manual_seed(0)).reshape(1000, 2)
    assert (codes[:, 1] == 1).all()
    assert 400 < int(codes[:, 0].sum()) < 600
