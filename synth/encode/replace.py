"""What replaces the columns of a table that are not learnt, consistent within each record."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from synth.detect.identifiers import names_others
from synth.encode.fit_surrogate import fit_surrogate
from synth.encode.personas import Personas, invent
from synth.encode.surrogate import WRITTEN_BY, Surrogate
from synth.randomness import Rng
from synth.table.schema import ColumnRole, ColumnSpec, TableSchema
from synth.table.source import TableSource
from synth.written.surrogate import Replaced, SurrogateForm

APART = 10_007
"""How far apart the numbers of the invented people of two columns of names begin."""


def fit_surrogates(
    source: TableSource, schema: TableSchema, names: Sequence[str], rng: Rng, min_count: int
) -> dict[str, Surrogate]:
    """By name, what replaces each of these columns.

    Names, e-mail addresses and the like that are about the same people come from the same invented people.
    """
    written = [name for name in names if _form(schema[name]).of in WRITTEN_BY]
    personas = _personas(source, written, rng) if written else None
    made = {}
    for place, name in enumerate(names):
        column, spec = source.column(name), schema[name]
        # a doctor's name repeats as often as it did; all that is about the person of the record is one person's
        subject = spec.role is ColumnRole.PERSON or (name in written and not names_others(name))
        made[name] = fit_surrogate(
            column,
            _form(spec),
            rng.spawn(name).numpy,
            min_count=min_count,
            personas=personas,
            taken=source.taken(name),
            distinct=1.0 if subject else None,
            offset=0 if subject else place * APART,
        )
    return made


def _form(spec: ColumnSpec) -> SurrogateForm:
    return spec.surrogate or SurrogateForm(of=Replaced.CODE)


def _personas(source: TableSource, names: Sequence[str], rng: Rng) -> Personas:
    texts: list[str] = []
    for name in names:
        for column in (source.column(name), source.taken(name)):
            if column is not None:
                texts += [str(text) for text in pd.unique(column.dropna())]
    return invent(texts, rng.spawn("personas").numpy)
