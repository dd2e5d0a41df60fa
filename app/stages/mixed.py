"""What a job asked its table to be mixed of, in the records of any table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.stages.tables import Tables, meeting
from app.wire_jobs import JobOptions
from synth.encode.presence import meets
from synth.fidelity.augmentation import Class, augmentation
from synth.fidelity.frames import Part
from synth.fidelity.mixed import FEWEST, thinned
from synth.protection import HOLDERS
from synth.randomness import Rng
from synth.table.ranges import Condition

Mask = NDArray[np.bool_]


def asked_for(frame: pd.DataFrame, options: JobOptions) -> pd.DataFrame:
    """The records that the job's table may contain the like of: they meet the conditions, and have a share in it."""
    met = meeting(frame, options.given())
    cells = cells_of(met, options)
    return met if cells is None else met[cells >= 0].reset_index(drop=True)


def cells_of(frame: pd.DataFrame, options: JobOptions) -> NDArray[np.int64] | None:
    """(records,) which cell of all mixes together a record is in, -1 for none; None where nothing is mixed.

    Of a category that has more records than usual: 1 for it, 0 for all others.
    """
    more, mixes = options.augmenting(), options.mixes()
    if more is not None:
        return meets(frame[more.column], more.value).astype(np.int64)
    if not mixes:
        return None
    found = np.zeros(len(frame), dtype=np.int64)
    for mix in mixes:
        own = np.full(len(frame), -1, dtype=np.int64)
        for place, (values, share) in enumerate(mix.shares.items()):
            if share > 0:
                own[_all(frame, dict(zip(mix.columns, values, strict=True)))] = place
        found = np.where((found < 0) | (own < 0), -1, found * len(mix.shares) + own)
    return found


def compared(tables: Tables, options: JobOptions, rng: np.random.Generator) -> tuple[Tables, dict[str, Any] | None]:
    """(the tables that fidelity is measured on, what the report says of the mix, if any).

    A table that was made to a mix is far from the real one in what was asked for, and in all that hangs together with
    it. So its fidelity is measured against real records in the same shares: as many as can be drawn without one twice.
    Where these are too few, it is measured against all, and the report says so.
    """
    synthetic = cells_of(tables.synthetic, options)
    if synthetic is None:
        return tables, None
    train, holdout = (
        frame.iloc[thinned(_cells(frame, options), synthetic, rng)].reset_index(drop=True)
        for frame in (tables.train, tables.holdout)
    )
    enough = min(len(train), len(holdout)) >= FEWEST
    found = replace(tables, train=train, holdout=holdout) if enough else tables
    said = {
        "kind": "mix" if options.augment is None else "augment",
        "shares": _shares(tables, options),
        "reweighted": enough,
        "train": len(found.train),
        "holdout": len(found.holdout),
    }
    return found, said


def more_of_class(tables: Tables, options: JobOptions) -> dict[str, Any] | None:
    """What more records of the category bring that the job augments; None where it augments none."""
    more = options.augmenting()
    if more is None:
        return None
    masks = {
        name: meets(frame[more.column], more.value)
        for name, frame in (("train", tables.train), ("holdout", tables.holdout), ("synthetic", tables.synthetic))
    }
    found = augmentation(
        tables.train,
        tables.holdout,
        tables.synthetic,
        tables.schema,
        Class(column=more.column, value=more.value, **masks),
        more.share,
        Rng(options.seed).spawn("augmentation").numpy,
    )
    if not isinstance(found, Part):
        return dict(found.to_json())
    said = {"column": more.column, "value": more.value, "asked": more.share}
    return {**said, "real": None, "rows": [], "reason": found.reason}


def _cells(frame: pd.DataFrame, options: JobOptions) -> NDArray[np.int64]:
    found = cells_of(frame, options)
    return np.zeros(len(frame), dtype=np.int64) if found is None else found


def _shares(tables: Tables, options: JobOptions) -> list[dict[str, Any]]:
    """What was asked for, what the real table has, and what this one has, value by value."""
    more = options.augmenting()
    asked: list[tuple[dict[str, Condition], float]] = []
    if more is not None:
        asked = [({more.column: more.value}, more.share)]
    for mix in options.mixes():
        asked += [(dict(zip(mix.columns, values, strict=True)), share) for values, share in mix.shares.items()]
    return [
        {
            "columns": list(cell),
            "values": [str(value) for value in cell.values()],
            "asked": share,
            "real": None if (real := _all(tables.train, cell)).sum() < HOLDERS else float(real.mean()),
            "synthetic": float(_all(tables.synthetic, cell).mean()),
        }
        for cell, share in asked
    ]


def _all(frame: pd.DataFrame, cell: Mapping[str, Condition]) -> Mask:
    """(records,) which records have all these values."""
    return reduce(np.logical_and, [meets(frame[name], wanted) for name, wanted in cell.items()])
