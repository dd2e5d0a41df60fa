"""What a person says of rules between columns on the command line, and is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.screen import Screen

if TYPE_CHECKING:
    from synth.model import TrainedModel
    from synth.table.schema import TableSchema
    from synth.table.source import TableSource


class Broken(StrEnum):
    """What becomes of records that break a declared rule."""

    MEND = "mend"
    LEAVE_OUT = "leave_out"


Rule = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE",
        help='Kept by every synthetic record, such as "admitted <= discharged"; also a < b, a = b + c, a = b * c, '
        "a = 100 * b + c, a = clock(b + c), a = month(b), 0 <= a <= 100, one_hot(a, b), combination(a, b), "
        "unique(a, b), missing(a) if b = x; repeatable.",
    ),
]
FindRules = Annotated[bool, typer.Option("--find-rules/--no-rules", help="Keep rules that the table proves as well.")]
WithoutRule = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="Not kept though the table proves it, written as the report does; repeatable."),
]
BrokenRules = Annotated[
    Broken, typer.Option(help="Records that break a --rule: learnt as if they kept it, or not learnt.")
]


def show_broken(screen: Screen, table: TableSource, schema: TableSchema) -> None:
    """Print which records of the file break declared rules: how many, and the numbers of the first of them."""
    from synth.encode.rules.declared import broken_by  # noqa: PLC0415 - loads pandas

    for text, share in broken_by(table, schema):
        if share.records:
            some = ", ".join(str(line + 1) for line in share.lines)
            more = " ..." if share.records > len(share.lines) else ""
            screen.note(f"note: {share.records:,} of {len(table):,} records break {text!r}: records {some}{more}")


def show_rules(screen: Screen, model: TrainedModel) -> None:
    """Print the rules that the model keeps, and those that hold but are not kept."""
    from synth.rules.text import text_of_rule  # noqa: PLC0415 - loads pandas

    rules = model.of_records.rules
    _list(screen, "rules", [(text_of_rule(r.rule), "declared" if r.declared else "found") for r in rules.rules])
    _list(screen, "not kept", rules.proposed)


def _list(screen: Screen, title: str, rules: Sequence[tuple[str, str]]) -> None:
    for number, (text, why) in enumerate(rules):
        screen.note(f"{title if number == 0 else '':<10}{text}  ({why})")
