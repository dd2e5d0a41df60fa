"""Marks on files that hold cells of real records, or tell of them: nobody is to take one for a synthetic release."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synth.table.frame import TextForm, to_arrow, write_batches, write_csv

if TYPE_CHECKING:  # it loads torch, which commands that only read a mark do without
    from synth.uses.impute import Imputed

CONTENTS = "lookalike.contents"
REAL = "contains cells of your file: real data, for your own use, not a synthetic release"
CHANGED = "contains records of a release that were changed: not attacked, for your own use, not a synthetic release"
SCORES = "contains scores of your file's records: personal data where the records are, not a synthetic release"


def companion(path: Path) -> Path:
    """Where the mark of a CSV file stands, which has no room for one itself."""
    return path.with_name(f"{path.name}.contents.json")


def metadata(contents: str) -> dict[bytes, bytes]:
    """The mark in the metadata of a Parquet file."""
    return {CONTENTS.encode(): contents.encode()}


@contextmanager
def whole(path: Path, contents: str | None = None) -> Iterator[Path]:
    """Where to write what then stands at `path` as a whole, or not at all.

    A file with `contents` has that mark: a Parquet file its writer's, all others a companion. One without has none, and
    a companion that an earlier file of the name left goes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        if contents is not None and path.suffix != ".parquet":
            _write_companion(path, contents, _sha256(part))  # before the file itself: it is never there without
        part.replace(path)
        if contents is None:
            companion(path).unlink(missing_ok=True)
    finally:
        part.unlink(missing_ok=True)


def _write_companion(path: Path, contents: str, sha256: str) -> None:
    text = json.dumps({CONTENTS: contents, "file": path.name, "sha256": sha256}, indent=1)
    companion(path).write_text(f"{text}\n", encoding="utf-8")


def write_marked(
    tables: Sequence[pd.DataFrame], out: Path, text: TextForm | None = None, *, contents: str | None = REAL
) -> list[Path]:
    """Writes each table, numbered where there are several, as a whole or not at all, with the mark of what is in it.

    `text` is how CSV shows the columns; without it dates at midnight are written as days.
    """
    found = []
    for number, table in enumerate(tables, start=1):
        path = out if len(tables) == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        with whole(path, contents) as part:
            if path.suffix == ".parquet":
                marked = {} if contents is None else metadata(contents)
                pq.write_table(to_arrow(table).replace_schema_metadata(marked), part, compression="zstd")
            elif text is None:
                write_csv(table, part)
            else:
                write_batches(to_arrow(table).to_batches(), csv=part, text=text)
        found.append(path)
    return found


def write_imputed(found: Imputed, out: Path) -> list[Path]:
    """Writes completed tables, the filled cells with their uncertainty and the pooled means into a folder.

    Gives the paths of the tables.
    """
    paths = write_marked(found.tables, out / "completed.csv")
    write_marked([found.cells.assign(value=found.cells["value"].astype(str))], out / "cells.csv")
    summary = {"contents": REAL, "means": [asdict(each) for each in found.means]}
    (out / "means.json").write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return paths


def mark_of(path: Path) -> str | None:
    """What the mark of a file says; None where it has none. Links are followed.

    A companion marks the one file whose SHA-256 it has, and one that cannot be read, or has none, marks whatever is
    there.
    """
    path = path.resolve()
    beside = companion(path)
    if beside.exists():
        try:
            held = json.loads(beside.read_text(encoding="utf-8"))
            if held.get("sha256") in {None, _sha256(path)}:
                return str(held[CONTENTS])
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return REAL
    try:
        told = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None  # no Parquet file
    found = told.get(CONTENTS.encode())
    return None if found is None else found.decode(errors="replace")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
