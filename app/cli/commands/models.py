"""Models: trained and sampled without a service."""

# ruff: noqa: PLR0913 - one parameter for each option of the command line
# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.exits import CommandError, Exit
from app.cli.options import (
    Augmented,
    Mixed,
    with_table_options,
)
from app.cli.screen import Screen
from app.cli.sources import TableOrAddress, table_file
from synth.table.ranges import Condition


class Device(StrEnum):
    """Where training runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@with_table_options
def fit(
    *,
    train: TableOrAddress,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL/", help="Folder for the model.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
    max_minutes: Annotated[float, typer.Option(min=0, help="Time limit of the training.")] = 60.0,
    device: Device = Device.AUTO,
    learning: dict[str, Any],
    columns: dict[str, Any],
    reading: dict[str, Any],
) -> None:
    """Train on every record of a table, without a service: no split, no attacks, no verdict."""
    # before torch is loaded: threads that spin while they wait make it ten times slower where another process runs
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from app.cli.offline import Training, fit_file

    wanted = Training(
        seed=seed, max_minutes=max_minutes, device=device.value, **learning, columns=columns, reading=reading
    )
    screen = Screen.of_process()
    with table_file(screen, train) as file:
        fit_file(screen, file, out, wanted)


@with_table_options
def sample(
    *,
    model: Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="MODEL/")],
    rows: Annotated[int, typer.Option("-n", min=1, help="How many records.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", dir_okay=False, help="File to write; .parquet gives Parquet, all else CSV.")
    ],
    seed: Annotated[int, typer.Option(min=0)] = 0,
    conditions: dict[str, Condition],
    mix: Mixed = None,
    augment: Augmented = None,
    coreset: Annotated[
        bool, typer.Option("--coreset", help="Choose few records that teach a model of the target much.")
    ] = False,
) -> None:
    """Draw synthetic records from a model that `fit` trained. They have not been attacked."""
    if coreset:
        if conditions or mix or augment:
            raise CommandError("expected --coreset without conditions, mix and augmentation, got both", Exit.BAD_INPUT)
        from app.cli.uses import coreset_file

        coreset_file(Screen.of_process(), model, out, rows=rows, seed=seed)
        return
    from app.cli.offline import Sampling, sample_model

    wanted = Sampling(rows=rows, seed=seed, conditions=conditions, mix=tuple(mix or ()), augment=augment)
    sample_model(Screen.of_process(), model, out, wanted)
