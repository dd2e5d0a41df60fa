"""What a person says on the command line of how a text file is to be read."""

from __future__ import annotations

from typing import Annotated

import typer

Encoding = Annotated[str | None, typer.Option(help="Of a text file that is not UTF-8: latin-1, cp1252, utf-16.")]
Delimiter = Annotated[str | None, typer.Option(help="Comma, semicolon, tab or vertical bar; found if not given.")]
Decimal = Annotated[
    str | None,
    typer.Option(help="Decimal sign of numbers that are written as text, point or comma; found if not given."),
]
HeaderRows = Annotated[
    int | None, typer.Option(min=0, help="Lines or rows of column names in a text file or a sheet; 0 for none.")
]
SkipFooter = Annotated[
    int | None, typer.Option(min=0, help="Lines or rows at the end of a text file or a sheet that are no records.")
]


Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Of a spreadsheet; the first if not given.")]


def reading_said(
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    header_rows: HeaderRows = None,
    skip_footer: SkipFooter = None,
    sheet: Sheet = None,
) -> dict[str, str | int]:
    """The options as intake and the API read them; what was not said is left out."""
    said = {
        "encoding": encoding,
        "delimiter": delimiter,
        "decimal": decimal,
        "header_rows": header_rows,
        "skip_footer": skip_footer,
        "sheet": sheet,
    }
    return {name: value for name, value in said.items() if value is not None}
