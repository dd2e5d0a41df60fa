"""Where a column lies in an encoded table."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.columns import named, only, places, usable
from privacy.distance import encode
from privacy.errors import AuditInputError
from privacy.guess import values_of
from tests.privacy.attacks.awkward import MIXED, awkward, mixed


@pytest.mark.parametrize("name", list(awkward()))
def test_every_array_of_the_encoding_belongs_to_exactly_one_column(name):
    given = awkward()[name]
    frames = [given.train, given.holdout, given.synthetic]
    columns = places(frames, given.schema)
    rows = encode(frames, given.schema, scale_on=2)[2]
    assert [c.number for c in columns if c.number is not None] == list(range(len(rows.numbers)))
    assert [c.code for c in columns if c.code is not None] == list(range(len(rows.codes)))


def test_a_column_reads_back_what_the_table_holds():
    frame = mixed(300, 1)
    columns = {c.name: c for c in places([frame], MIXED)}
    (rows,) = encode([frame], MIXED, scale_on=1)
    for name in ("amount", "born"):
        values, told = values_of(rows, columns[name]), frame[name].notna()
        assert (np.isnan(values) == ~told).all()
        assert (np.diff(values[told][np.argsort(frame[name][told].to_numpy())]) >= 0).all()
    towns = values_of(rows, columns["town"])
    assert len(np.unique(towns)) == 4
    assert (frame["town"].isna() == (towns == towns[frame["town"].isna()][0])).all()


def test_identifiers_have_no_place_and_unknown_names_are_refused_without_repeating_them():
    columns = places([mixed(50, 1)], MIXED)
    assert [c.name for c in usable(columns)] == ["amount", "born", "town", "gain", "sick"]
    with pytest.raises(AuditInputError) as error:
        named(columns, ["sick", "secret name"])
    assert "secret name" not in str(error.value)


def test_dropping_columns_leaves_the_others_as_they_are():
    frame = mixed(50, 1)
    columns = places([frame], MIXED)
    (rows,) = encode([frame], MIXED, scale_on=1)
    kept = named(columns, ["born", "sick"])
    part = only(rows, kept)
    assert part.numbers.shape == (1, 50)
    assert len(part.codes) == 2
    assert (part.numbers[0] == rows.numbers[kept[0].number]).all()
    assert only(rows, named(columns, ["town"])).numbers.shape == (0, 50)
