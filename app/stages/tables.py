"""The tables that assessing and attacking compare: the sealed parts of the real one, and the synthetic one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from app.split import Part, Split, check_split, read_part, write_part
from app.stage_context import StageContext
from synth.encode.presence import meets
from synth.table.frame import read_parquet
from synth.table.ranges import Condition
from synth.table.schema import TableSchema
from synth.table.source import ParquetTable

Within = Callable[[pd.DataFrame], pd.DataFrame]
COMPARED = (Part.TRAIN, Part.HOLDOUT, Part.REFERENCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """Train, holdout, reference and synthetic table, all of one schema."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    reference: pd.DataFrame
    synthetic: pd.DataFrame
    schema: TableSchema


def read_tables(context: StageContext, within: Within | None = None) -> Tables:
    """The four tables of this job.

    Where the job asked for conditions, the real parts are cut to the records that meet them: the synthetic table claims
    to look like those alone, and a leak about them must not be thinned out by records that it cannot contain.
    `within` cuts them in its own way.
    """
    cut = within or (lambda frame: meeting(frame, context.options.given()))
    parts = {part.name.lower(): cut(read_sealed(context, part)) for part in COMPARED}
    synthetic = read_parquet(context.fetch("synthetic"), context.schema)
    return Tables(**parts, synthetic=synthetic, schema=context.schema)


def read_sealed(context: StageContext, part: Part) -> pd.DataFrame:
    """The records of one part. Raises SplitBrokenError where the assignment is not the one that was sealed."""
    assignment = context.fetch("assignment")
    check_split(assignment, Split.from_json(context.fetch_json("split")))
    return read_part(context.fetch("table"), assignment, part, context.schema)


def sealed_part(context: StageContext, part: Part) -> ParquetTable:
    """The same records as those of `read_sealed`, to be read a column at a time."""
    assignment, out = context.fetch("assignment"), context.folder / f"{part.name.lower()}.parquet"
    check_split(assignment, Split.from_json(context.fetch_json("split")))
    whole = context.fetch("table")
    write_part(whole, assignment, part, out)
    return ParquetTable(out, context.schema, whole)


def meeting(frame: pd.DataFrame, conditions: Mapping[str, Condition]) -> pd.DataFrame:
    """The records that meet all conditions."""
    met = pd.Series(data=True, index=frame.index)
    for column, wanted in conditions.items():
        met &= meets(frame[column], wanted)
    return frame[met].reset_index(drop=True)
