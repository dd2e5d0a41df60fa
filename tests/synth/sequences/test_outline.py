"""Whose records are whose, in which order, and which columns are a person's: decided by no few people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.protection import HOLDERS
from synth.sequences.outline import Outline, find_outline
from synth.table.schema import ColumnKind, ColumnSpec
from synth.table.source import FrameTable
from tests.synth.sequences.visits import SCHEMA, visits

NUMBERED = type(SCHEMA)(columns=(*SCHEMA.columns, ColumnSpec(name="number", kind=ColumnKind.NUMERICAL)))


def table() -> pd.DataFrame:
    """The dates of visits order them, and their numbers ascend."""
    found = visits(200).sort_values(["patient", "at"]).reset_index(drop=True)
    return found.assign(number=found.groupby("patient").cumcount())


def outlined(frame: pd.DataFrame) -> Outline:
    found = find_outline(FrameTable(frame), NUMBERED, HOLDERS)
    assert found is not None
    return found


def told(outline: Outline) -> tuple[object, ...]:
    return outline.order, outline.constant, set(outline.ascending), set(outline.varying)


@pytest.mark.parametrize("breaks", ["misses its date", "misses all dates", "goes back", "counts backwards"])
@pytest.mark.parametrize("people", [1, HOLDERS - 1])
def test_few_people_do_not_decide_what_columns_are_however_many_records_they_have(breaks: str, people: int) -> None:
    frame = table()
    at = pd.Timestamp("2021-01-01") + pd.to_timedelta(np.arange(600), unit="D")
    odd = pd.concat(
        [
            pd.concat([frame.iloc[[0]]] * 600).assign(patient=f"X{n}", at=at, number=np.arange(600))
            for n in range(people)
        ],
        ignore_index=True,
    )
    if breaks == "misses its date":
        odd.loc[::600, "at"] = pd.NaT
    elif breaks == "misses all dates":
        odd["at"] = pd.NaT
    else:
        odd[name] = odd[name := "at" if breaks == "goes back" else "number"].to_numpy()[::-1]
    before, after = outlined(frame), outlined(pd.concat([frame, odd], ignore_index=True))
    assert told(after) == told(before)
    assert after.order == "at"
    assert after.unordered == {"misses its date": people, "misses all dates": 600 * people}.get(breaks, 0)
    assert len(after.rows) + after.unordered == len(frame) + len(odd)
    assert (np.diff(after.starts, append=len(after.rows)) > 0).all()


def test_what_more_people_do_decides() -> None:
    frame = table()
    first = frame.groupby("patient").head(1).index[: 4 * HOLDERS]
    frame.loc[first, "at"] = pd.NaT
    assert outlined(frame).order == "number"
