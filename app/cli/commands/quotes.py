"""What a table will take and lose, before it is sent."""

# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli.options import with_table_options
from app.cli.screen import Screen
from app.cli.sources import TableOrAddress, table_file


@with_table_options
def quote(
    *,
    file: TableOrAddress,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Time limit of the training.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Limit of training steps.")] = None,
    learning: dict[str, Any],
    columns: dict[str, Any],
    reading: dict[str, Any],
) -> None:
    """Say what training on a table will take on this machine, what each column becomes, and what will be lost."""
    from app.cli.offline import Training
    from app.cli.quote import quote_file

    screen = Screen.of_process()
    with table_file(screen, file) as path:
        wanted = Training(**learning, columns=columns, reading=reading)
        quote_file(screen, path, wanted, max_minutes=max_minutes, max_steps=max_steps)
