"""What else a trained model is for: complete, impute, change, adapt and score records, without a service."""

# ruff: noqa: PLR0913 - one parameter for each option of the command line
# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.arguments import parse_conditions
from app.cli.options import Table, with_table_options
from app.cli.screen import Screen

Model = Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="MODEL/", help="Folder that `fit` wrote.")]
OutFile = Annotated[
    Path, typer.Option("--out", "-o", dir_okay=False, help="File to write; .parquet gives Parquet, all else CSV.")
]
Seeded = Annotated[int, typer.Option("--seed", min=0)]


@with_table_options
def complete(
    *,
    model: Model,
    partial: Table,
    out: OutFile,
    times: Annotated[int, typer.Option("--times", "-k", min=1, max=100, help="How many completed tables.")] = 1,
    seed: Seeded = 0,
    reading: dict[str, Any],
) -> None:
    """Draw the empty cells and missing columns of a file given the cells that it has. The result holds real cells."""
    from app.cli.uses import complete_file

    complete_file(Screen.of_process(), model, partial, out, times=times, seed=seed, reading=reading)


@with_table_options
def impute(
    *,
    table: Table,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the completed tables.")],
    times: Annotated[int, typer.Option("--times", "-m", min=2, max=100, help="How many completed tables.")] = 5,
    seed: Seeded = 0,
    max_minutes: Annotated[float, typer.Option(min=0.01, help="Time limit of the training.")] = 60.0,
    learning: dict[str, Any],
    columns: dict[str, dict[str, Any]],
    reading: dict[str, Any],
) -> None:
    """Fill the missing cells of a file several times over, and say how sure each is. The result holds real cells."""
    # before torch is loaded: threads that spin while they wait make it ten times slower where another process runs
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from app.cli.offline import Training
    from app.cli.uses import impute_file

    wanted = Training(seed=seed, max_minutes=max_minutes, columns=columns, reading=reading, **learning)
    impute_file(Screen.of_process(), table, out, wanted, times=times)


@with_table_options
def odd(*, model: Model, table: Table, out: OutFile, seed: Seeded = 0, reading: dict[str, Any]) -> None:
    """Score how odd each record of a file is, with the columns that make it so. Scores are personal data."""
    from app.cli.uses import odd_file

    odd_file(Screen.of_process(), model, table, out, seed=seed, reading=reading)


@with_table_options
def change(
    *,
    model: Model,
    table: Table,
    out: OutFile,
    set_: Annotated[list[str], typer.Option("--set", metavar="COLUMN=VALUE", help="What to change; repeatable.")],
    seed: Seeded = 0,
    reading: dict[str, Any],
) -> None:
    """Set a column of given records and let what hangs together with it follow: association, not cause."""
    from app.cli.uses import change_file

    change_file(
        Screen.of_process(), model, table, out, to=parse_conditions(set_, option="--set"), seed=seed, reading=reading
    )


@with_table_options
def adapt(
    *,
    source: Table,
    target: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Table that it is to be made like.")],
    out: OutFile,
    seed: Seeded = 0,
    max_minutes: Annotated[float, typer.Option(min=0.01, help="Time limit of the training.")] = 60.0,
    reading: dict[str, Any],
) -> None:
    """Carry the records of a file over to another file's domain, changing as little as needed. Holds real cells."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as for `impute`
    from app.cli.uses import adapt_file

    adapt_file(Screen.of_process(), source, target, out, seed=seed, max_minutes=max_minutes, reading=reading)
