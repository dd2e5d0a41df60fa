"""The four tables of an audit, checked against one another, and who is assumed to attack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from privacy.errors import AuditInputError
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

FILE_ONLY = "An attacker holds the synthetic file and one person's complete record"
FILE_AND_REFERENCE = (
    "An attacker holds the synthetic file, one person's complete record and records of other people like them"
)


@dataclass(frozen=True, kw_only=True)
class AuditTables:
    """The records the generator learnt (train), two sets of people it never saw, and the table under audit.

    All four have the schema's columns in the schema's order. `reference` may be None: the attacks that need one then
    say so. Raises AuditInputError where the tables do not fit one another.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: pd.DataFrame
    schema: TableSchema
    reference: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if not self.columns:
            raise AuditInputError("expected at least one column that is not an identifier, got none")
        for name, frame in self.named():
            _check_columns(name, frame, self.schema)
            if name in {"train", "holdout", "synthetic"} and len(frame) == 0:
                raise AuditInputError(f"{name}: expected at least one record, got none")
            for column in self.columns:
                _check_kind(name, frame[column], self.schema[column].kind)

    def named(self) -> tuple[tuple[str, pd.DataFrame], ...]:
        """The tables that are there, with their names."""
        tables = (("train", self.train), ("holdout", self.holdout), ("synthetic", self.synthetic))
        return tables if self.reference is None else (*tables, ("reference", self.reference))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that attacks may use: all but identifiers, which are invented anew and mean nothing."""
        return self.schema.learnt

    def one_record_per_person(self, rng: np.random.Generator) -> AuditTables:
        """These tables with one random record of each person in train, holdout and reference.

        Records of one person are not independent, and every interval of the battery takes records as independent.
        Without a person column, or where no person has two records, the tables come back as they are.
        """
        person = self.schema.with_role(ColumnRole.PERSON)
        if person is None:
            return self
        reference = None if self.reference is None else _thin(self.reference, person, rng)
        return AuditTables(
            train=_thin(self.train, person, rng),
            holdout=_thin(self.holdout, person, rng),
            reference=reference,
            synthetic=self.synthetic,
            schema=self.schema,
        )


def _thin(frame: pd.DataFrame, person: str, rng: np.random.Generator) -> pd.DataFrame:
    shuffled = frame.iloc[rng.permutation(len(frame))]
    unknown = shuffled[person].isna()
    kept = shuffled[unknown | ~shuffled[person].duplicated()]
    return frame if len(kept) == len(frame) else kept


def _check_columns(name: str, frame: pd.DataFrame, schema: TableSchema) -> None:
    got = [str(column) for column in frame.columns]
    if got == list(schema.names):
        return
    if sorted(got) == sorted(schema.names):
        raise AuditInputError(f"{name}: expected the schema's columns in the schema's order, got another order")
    missing, extra = len(set(schema.names) - set(got)), len(set(got) - set(schema.names))
    raise AuditInputError(
        f"{name}: expected the schema's {len(schema)} columns, got {len(got)} ({missing} missing, {extra} unknown)"
    )


def _check_kind(name: str, column: pd.Series, kind: ColumnKind) -> None:
    is_date = pd.api.types.is_datetime64_any_dtype(column.dtype)
    is_number = pd.api.types.is_numeric_dtype(column.dtype)
    empty = bool(column.isna().all())
    if kind is ColumnKind.NUMERICAL and not is_number and not empty:
        raise AuditInputError(f"{name}, column {column.name!r}: expected numbers, got {column.dtype}")
    if kind is ColumnKind.DATETIME and not is_date and not empty:
        raise AuditInputError(f"{name}, column {column.name!r}: expected datetimes, got {column.dtype}")
    if kind is ColumnKind.CATEGORICAL and is_date:
        raise AuditInputError(f"{name}, column {column.name!r}: expected categories, got {column.dtype}")
