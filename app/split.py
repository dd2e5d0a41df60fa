"""The sealed split: who is learnt from, who the attacks are measured on, decided before any value is looked at."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.errors import ServiceError
from app.overlap import by_chance
from app.parts import MIN_PEOPLE, sizes
from synth.table.frame import read_parquet
from synth.table.schema import ColumnRole, TableSchema

MOST_BY_CHANCE = 0.05
COLUMN = "part"
READ_ROWS = 65_536
Keys = npt.NDArray[np.uint64]


class Part(IntEnum):
    """The parts of a dataset."""

    TRAIN = 0
    """What the generator learns from."""
    HOLDOUT = 1
    """People whom no generator sees: the control of every attack."""
    REFERENCE = 2
    """People who stand for what an attacker knows from elsewhere."""
    VALIDATION = 3
    """People who are not learnt either, and tell the training when to stop. No attack is measured on them."""


class TooFewPeopleError(ServiceError):
    """Fewer people than three parts can be made of."""

    code = "too_few_people"
    status = 422
    title = "The dataset has too few people"


class SplitBrokenError(ServiceError):
    """The sealed split does not fit the dataset, or was changed after it was sealed."""

    code = "split_broken"
    status = 500
    title = "The sealed split cannot be used"


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """What the run record keeps: enough to make the same split again and to prove that it is the same."""

    seed: int
    sha256: str
    """Of the assignment: one byte per record, in the order of the records."""
    people: int
    """How many people were divided; the number of records where the schema names no person column."""
    train: int
    """Records in the training part."""
    holdout: int
    """Records in the holdout part."""
    reference: int
    """Records in the reference part."""
    validation: int = 0
    """Records in the validation part."""

    def to_json(self) -> dict[str, object]:
        """The split as JSON values; `from_json` reads them back."""
        counts = {
            "train": self.train,
            "holdout": self.holdout,
            "reference": self.reference,
            "validation": self.validation,
        }
        return {"seed": self.seed, "sha256": self.sha256, "people": self.people, "counts": counts}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Split:
        """The split that `to_json` wrote. Raises KeyError where a field is missing."""
        return Split(seed=document["seed"], sha256=document["sha256"], people=document["people"], **document["counts"])


def seal_split(parquet: Path, schema: TableSchema, *, seed: int, out: Path) -> Split:
    """Divides the people 57/25/15/3 (60/25/15 where they are few) and writes each record's part to `out`, as a whole.

    Only the person column is read, where the schema names one; otherwise nothing but the number of records is. Exact
    duplicates of a record are not kept together: to find them means to look at values. A record without a person is a
    person of its own. The same seed and the same people give the same split, whatever the machine.
    Raises TooFewPeopleError.
    """
    person = schema.with_role(ColumnRole.PERSON)
    names, owners = _numbered(pq.read_metadata(parquet).num_rows) if person is None else _owners(parquet, person)
    if len(names) < MIN_PEOPLE:
        raise TooFewPeopleError(f"expected at least {MIN_PEOPLE} people to divide, got {len(names)}")
    parts = _divide(names, seed)[owners]
    _write(parts, out)
    return _described(parts, seed=seed, people=len(names))


def read_part(parquet: Path, assignment: Path, part: Part, schema: TableSchema) -> pd.DataFrame:
    """The records of one part, in the order of the dataset.

    Raises SplitBrokenError where the split is not one of this dataset.
    """
    with tempfile.TemporaryDirectory(dir=assignment.parent, prefix=".part-") as folder:
        taken = Path(folder) / "part.parquet"
        write_part(parquet, assignment, part, taken)
        return read_parquet(taken, schema)


def write_part(parquet: Path, assignment: Path, part: Part, out: Path) -> None:
    """Writes the records of one part to `out` as Parquet, in the order of the dataset, a few of them at a time.

    Raises SplitBrokenError where the split is not one of this dataset.
    """
    parts = _read(assignment)
    rows = pq.read_metadata(parquet).num_rows
    if len(parts) != rows:
        raise SplitBrokenError(f"expected a split of {rows:,} records, got one of {len(parts):,}")
    _copy_rows(parquet, parts == part.value, out)


def check_split(assignment: Path, split: Split) -> None:
    """Returns where the assignment is still the one that was sealed. Raises SplitBrokenError."""
    if _described(_read(assignment), seed=split.seed, people=split.people) != split:
        raise SplitBrokenError("expected the split as it was sealed, its hash is another one")


def merge_learnt(assignments: Sequence[Path], out: Path) -> bool:
    """Whether the assignments differ; then `out` is the first with whoever any of them has in train put into train.

    Raises SplitBrokenError where they are not of the same records.
    """
    first, *others = (_read(assignment) for assignment in assignments)
    if any(len(parts) != len(first) for parts in others):
        raise SplitBrokenError("expected splits of the same records, got splits of different lengths")
    learnt = np.any([parts == Part.TRAIN for parts in (first, *others)], axis=0)
    if bool((learnt == (first == Part.TRAIN)).all()):
        return False
    _write(np.where(learnt, np.int8(Part.TRAIN), first).astype(np.int8), out)
    return True


def match_learnt(keys: Keys, others: Keys, assignment: Path, out: Path) -> bool:
    """Whether equal records are the same people's; then `out` says who of those with `keys` is learnt by `assignment`.

    `assignment` divides other records, whose keys are `others`. Records of equal keys are matched one to one, in order:
    which of several equal ones are matched makes no difference. Whoever has no match counts as not learnt. False where
    by chance more than MOST_BY_CHANCE of the records that occur once in each table may be different people's, by the
    bound that `app.overlap` has: to count those as learnt would look like a leak.
    Raises SplitBrokenError where the assignment is not one of the other records.
    """
    parts = _read(assignment)
    if len(parts) != len(others):
        raise SplitBrokenError(f"expected a split of {len(others):,} records, got one of {len(parts):,}")
    mine, theirs = (pd.Series(each).value_counts() for each in (keys, others))
    twice = [int((one[one == 2].index.isin(other.index) == 0).sum()) for one, other in ((mine, theirs), (theirs, mine))]
    both = int(mine[mine == 1].index.isin(theirs[theirs == 1].index).sum())
    if by_chance(*twice) > MOST_BY_CHANCE * both:
        return False
    places, other_places = (pd.DataFrame({"key": each, "turn": _turns(each)}) for each in (keys, others))
    found = places.merge(other_places.assign(part=parts), on=["key", "turn"], how="left", validate="one_to_one")["part"]
    _write(np.where(found == Part.TRAIN, np.int8(Part.TRAIN), np.int8(Part.HOLDOUT)).astype(np.int8), out)
    return True


def _turns(keys: Keys) -> npt.NDArray[np.int64]:
    """The position of each key among those equal to it, from 0."""
    return pd.Series(keys).groupby(keys).cumcount().to_numpy().astype(np.int64)


Parts = npt.NDArray[np.int8]


def _numbered(rows: int) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """Every record a person of its own, named by its position."""
    return [b"%d" % position for position in range(rows)], np.arange(rows, dtype=np.int64)


def _owners(parquet: Path, person: str) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """The people's names, and for every record which of them it belongs to. Reads the person column and no other."""
    column = pq.read_table(parquet, columns=[person]).column(0).combine_chunks()
    if pa.types.is_string(column.type):  # an empty text is nobody's name
        column = pc.if_else(pc.equal(column, ""), None, column)
    encoded = column.dictionary_encode()
    # a tag keeps a person called "7" apart from the record at position 7 that has no person
    names = [b"=" + str(value).encode() for value in encoded.dictionary.to_pylist()]
    owners = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    alone = np.flatnonzero(owners < 0)
    owners[alone] = len(names) + np.arange(len(alone))
    return names + [b"#%d" % position for position in alone], owners


