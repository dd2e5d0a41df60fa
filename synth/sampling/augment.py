"""More records of one category of a column: the mix that has them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.errors import ConditionError
from synth.model import TrainedModel
from synth.table.mix import Augment, Mix, more_of
from synth.table.ranges import AnyOf, Condition, Presence


def augmented(model: TrainedModel, n: int, wanted: Augment, *, counted: bool = False) -> tuple[int, Mix]:
    """(how many records there are, their mix): `n` with the categories as they were learnt, and more of one.

    There are so many more that the category has the wanted share. Raises ConditionError where the model may not emit
    it, where the column is not categorical or follows from others by a rule, where there is no other category, and,
    unless the real records have been `counted`, where the category has that share already.
    """
    said = f"augment: column {wanted.column!r}"
    column, counts = _counted(model, wanted.column)
    frequencies = {} if column is None else column.frequencies(counts)
    if column is None or not frequencies or wanted.column in model.encoder.rules.replaced:
        raise ConditionError(f"{said}: expected a categorical column that no rule decides, got another one")
    meant = list(frequencies)[int(column.select(wanted.value).shares.argmax())]
    others = tuple(each for each in frequencies if each != meant)
    if not others:
        raise ConditionError(f"{said}: expected a column with two categories or more, got one")
    records = float(counts.sum())
    held, gaps = (round(n * each / records) for each in (frequencies[meant], records - math.fsum(frequencies.values())))
    more = more_of(held, n, wanted.share)
    if more == 0 and not counted:
        raise ConditionError(f"{said}: expected a share above the one that the category has in the training records")
    cells: dict[tuple[Condition, ...], int] = {
        (wanted.value,): held + more,
        (AnyOf(others),): n - held - gaps,
        (Presence.MISSING,): gaps,
    }
    total = n + more
    shares = {values: number / total for values, number in cells.items() if number > 0}
    return total, Mix(columns=(wanted.column,), shares=shares)


def _counted(model: TrainedModel, name: str) -> tuple[ColumnEncoder | None, NDArray[np.float64]]:
    """(the encoder of a column, (width,) how often the training records have each of its codes); None without one."""
    for start, column in zip(model.encoder.starts, model.encoder.encoders, strict=True):
        if column.name == name:
            return column, model.counts[start : start + column.width].double().numpy()
    return None, np.empty(0)
