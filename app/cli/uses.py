"""What else a trained model is for, without a service: complete, impute, change and score the records of a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from app.cli.exits import CommandError, Exit
from app.cli.marks import REAL, SCORES, metadata, write_companion
from app.cli.offline import LIMITS_OF_SMALL, refusals
from app.cli.screen import Screen
from app.intake.model import ReadOptions
from app.intake.read import ingest
from synth.artifact import load
from synth.config import TrainConfig
from synth.randomness import Rng
from synth.table.frame import TextForm, read_column, to_arrow, write_batches, write_csv
from synth.table.ranges import Condition
from synth.table.schema import TableSchema
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.impute import impute
from synth.uses.odd import odd

Reading = Mapping[str, Any]
"""How a file is to be read, where that was said: the fields of `ReadOptions`"""
AS_FOUND: Reading = MappingProxyType({})


def complete_file(
    screen: Screen, model: Path, partial: Path, out: Path, *, times: int, seed: int, reading: Reading = AS_FOUND
) -> None:
    """`out` holds the file's records with all cells, in `times` tables where that is more than one."""
    with refusals(), screen.work("completing") as told:
        trained = load(model)
        table = _read(partial, trained.schema, reading)
        tables = complete(
            trained, table, Rng(seed).spawn("complete"), times=times, progress=lambda done: told(done, "completing")
        )
        paths = _written(tables, out, trained.text_form)
    _said(screen, paths)


def change_file(
    screen: Screen,
    model: Path,
    table: Path,
    out: Path,
    *,
    to: Mapping[str, Condition],
    seed: int,
    reading: Reading = AS_FOUND,
) -> None:
    """`out` holds the file's records after the change."""
    with refusals(), screen.work("changing"):
        trained = load(model)
        changed = change(trained, _read(table, trained.schema, reading), to, Rng(seed).spawn("change"))
        paths = _written([changed], out, trained.text_form)
    screen.note("note: what follows the change is association in the table that was learnt, not cause")
    _said(screen, paths)


def odd_file(screen: Screen, model: Path, table: Path, out: Path, *, seed: int, reading: Reading = AS_FOUND) -> None:
    """`out` lists the file's records, the oddest first, with a score and the columns that make each odd."""
    with refusals(), screen.work("scoring"):
        trained = load(model)
        found = odd(trained, _read(table, trained.schema, reading), Rng(seed).spawn("odd"))
        paths = _written([found.to_frame()], out, contents=SCORES)
    screen.say(f"{SCORES}: {paths[0]}")


def impute_file(
    screen: Screen,
    table: Path,
    out: Path,
    *,
    times: int,
    seed: int,
    max_minutes: float,
    reading: Reading = AS_FOUND,
) -> None:
    """`out` is a folder with completed tables, the filled cells with their uncertainty, and pooled means."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError("expected --out to be a new or empty folder, got something else", Exit.BAD_INPUT)
    with refusals(), screen.work("imputing") as told:
        frame, schema = _proposed(table, reading)
        found = impute(
            frame,
            schema,
            Rng(seed).spawn("impute"),
            times=times,
            config=TrainConfig(protect=False, max_minutes=max_minutes),
            progress=lambda done: told(done, "imputing"),
        )
        out.mkdir(parents=True, exist_ok=True)
        paths = _written(found.tables, out / "completed.csv")
        _written([found.cells.assign(value=found.cells["value"].astype(str))], out / "cells.csv")
        summary = {"contents": REAL, "means": [asdict(each) for each in found.means]}
        (out / "means.json").write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    screen.note(
        "note: that a cell is missing may depend on other cells; where it depends on the lost value, no table tells"
    )
    _said(screen, paths)


def _said(screen: Screen, paths: Sequence[Path]) -> None:
    screen.say(f"{REAL}: {', '.join(map(str, paths))}")


def _read(path: Path, schema: TableSchema, reading: Reading) -> pd.DataFrame:
    """The columns of the schema that the file has. Raises CommandError where it has others."""
    with _ingested(path, reading) as (parquet, _):
        names = pq.read_schema(parquet).names
        others = [name for name in names if name not in schema.names]
        if others:
            raise CommandError(
                f"expected columns among the {len(schema)} that the model knows, got {len(others)} others, such as "
                f"{others[0]!r}: leave them out",
                Exit.BAD_INPUT,
            )
        return pd.DataFrame({spec.name: read_column(parquet, spec) for spec in schema if spec.name in names})


def _proposed(path: Path, reading: Reading) -> tuple[pd.DataFrame, TableSchema]:
    """(the file's table, the schema that is proposed for it)."""
    with _ingested(path, reading) as (parquet, schema):
        return pd.DataFrame({spec.name: read_column(parquet, spec) for spec in schema}), schema


@contextmanager
def _ingested(path: Path, reading: Reading) -> Iterator[tuple[Path, TableSchema]]:
    """(the file as Parquet, the schema that is proposed for it)."""
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        parquet = Path(folder) / "table.parquet"
        intake = ingest(path, parquet, filename=path.name, limits=LIMITS_OF_SMALL, options=ReadOptions(**reading))
        yield parquet, intake.schema


def _written(
    tables: Sequence[pd.DataFrame], out: Path, text: TextForm | None = None, *, contents: str = REAL
) -> list[Path]:
    """Writes each table, numbered where there are several, as a whole or not at all, with the mark of what is in it.

    `text` is how CSV shows the columns; without it dates at midnight are written as days.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for number, table in enumerate(tables, start=1):
        path = out if len(tables) == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        part = path.with_name(f".{path.name}.part")
        try:
            if path.suffix == ".parquet":
                pq.write_table(to_arrow(table).replace_schema_metadata(metadata(contents)), part, compression="zstd")
            elif text is None:
                write_csv(table, part)
            else:
                write_batches(to_arrow(table).to_batches(), csv=part, text=text)
            if path.suffix != ".parquet":
                write_companion(path, contents)  # before the file itself: it is never there without
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        found.append(path)
    return found
