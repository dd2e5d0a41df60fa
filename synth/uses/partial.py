"""A table of which some cells are given: checked against a model, encoded, and put together with what is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.encode.categorical import CategoricalEncoder
from synth.encode.rules.steps import Computed
from synth.encode.table_encoder import EncodedTable
from synth.errors import RuleWarning, TableError
from synth.model import TrainedModel
from synth.protection import FOREST_RECORDS
from synth.randomness import Rng
from synth.rules.kept import BROKEN, kept_by
from synth.rules.text import text_of_rule
from synth.sampling.apart import apart_where_drawn
from synth.table.frame import validate
from synth.table.pandas_types import frame_as_came
from synth.table.schema import TableSchema
from synth.table.values import values_of
from synth.uses.deduced import with_deduced


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Partial:
    """Records of which some cells are given."""

    table: pd.DataFrame
    """All columns of the schema, as they are stored"""
    given: pd.DataFrame
    """The same columns, bool: which cells have a value"""
    came: pd.DataFrame
    """The same, without values that follow from others by a rule"""
    codes: Tensor
    """(n, C) int64; of cells that are not given they say nothing"""
    residuals: Tensor
    """(n, R) float32"""
    held: Tensor
    """(n, C) bool, which cells of the encoded columns are given"""


def read_partial(
    model: TrainedModel, table: pd.DataFrame, rng: Rng, *, known: bool = True, deduce: bool = True
) -> Partial:
    """The table in codes. A column that it lacks is one of which no cell is given.

    With `deduce`, cells that follow from others by a rule count as given (`synth.uses.deduced`).

    A number or a date beyond what the model may emit stays as it is given, and counts as the end of the range: models
    protect extremes that few people have, also those of the table that they were trained on.

    Raises TableError where it has no records, columns other than the schema's, values of another kind, or, with
    `known`, categories that the model may not emit; and where the model's people have several records.
    """
    if model.sequences is not None:
        raise TableError("expected a model of people with one record each, got one of people with several records")
    table = whole(table, model.schema)
    came = values_of(table, model.schema).notna()
    if deduce:
        table = with_deduced(table, model.encoder, model.schema, model.counts.numpy())
    values = values_of(table, model.schema)
    given = values.notna()
    if known:
        for column in model.encoder.encoders:
            if isinstance(column, CategoricalEncoder) and column.name not in model.encoder.rules.replaced:
                _check_known(column, values[column.name][given[column.name]])
    encoded = model.encoder.encode(table, rng.spawn("encode"))
    return Partial(
        table=table,
        given=given,
        came=came,
        codes=torch.from_numpy(encoded.codes.astype(np.int64)),
        residuals=torch.from_numpy(np.ascontiguousarray(encoded.residuals)),
        held=torch.from_numpy(_held(model, given)),
    )


def _held(model: TrainedModel, given: pd.DataFrame) -> NDArray[np.bool_]:
    """(n, C) which cells of the encoded columns are given: all that the column is learnt from."""
    replaced, found = model.encoder.rules.replaced, []
    for column in model.encoder.encoders:
        step = replaced.get(column.name)
        # what is learnt of a computed column is of its own cells
        names = (column.name,) if step is None or isinstance(step, Computed) else (*step.columns, *step.sources)
        found.append(given[list(names)].all(axis=1).to_numpy())
    return np.stack(found, axis=1) if found else np.zeros((len(given), 0), dtype=np.bool_)


def whole(table: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The table with all columns of the schema. Raises TableError where it has no records or others besides."""
    others = len(set(table.columns) - set(schema.names))
    if others or not table.columns.is_unique:
        raise TableError(f"expected columns among the {len(schema)} of the model, each once, got {others} others")
    if not len(table):
        raise TableError("expected one record or more, got none")
    absent = [name for name in schema.names if name not in table.columns]
    more = {name: pd.Series([None] * len(table), index=table.index, dtype=object) for name in absent}
    return validate(table.assign(**more)[list(schema.names)], schema)


def completed(
    model: TrainedModel,
    partial: Partial,
    codes: Tensor,
    residuals: Tensor,
    rng: Rng,
    *,
    fixed: Collection[str] = (),
) -> pd.DataFrame:
    """The table whose given cells are as they were, and whose others are as codes and residuals say.

    Others are moved where they break a unique rule, but for those of columns that are `fixed`. Warns of what is left.
    """
    encoded = EncodedTable(codes=codes.numpy().astype(np.int32), residuals=residuals.numpy())

    def known(name: str, column: pd.Series) -> pd.Series:
        return overlaid(column, partial.table[name], partial.given[name].to_numpy())

    given = {str(name): column.to_numpy() for name, column in partial.given.items()}
    drawn = model.encoder.decode(encoded, rng.spawn("decode").numpy, known=known, given=given)
    done = pd.DataFrame({name: known(name, drawn[name]) for name in model.schema.names})
    given = {name: partial.given[name].to_numpy() | (name in fixed) for name in model.schema.names}
    done = apart_where_drawn(model, done, given)
    _warn_of_rules(model, done)
    return frame_as_came(done, model.schema)


def _warn_of_rules(model: TrainedModel, table: pd.DataFrame) -> None:
    """Warns where records break a rule between columns because of the cells that were given."""
    values = {str(name): column for name, column in values_of(table, model.schema).items()}
    for each in model.encoder.rules.rules:
        broken = int((kept_by(each.rule, values) == BROKEN).sum())
        if broken:
            warnings.warn(
                f"{broken} of {len(table)} records break the rule {text_of_rule(each.rule)!r}: cells that it is about"
                " were given, and do not fit those that were drawn",
                RuleWarning,
                stacklevel=3,
            )


def overlaid(drawn: pd.Series, own: pd.Series, given: NDArray[np.bool_]) -> pd.Series:
    """(n,) the given values, and those drawn where none is given; of the dtype of what is drawn where that holds both.

    That of the values that are given where it does not.
    """
    kept = own[given]
    numeric = pd.api.types.is_numeric_dtype(drawn.dtype) and pd.api.types.is_numeric_dtype(own.dtype)
    if numeric and not pd.api.types.is_float_dtype(drawn.dtype) and (kept.astype("Float64") % 1 != 0).any():
        drawn = drawn.astype("Float64" if drawn.isna().any() else "float64")
    if numeric and isinstance(drawn.dtype, np.dtype) and drawn.dtype.kind in "iu" and kept.isna().any():
        drawn = drawn.astype("Int64")
    out = drawn.copy()
    if len(kept):
        out[given] = kept.astype(drawn.dtype) if numeric or drawn.dtype != own.dtype else kept
    return out


def _check_known(column: CategoricalEncoder, values: pd.Series) -> None:
    if not values.isin(list(column.categories)).all():
        # how many is not told: an error of a job is read by more people than may see the records
        raise TableError(
            f"column {column.name!r}: expected categories that this model may emit, got some cells with others"
            ": leave these cells empty, or these records out"
        )


def redraws_none() -> TableError:
    """What is said of a model that has nothing by which one column follows from the others."""
    return TableError(
        "expected a model that redraws columns given the others, got one that redraws none: "
        f"train it on {FOREST_RECORDS:,} records or more, for longer"
    )
