"""How good a model is: as many records as the table has are sampled from it and held against the table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.errors import TableError
from synth.fidelity.assess import Fidelity, assess
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.table.values import values_of

HELD_BACK = 0.25
"""Share of the table that stands in for a holdout where none is given."""


def score(model: TrainedModel, table: pd.DataFrame, rng: Rng, *, holdout: pd.DataFrame | None = None) -> Fidelity:
    """The fidelity of as many sampled records as `table` has, the records that the model has learnt.

    `holdout` are records that it has not: detection and utility are judged on them. Without any a quarter of the table
    takes their place; as the model has learnt that too, those figures then do not show whether it learnt by heart.
    Raises TableError where a table does not fit the model's schema or has too few records to be cut.
    """
    table = values_of(validate(table, model.schema), model.schema)
    if holdout is None:
        kept = int(len(table) * HELD_BACK)
        if kept == 0:
            raise TableError(f"expected {round(1 / HELD_BACK)} records or more, got {len(table)}")
        order = rng.spawn("holdout").numpy.permutation(len(table))
        parts = (np.sort(order[kept:]), np.sort(order[:kept]))
        train, unseen = (table.iloc[part].reset_index(drop=True) for part in parts)
    else:
        train, unseen = table, values_of(validate(holdout, model.schema), model.schema)
    synthetic = values_of(validate(sample(model, len(train), rng.spawn("sample")), model.schema), model.schema)
    return assess(train, unseen, synthetic, model.schema, rng.spawn("assess").numpy)
