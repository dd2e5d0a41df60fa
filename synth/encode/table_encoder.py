"""A whole table to codes and residuals, and back: the layout that the networks are built on."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.base import Codes, ColumnEncoder, Residuals, Selected, list_of
from synth.encode.kinds import READS
from synth.encode.presence import selected_by
from synth.encode.rules.backward import Given
from synth.encode.rules.fitting import check_fits
from synth.encode.rules.plan import Overlay, RulePlan
from synth.encode.rules.shown import arrow_of
from synth.encode.rules.steps import Group, Together
from synth.encode.surrogate import Surrogate, arrow_without, without
from synth.errors import ArtifactError, ConditionError
from synth.randomness import Rng
from synth.table.ranges import Condition
from synth.table.schema import TableSchema
from synth.table.source import FrameTable, TableSource
from synth.table.values import values_of

MAPPED_BYTES = 2**28
"""Larger arrays lie in a file, where there is a folder for it."""
BLOCK = 2**18
"""Records of a column that are encoded at a time."""


def untold(part: float) -> None:
    """Ignores progress, for whoever does not ask for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedTable:
    """A table as the networks see it."""

    codes: NDArray[np.integer[Any]]
    """(records, encoded columns), in as few bytes as the widest column takes"""
    residuals: NDArray[np.float32]
    """(records, encoded columns with modes), in [-1, 1]"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableEncoder:
    """The encoders of the encoded columns in schema order, and the surrogates of the others."""

    schema: TableSchema
    encoders: tuple[ColumnEncoder, ...]
    surrogates: tuple[Surrogate, ...]
    rules: RulePlan = field(default_factory=RulePlan)
    """The rules between columns that decoded records keep, and what is encoded in place of which columns"""

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of codes of each encoded column."""
        return tuple(c.width for c in self.encoders)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each encoded column."""
        return tuple(c.name for c in self.encoders)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first flat code of each encoded column; flat codes number the codes of all columns through."""
        return tuple(accumulate(self.widths, initial=0))[:-1]

    @property
    def residual_columns(self) -> tuple[int, ...]:
        """Which of the encoded columns have a residual, by index."""
        return tuple(i for i, c in enumerate(self.encoders) if c.has_residual)

    def is_piece(self) -> NDArray[np.bool_]:
        """(D,) whether each flat code is a mode piece."""
        pieces = np.zeros(sum(self.widths), dtype=np.bool_)
        for start, column in zip(self.starts, self.encoders, strict=True):
            inside = column.piece_codes()
            pieces[start + inside.start : start + inside.stop] = True
        return pieces

    def encode(
        self,
        table: pd.DataFrame | TableSource,
        rng: Rng,
        scratch: Path | None = None,
        *,
        progress: Callable[[float], None] = untold,
    ) -> EncodedTable:
        """Codes and residuals of a table with the schema's columns, one of which is looked at at a time.

        What is larger than MAPPED_BYTES lies in a file in the folder `scratch`, where one is given, and is gone with
        the arrays. `progress` hears the part done, in [0, 1].
        """
        source = self.rules.forward(FrameTable(table) if isinstance(table, pd.DataFrame) else table, self.schema)
        kind = next(k for k in (np.uint8, np.int16, np.int32) if max(self.widths) - 1 <= np.iinfo(k).max)
        codes = _array((len(source), len(self.encoders)), kind, scratch)
        residuals = _array((len(source), len(self.residual_columns)), np.float32, scratch)
        place = {column: i for i, column in enumerate(self.residual_columns)}
        for i, column in enumerate(self.encoders):
            values, random = source.column(column.name), rng.spawn(column.name).numpy
            for begin in range(0, len(values), BLOCK):
                block = slice(begin, begin + BLOCK)
                encoded = column.encode(values.iloc[block], random)
                codes[block, i] = encoded.codes
                if encoded.residuals is not None:
                    residuals[block, place[i]] = encoded.residuals
            progress((i + 1) / len(self.encoders))
        return EncodedTable(codes=codes, residuals=residuals)

    def decode(
        self,
        encoded: EncodedTable,
        rng: np.random.Generator,
        *,
        begin: int = 0,
        total: int | None = None,
        known: Overlay | None = None,
        given: Given | None = None,
    ) -> pd.DataFrame:
        """A table with the schema's columns and dtypes; identifiers are fresh surrogates.

        Where it is a part of a table of `total` records, `begin` is where in that it lies. Cells that are `known` stay
        as they are, and what rules make of them follows, see `RulePlan.restore`; `given` says which they are.
        """
        records, total = _placed(encoded, begin, total)
        columns = {s.name: s.draw(records, total, self._referred(s)) for s in self._made_up}
        for column, codes, residuals in self._apart(encoded):
            if column.made_up is None:
                columns[column.name] = column.decode(codes, residuals, rng)
            else:
                columns[column.name] = without(columns[column.name], codes == column.missing_code())
        columns = self.rules.restore(columns, self.schema, known=known, given=given)
        return pd.DataFrame({name: columns[name] for name in self.schema.names})

    def decode_some(
        self, encoded: EncodedTable, names: Collection[str], rng: np.random.Generator
    ) -> dict[str, pd.Series]:
        """Some of the columns of `decode` that are learnt or restored, and what they are restored from."""
        wanted = self.rules.needed(frozenset(names))
        columns = {
            c.name: c.decode(codes, residuals, rng) for c, codes, residuals in self._apart(encoded) if c.name in wanted
        }
        return self.rules.restore(columns, self.schema, only=wanted)

    def with_distances(self, encoded: EncodedTable, rng: np.random.Generator) -> TableEncoder:
        """The encoder whose distances make generated columns the same as often as in the real table, see `Snap`."""
        wanted = self.rules.needed(self.rules.changed)
        learnt = {
            c.name: c.decode(codes, residuals, rng) for c, codes, residuals in self._apart(encoded) if c.name in wanted
        }
        return replace(self, rules=self.rules.with_distances(learnt, self.schema))

    def decode_values(self, encoded: EncodedTable, rng: np.random.Generator) -> pd.DataFrame:
        """The same as `decode`, with numbers and dates in place of the texts that stand for them."""
        return values_of(self.decode(encoded, rng), self.schema)

    def to_arrow(
        self, encoded: EncodedTable, rng: np.random.Generator, *, begin: int = 0, total: int | None = None
    ) -> pa.RecordBatch:
        """The same values as those of `decode`, by the same random numbers."""
        records, total = _placed(encoded, begin, total)
        columns: dict[str, pa.Array] = {s.name: s.to_arrow(records, total, self._referred(s)) for s in self._made_up}
        ruled = self.rules.needed(self.rules.changed)
        held: dict[str, pd.Series] = {}
        for column, codes, residuals in self._apart(encoded):
            if column.name in ruled and column.made_up is None:
                held[column.name] = column.decode(codes, residuals, rng)
                if column.name not in self.rules.changed:
                    columns[column.name] = arrow_of(held[column.name])
            elif column.made_up is None:
                columns[column.name] = column.to_arrow(codes, residuals, rng)
            else:
                columns[column.name] = arrow_without(columns[column.name], codes == column.missing_code())
        restored = self.rules.restore(held, self.schema)
        columns |= {name: arrow_of(restored[name]) for name in self.rules.changed}
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], list(self.schema.names))

    @property
    def _made_up(self) -> list[Surrogate]:
        """What makes columns up, of some of which it is encoded whether they are missing."""
        return [*self.surrogates, *(c.made_up for c in self.encoders if c.made_up is not None)]

    def _referred(self, surrogate: Surrogate) -> Surrogate | None:
        """The surrogate of the column whose values this one's repeat."""
        return next((s for s in self._made_up if s.name == surrogate.refers_to), None)

    def _apart(self, encoded: EncodedTable) -> Iterator[tuple[ColumnEncoder, Codes, Residuals | None]]:
        """Each encoded column with what is encoded of it."""
        place = {column: i for i, column in enumerate(self.residual_columns)}
        for i, column in enumerate(self.encoders):
            codes = encoded.codes[:, i].astype(np.int32)
            yield column, codes, encoded.residuals[:, place[i]] if i in place else None

    @property
    def whole_days(self) -> tuple[str, ...]:
        """The datetime columns that hold days."""
        learnt = {c.name for c in self.encoders if c.whole_days and c.name not in self.rules.shown}
        days = learnt | {name for name, shown in self.rules.shown.items() if shown.whole_days}
        return tuple(name for name in self.schema.names if name in days)

    @property
    def places(self) -> dict[str, int]:
        """How many places CSV shows of columns of doubles, of those that have a fixed number of them."""
        found = {column.name: column.places(self.schema[column.name].places) for column in self.encoders}
        found |= dict.fromkeys(self.rules.replaced, None)
        found |= {name: shown.places for name, shown in self.rules.shown.items()}
        return {name: places for name, places in found.items() if places is not None}

    def select(self, name: str, wanted: Condition) -> tuple[int, Selected]:
        """(encoded column, what of it a condition selects).

        Raises ConditionError where there is nothing of it that may be emitted, or the column is of another kind.
        """
        if name not in self.schema.names:
            raise ConditionError(f"column {name!r}: the model has no such column")
        name, texts = self._in_group(name, wanted)
        for i, column in enumerate(self.encoders):
            if column.name == name:
                return i, selected_by(column, wanted) if texts is None else selected_among(column, texts)
        kind = self.schema[name].kind
        raise ConditionError(f"column {name!r}: expected a column that is learnt to condition on, got a {kind} one")

    def _in_group(self, name: str, wanted: Condition) -> tuple[str, frozenset[str] | None]:
        """(the column that is encoded in place of this one, which of its categories mean what is wanted).

        None where it is the column itself.
        """
        step = self.rules.replaced.get(name)
        if isinstance(step, Group | Together):
            return step.columns[0], step.categories_with(name, wanted)
        return name, None

    def to_json(self) -> list[dict[str, Any]]:
        """The state of all encoders as JSON values."""
        return [c.to_json() for c in self.encoders] + [s.to_json() for s in self.surrogates]

    @staticmethod
    def from_json(values: Any, schema: TableSchema, rules: RulePlan | None = None) -> TableEncoder:  # noqa: ANN401 - an untrusted file's value
        """The encoder that `to_json` wrote. Raises ArtifactError where it is not one for this schema and the rules."""
        rules = rules or RulePlan()
        learnt = rules.learnt(schema)
        encoders: list[ColumnEncoder] = []
        surrogates: list[Surrogate] = []
        for state in list_of({"columns": values}, "columns"):
            kind = state.get("encoder")
            if kind == "identifier":
                surrogates.append(Surrogate.from_json(state))
            elif isinstance(kind, str) and kind in READS:
                encoders.append(READS[kind](state))
            else:
                raise ArtifactError(f"encoder: expected one of {[*READS, 'identifier']}")
        names = [c.name for c in encoders]
        if not encoders or sorted(learnt.names) != sorted(names + [s.name for s in surrogates]):
            raise ArtifactError("columns: expected one encoder for each column of the schema")
        if names != [n for n in schema.names if n in names]:
            raise ArtifactError("columns: expected the encoders in the schema's order")
        check_fits(rules, {column.name: column for column in encoders})
        return TableEncoder(schema=schema, encoders=tuple(encoders), surrogates=tuple(surrogates), rules=rules)


def selected_among(column: ColumnEncoder, texts: frozenset[str]) -> Selected:
    """The categories that are among these. Raises ConditionError where the model emits none of them."""
    found: Selected | None = None
    for text in sorted(texts):
        with suppress(ConditionError):
            each = column.select(text)
            found = each if found is None else replace(found, shares=found.shares + each.shares)
    if found is None:
        raise ConditionError(f"column {column.name!r}: expected a value that this model may emit, got another one")
    return found


def _array(shape: tuple[int, int], kind: type[np.generic], scratch: Path | None) -> NDArray[Any]:
    """An array of zeros, in memory or in a file without a name."""
    if scratch is None or math.prod(shape) * np.dtype(kind).itemsize <= MAPPED_BYTES:
        return np.zeros(shape, dtype=kind)
    with tempfile.TemporaryFile(dir=scratch) as file:
        return np.memmap(file, dtype=kind, mode="w+", shape=shape)


def _placed(encoded: EncodedTable, begin: int, total: int | None) -> tuple[range, int]:
    """(which records of the whole table these are, how many it has)."""
    end = begin + len(encoded.codes)
    return range(begin, end), end if total is None else total
