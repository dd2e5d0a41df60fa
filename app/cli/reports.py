"""`lookalike report JOB`, and what else there is to do with reports: compare two, print the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from app.cli.exits import CommandError, Exit
from app.cli.screen import Screen
from app.report.diff import EQUAL, differences
from app.report.units import one_line

DEFAULT = "show"
MAX_BYTES = 256 << 20
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A report.json.")]


class Reports(TyperGroup):
    """The commands on reports; without the name of one it shows the report of a job."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - the types are Typer's private ones
        """Take `report JOB` for `report show JOB`."""
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if not args or args[0] in known else [DEFAULT, *args])


group = typer.Typer(cls=Reports, no_args_is_help=True, help="Show the report of a job, or compare two reports.")


@group.command()
def diff(
    first: File,
    second: File,
    everything: Annotated[bool, typer.Option("--all", help="Also show what is equal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Set two reports side by side: options, verdicts, answers, findings and scores, each with its noise."""
    try:
        lines = differences(_document(first), _document(second))
    except ValueError as error:
        raise CommandError(str(error), Exit.BAD_INPUT) from None
    shown = [line for line in lines if everything or line.verdict != EQUAL]
    if as_json:
        fields = ("part", "name", "first", "second", "noise", "verdict")
        typer.echo(json.dumps([{name: getattr(line, name) for name in fields} for line in shown], ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "", first.name if first.name != second.name else "first", "second", "noise", ""):
        table.add_column(name if name != "second" or first.name == second.name else second.name, overflow="fold")
    for line in shown:
        table.add_row(*map(one_line, (line.part, line.name, line.first, line.second, line.noise, line.verdict)))
    screen = Screen.of_process()
    screen.result.print(table, markup=False) if shown else None
    screen.say(f"{len(shown)} of {len(lines)} differ" if not everything else f"{len(lines)} things compared")


@group.command()
def schema() -> None:
    """Print the JSON schema of the report document, as published in docs/report.schema.json."""
    from app.report.document import schema_text  # noqa: PLC0415 - it loads the whole audit

    typer.echo(schema_text(), nl=False)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(f"{path.name}: expected a report of at most {MAX_BYTES >> 20} MiB, got a larger file")
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise CommandError(f"{path.name}: expected a report in JSON, got another file", Exit.BAD_INPUT) from None
    if not isinstance(read, dict):
        raise CommandError(f"{path.name}: expected a report in JSON, got another file", Exit.BAD_INPUT)
    return read
