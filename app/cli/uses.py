"""What else a trained model is for, without a service: complete, impute, change, adapt and score records of a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from app.cli.exits import CommandError, Exit
from app.cli.offline import LIMITS_OF_SMALL, Training, expect_place, noted, refusals
from app.cli.screen import Screen
from app.intake.model import ReadOptions
from app.intake.read import ingest
from app.marks import REAL, SCORES, whole, write_imputed, write_marked
from synth.artifact import load
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.table.frame import read_stored, to_arrow, write_batches
from synth.table.ranges import Condition
from synth.table.schema import TableSchema
from synth.uses.adapt import adapt
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.coreset import coreset
from synth.uses.impute import impute
from synth.uses.odd import odd

Reading = Mapping[str, Any]
"""How a file is to be read, where that was said: the fields of `ReadOptions`"""
AS_FOUND: Reading = MappingProxyType({})
MOST_CHANGED = 5
"""Columns of which is said how often they changed."""


def complete_file(
    screen: Screen, model: Path, partial: Path, out: Path, *, times: int, seed: int, reading: Reading = AS_FOUND
) -> None:
    """`out` holds the file's records with all cells, in `times` tables where that is more than one."""
    with refusals(), noted(screen), screen.work("completing") as told:
        trained = load(model)
        table = _read(partial, trained.schema, reading)
        tables = complete(
            trained, table, Rng(seed).spawn("complete"), times=times, progress=lambda done: told(done, "completing")
        )
        paths = write_marked(tables, out, trained.text_form)
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
    with refusals(), noted(screen), screen.work("changing"):
        trained = load(model)
        changed = change(trained, _read(table, trained.schema, reading), to, Rng(seed).spawn("change"))
        paths = write_marked([changed], out, trained.text_form)
    screen.note("note: what follows the change is association in the table that was learnt, not cause")
    _said(screen, paths)


def coreset_file(screen: Screen, model: Path, out: Path, *, rows: int, seed: int) -> None:
    """`out` holds a few synthetic records that teach a model of the target much."""
    with refusals(), screen.work("choosing"):
        trained = load(model)
        found = coreset(trained, rows, Rng(seed).spawn("coreset"))
        with whole(out) as part:
            sink = {"parquet" if out.suffix == ".parquet" else "csv": part}
            write_batches(to_arrow(found).to_batches(), **sink, schema=trained.schema, text=trained.text_form)
    screen.say(
        f"{rows:,} synthetic records, chosen to teach a model fast, no picture of the table, not attacked: {out}"
    )


def odd_file(screen: Screen, model: Path, table: Path, out: Path, *, seed: int, reading: Reading = AS_FOUND) -> None:
    """`out` lists the file's records, the oddest first, with a score and the columns that make each odd."""
    with refusals(), noted(screen), screen.work("scoring"):
        trained = load(model)
        found = odd(trained, _read(table, trained.schema, reading), Rng(seed).spawn("odd"))
        paths = write_marked([found.to_frame()], out, contents=SCORES)
    screen.say(f"{SCORES}: {paths[0]}")


def adapt_file(
    screen: Screen,
    source: Path,
    target: Path,
    out: Path,
    *,
    seed: int,
    max_minutes: float,
    reading: Reading = AS_FOUND,
) -> None:
    """`out` holds the records of `source` as they would be among those of `target`; says what changed how often."""
    expect_place(out)
    with refusals(), noted(screen), screen.work("adapting"):
        (one, other), schema = _proposed_together(source, target, reading=reading)
        found = adapt(
            one, other, schema, Rng(seed).spawn("adapt"), config=TrainConfig(protect=False, max_minutes=max_minutes)
        )
        paths = write_marked([found.table], out)
    most = sorted(found.changed.items(), key=lambda item: -item[1])[:MOST_CHANGED]
    screen.note("changed most: " + ", ".join(f"{name} {share:.0%}" for name, share in most))
    _said(screen, paths)


def impute_file(screen: Screen, table: Path, out: Path, wanted: Training, *, times: int) -> None:
    """`out` is a folder with completed tables, the filled cells with their uncertainty, and pooled means.

    Columns, roles and rules are as `wanted` says, as they are where `fit` learns the file.
    """
    expect_place(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError("expected --out to be a new or empty folder, got something else", Exit.BAD_INPUT)
    with refusals(), noted(screen), screen.work("imputing") as told:
        with _ingested(table, wanted.reading) as (parquet, proposed):
            schema = wanted.schema_of(proposed, parquet)
            frame = read_stored(parquet, schema)
        found = impute(
            frame,
            schema,
            Rng(wanted.seed).spawn("impute"),
            times=times,
            config=replace(wanted.config(), protect=False),
            progress=lambda done: told(done, "imputing"),
        )
        out.mkdir(parents=True, exist_ok=True)
        paths = write_imputed(found, out)
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
        return read_stored(parquet, schema, names)


def _proposed_together(*paths: Path, reading: Reading) -> tuple[list[pd.DataFrame], TableSchema]:
    """(the table of each file, the schema that is proposed for all together). Raises CommandError where they differ."""
    with ExitStack() as stack:
        parquets = [stack.enter_context(_ingested(path, reading))[0] for path in paths]
        frames = [pq.read_table(parquet).to_pandas() for parquet in parquets]
        for frame, path in zip(frames, paths, strict=True):
            _expect_alike(frames[0], frame, path.name)
        schema = propose_schema(pd.concat(frames, ignore_index=True)[list(frames[0])])
        return [read_stored(parquet, schema) for parquet in parquets], schema


def _expect_alike(first: pd.DataFrame, other: pd.DataFrame, file: str) -> None:
    """Raises CommandError where the other table has not the columns of the first, each of the same type."""
    apart = [str(name) for name in (*first, *other) if (name in first) != (name in other)]
    if apart:
        raise CommandError(
            f"{file}: expected the columns of the first file, {len(apart)} differ, such as {apart[0]!r}: give both"
            " files the same columns",
            Exit.BAD_INPUT,
        )
    for name in first:
        kinds = {_type_of(table[name]) for table in (first, other) if table[name].notna().any()}
        if len(kinds) > 1:
            raise CommandError(
                f"column {name!r}: expected values of one type in both files, got {' and '.join(sorted(kinds))}",
                Exit.BAD_INPUT,
            )


def _type_of(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "booleans"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "numbers"
    return "dates" if pd.api.types.is_datetime64_any_dtype(column.dtype) else "text"


@contextmanager
def _ingested(path: Path, reading: Reading) -> Iterator[tuple[Path, TableSchema]]:
    """(the file as Parquet, the schema that is proposed for it)."""
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        parquet = Path(folder) / "table.parquet"
        intake = ingest(path, parquet, filename=path.name, limits=LIMITS_OF_SMALL, options=ReadOptions(**reading))
        yield parquet, intake.schema