def _divide(names: list[bytes], seed: int) -> Parts:
    """The part of each person: people are ranked by a hash of their name, salted by the seed, and cut by share.

    A rank rather than the hash itself makes the shares exact, and no part empty, however few people there are.
    """
    salt = hashlib.sha256(b"lookalike split %d" % seed).digest()
    ranked = sorted(range(len(names)), key=lambda i: (hashlib.blake2b(names[i], key=salt, digest_size=16).digest(), i))
    parts = np.empty(len(names), dtype=np.int8)
    parts[ranked] = np.repeat(list(Part), sizes(len(names)))
    return parts


def _write(parts: Parts, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".split-") as folder:
        written = Path(folder) / "split.parquet"
        pq.write_table(pa.table({COLUMN: pa.array(parts, pa.int8())}), written, compression="zstd")
        written.replace(out)


def _read(assignment: Path) -> Parts:
    try:
        column = pq.read_table(assignment, columns=[COLUMN]).column(0)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise SplitBrokenError(f"expected a sealed split, could not read one ({type(error).__name__})") from None
    if column.type != pa.int8() or column.null_count:
        raise SplitBrokenError("expected one part for every record, got something else")
    parts: Parts = column.to_numpy()
    return parts


def _copy_rows(parquet: Path, wanted: npt.NDArray[np.bool_], out: Path) -> None:
    """Writes the wanted rows a batch at a time, so that the other parts are never in memory together."""
    start = 0
    with pq.ParquetFile(parquet) as file, pq.ParquetWriter(out, file.schema_arrow) as writer:
        for batch in file.iter_batches(batch_size=READ_ROWS):
            writer.write_batch(batch.filter(pa.array(wanted[start : start + batch.num_rows])))
            start += batch.num_rows


def _described(parts: Parts, *, seed: int, people: int) -> Split:
    counts = np.bincount(parts, minlength=len(Part))
    return Split(
        seed=seed,
        sha256=hashlib.sha256(parts.tobytes()).hexdigest(),
        people=people,
        train=int(counts[Part.TRAIN]),
        holdout=int(counts[Part.HOLDOUT]),
        reference=int(counts[Part.REFERENCE]),
        validation=int(counts[Part.VALIDATION]),
    )
