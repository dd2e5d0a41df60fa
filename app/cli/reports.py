"""`lookalike report JOB`, and what else there is to do with reports: compare two, write a PDF, share, the schema."""

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
from app.report.audience import Audience, Kind
from app.report.diff import EQUAL, differences
from app.report.units import one_line

DEFAULT = "show"
MAX_BYTES = 256 << 20
Out = Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="The file to write.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A report.json.")]


class Reports(TyperGroup):
    """The commands on reports; without the name of one it shows the report of a job."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - the types are Typer's private ones
        """Take `report JOB` for `report show JOB`."""
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if not args or args[0] in known else [DEFAULT, *args])


group = typer.Typer(cls=Reports, no_args_is_help=True, help="Show, compare, pass on or print reports.")


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
def pdf(file: File, out: Out = Path("report.pdf")) -> None:
    """Write a report as a PDF: tagged, with page numbers and the hash of its document."""
    _write(file, out, Audience.INTERNAL, Kind.PDF)


@group.command()
def share(file: File, out: Out = Path("shareable.json")) -> None:
    """Write a report for whoever receives the synthetic file, with nothing that discloses the real rows.

    OUT ends in .json, .html or .pdf.
    """
    kind = out.suffix.lower().removeprefix(".")
    if kind not in set(Kind):
        raise CommandError(f"{out.name}: expected a name that ends in .json, .html or .pdf", Exit.BAD_INPUT)
    _write(file, out, Audience.SHAREABLE, Kind(kind))


@group.command()
def schema() -> None:
    """Print the JSON schema of the report document, as published in docs/report.schema.json."""
    from app.report.document import schema_text  # noqa: PLC0415 - it loads the whole audit

    typer.echo(schema_text(), nl=False)


def _write(file: Path, out: Path, audience: Audience, kind: Kind) -> None:
    from pydantic import ValidationError  # noqa: PLC0415 - this and the next load what renders reports

    from app.report.rendition import rendition  # noqa: PLC0415

    _document(file)
    if out.exists() and out.samefile(file):
        raise CommandError(f"{out.name}: expected another file than the report itself", Exit.BAD_INPUT)
    try:
        made = rendition(file.read_bytes(), audience, kind)
    except (ValidationError, ValueError, KeyError):
        raise CommandError(
            f"{file.name}: expected a report that this version can render, got another", Exit.BAD_INPUT
        ) from None
    out.write_bytes(made)
    Screen.of_process().say(f"wrote {out} ({len(made):,} bytes)")


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
