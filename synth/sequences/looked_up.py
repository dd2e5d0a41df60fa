"""Finds the columns of a table that are looked up, and gives each looked-up value a code of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.people import People, holders
from synth.randomness import Rng
from synth.sequences.lookup import Candidate, Found, Lookup, coded, find_lookups
from synth.sequences.outline import counted, stored_code
from synth.sequences.rises import units_of
from synth.table.source import TableSource


def look_up(
    came: TableSource,
    encoder: TableEncoder,
    encoded: EncodedTable,
    varying: Sequence[str],
    who: People,
    least: int,
    rng: Rng,
) -> tuple[TableEncoder, EncodedTable, tuple[Lookup, ...]]:
    """(encoder, encoded records, lookups of `varying` columns); `least` people or more have each looked-up value."""
    records = encoder.rules.forward(came, encoder.schema)
    found = find_lookups(_candidates(encoder, encoded, records, who, varying, least), who, least)
    if not found:
        return encoder, encoded, ()
    encoder = _with_atoms(encoder, found, records)
    encoded = encoder.encode(came, rng.spawn("encode"))
    places = {column.name: i for i, column in enumerate(encoder.encoders)}
    lookups = []
    for each in found:
        place = places[each.column]
        lookups.append(coded(each, encoded.codes[:, place].astype(np.int64), _told(encoder.encoders[place])))
    return encoder, encoded, tuple(each for each in lookups if len(each.keys))


def _candidates(
    encoder: TableEncoder, encoded: EncodedTable, records: TableSource, who: People, varying: Sequence[str], least: int
) -> list[Candidate]:
    found = []
    for i, column in enumerate(encoder.encoders):
        if column.name not in varying or column.made_up is not None:
            continue
        codes = encoded.codes[:, i].astype(np.int64)
        plain = None if column.numbers is not None else _told(column) & (holders(codes, who, column.width) >= least)
        stored = stored_code(records.column(column.name))
        found.append(Candidate(name=column.name, stored=stored, codes=codes, plain=plain))
    return found


def _told(column: ColumnEncoder) -> NDArray[np.bool_]:
    """(width,) which codes of a column stand for one value each."""
    told, inside = np.ones(column.width, dtype=np.bool_), column.piece_codes()
    told[inside.start : inside.stop] = False
    rare = column.rare_code()
    if rare is not None:
        told[rare] = False
    return told


def _with_atoms(encoder: TableEncoder, found: Sequence[Found], records: TableSource) -> TableEncoder:
    """The encoder in which each looked-up value of a quantity has a code of its own."""
    rows = {each.column: each.rows for each in found}
    schema, columns = encoder.rules.learnt(encoder.schema), list[ColumnEncoder]()
    for column in encoder.encoders:
        inner = column.numbers
        if inner is None or column.name not in rows:
            columns.append(column)
            continue
        values = units_of(column, counted(records.column(column.name).iloc[rows[column.name]], schema[column.name]))
        inside = values[(values >= inner.low) & (values <= inner.high)]
        atoms = tuple(sorted({*inner.atoms, *inside.tolist()}))
        columns.append(column.with_numbers(replace(inner, atoms=atoms)))
    return replace(encoder, encoders=tuple(columns))
