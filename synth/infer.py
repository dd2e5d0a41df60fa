"""Proposes what the columns of a table mean. The user may correct the proposal before anything is learnt."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from synth.errors import TableError
from synth.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

TARGET_CLASSES = 20
"""A numeric target with at most this many distinct values is a class label."""
UNIQUE_SHARE = 0.95
"""Text with this share of distinct values names records rather than describing them."""
LEARNABLE_COUNT = 5
"""A value that is less frequent than this may not be emitted."""
LEARNABLE_SHARE = 0.2
"""Text of which less than this share is frequent enough holds too little that may be emitted."""
NAMED_DISTINCT = 20
"""A column that is called an identifier and has at least this many distinct values is one, however they repeat."""
REPEATED_SHARE = 0.5
"""Text with more than this share of distinct values repeats too little to describe anything."""
PERSON_RECORDS = 100
"""A thing with more records than this on average is taken for a person only where its name says so."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FILLERS = frozenset({"number", "no", "nr", "num", "nbr", "key", "hash", "hashed", "address"})
"""Words after a thing that make a name of it: account_number."""
_IDENTIFIERS = frozenset(
    {
        "id",
        "uid",
        "uuid",
        "guid",
        "ssn",
        "iban",
        "mrn",
        "passport",
        "licence",
        "license",
        "account",
        "email",
        "phone",
        "telephone",
    }
)
"""Words that make an identifier of whatever stands before them."""
_SHARED = frozenset({"phone", "telephone"})
"""Words for what a household or a firm has together."""
_PEOPLE = frozenset(
    {
        "patient",
        "customer",
        "client",
        "person",
        "user",
        "member",
        "subject",
        "participant",
        "respondent",
        "employee",
        "student",
        "pupil",
        "citizen",
        "resident",
        "applicant",
        "borrower",
        "donor",
        "insured",
        "policyholder",
        "cardholder",
        "tenant",
    }
)
"""Words for a person, where the whole name is made of such words."""
_HELD = frozenset(
    {
        "bank",
        "card",
        "credit",
        "policy",
        "record",
        "case",
        "medical",
        "health",
        "insurance",
        "social",
        "security",
        "national",
        "tax",
        "driver",
        "drivers",
        "driving",
        "mail",
        "mobile",
        "cell",
        "home",
        "work",
        "contact",
        "household",
    }
)
"""Words for what a person has, where a word such as number follows: policy alone may be an amount."""
_NUMBERED = frozenset({"id", "uuid", "guid", "key", "index", "ssn", "nr", "number", "no"})
"""Words in the name of a column of distinct integers that make an identifier of it."""


def propose_schema(frame: pd.DataFrame, *, target: str | None = None) -> TableSchema:
    """The schema that the columns' types, names and distinct values suggest, with `target` as the target column.

    Raises TableError where the table has no columns or no column is called `target`; SchemaError on repeated names.
    """
    if frame.columns.empty:
        raise TableError("expected at least one column, got none")
    if target is not None and target not in frame.columns:
        raise TableError(f"expected the target among the {len(frame.columns)} columns, {target!r} is not")
    names = [str(n) for n in frame.columns]
    columns = [_propose(name, frame.iloc[:, i], target) for i, name in enumerate(names)]
    person = _person(columns, frame)
    if person is not None:
        columns[person] = replace(columns[person], role=ColumnRole.PERSON)
    return TableSchema(columns=tuple(columns))


def _propose(name: str, column: pd.Series, target: str | None) -> ColumnSpec:
    if name == target:
        return ColumnSpec(name=name, kind=_target_kind(column), role=ColumnRole.TARGET)
    return ColumnSpec(name=name, kind=_kind(name, column))


def _person(columns: list[ColumnSpec], frame: pd.DataFrame) -> int | None:
    """Which identifier says whom the records are about: it has several for some, and is best called after a person."""
    found = None
    for i, spec in enumerate(columns):
        if spec.kind is not ColumnKind.IDENTIFIER or not is_called_identifier(spec.name):
            continue
        present = frame.iloc[:, i].dropna()
        distinct = present.nunique()
        if distinct == len(present):
            continue
        if not _PEOPLE.isdisjoint(_stems(spec.name)):
            return i
        shared = not _SHARED.isdisjoint(_stems(spec.name))
        if found is None and not shared and len(present) <= PERSON_RECORDS * distinct:
            found = i
    return found


def is_called_identifier(name: str) -> bool:
    """Whether a column of this name says which record or person a record is about: patient_id, customerID, ssn, ..."""
    words = [word for word in _stems(name) if not word.isdigit()]
    bare = list(words)
    while bare and bare[-1] in _FILLERS:
        bare.pop()
    if not bare:
        return False
    if bare[-1] in _IDENTIFIERS or bare[0] == "id" or _PEOPLE.issuperset(bare):
        return True
    return len(bare) < len(words) and (_PEOPLE | _HELD).issuperset(bare)


def _stems(name: str) -> list[str]:
    """The words of a name in lower case, cut at underscores and capitals; patientid counts as two."""
    words: list[str] = []
    for word in (w.lower() for w in _WORDS.findall(name)):
        stem = word.removesuffix("id")
        words += [stem, "id"] if stem != word and stem in _PEOPLE | _HELD else [word]
    return words


def _target_kind(column: pd.Series) -> ColumnKind:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return ColumnKind.DATETIME
    if pd.api.types.is_numeric_dtype(column.dtype) and column.nunique() > TARGET_CLASSES:
        return ColumnKind.NUMERICAL
    return ColumnKind.CATEGORICAL


def _kind(name: str, column: pd.Series) -> ColumnKind:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return ColumnKind.DATETIME
    present = column.dropna()
    if pd.api.types.is_bool_dtype(column.dtype) or present.empty:
        return ColumnKind.CATEGORICAL
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numeric_kind(name, present)
    counts = present.value_counts()
    if len(counts) >= NAMED_DISTINCT and is_called_identifier(name):
        return ColumnKind.IDENTIFIER
    learnable = int(counts[counts >= LEARNABLE_COUNT].sum())
    names_records = len(counts) >= UNIQUE_SHARE * len(present) or learnable < LEARNABLE_SHARE * len(present)
    many = len(counts) >= NAMED_DISTINCT and len(counts) > REPEATED_SHARE * len(present)
    return ColumnKind.IDENTIFIER if many or (names_records and len(counts) > 2) else ColumnKind.CATEGORICAL


def _numeric_kind(name: str, present: pd.Series) -> ColumnKind:
    values = present.to_numpy(dtype=np.float64)
    distinct = len(np.unique(values))
    if distinct <= 2:
        return ColumnKind.CATEGORICAL
    whole = bool((values == np.floor(values)).all())
    if whole and distinct >= NAMED_DISTINCT and is_called_identifier(name):
        return ColumnKind.IDENTIFIER
    if whole and distinct == len(values) and len(values) >= LEARNABLE_COUNT:
        counted = values.max() - values.min() == len(values) - 1
        if counted or is_called_identifier(name) or not _NUMBERED.isdisjoint(_stems(name)):
            return ColumnKind.IDENTIFIER
    return ColumnKind.NUMERICAL
