"""What a table will take and lose, before it is sent."""

# ruff: noqa: PLR0913 - one parameter for each option of the command line
# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli.options import OBJECTIVE_HELP, ObjectiveName, OrderedBy, Person, with_table_options
from app.cli.rules import Broken, BrokenRules, FindRules, Rule
from app.cli.screen import Screen
from app.cli.sources import TableOrAddress, table_file


@with_table_options
def quote(
    *,
    file: TableOrAddress,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    person: Person = None,
    order: OrderedBy = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Time limit of the training.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Limit of training steps.")] = None,
    objective: Annotated[ObjectiveName, typer.Option(help=OBJECTIVE_HELP)] = ObjectiveName.TABLES,
    columns: dict[str, Any],
    rule: Rule = None,
    find_rules: FindRules = True,
    broken_rules: BrokenRules = Broken.MEND,
    reading: dict[str, Any],
) -> None:
    """Say what training on a table will take on this machine, what each column becomes, and what will be lost."""
    from app.cli.offline import Training
    from app.cli.quote import quote_file

    screen = Screen.of_process()
    with table_file(screen, file) as path:
        wanted = Training(
            objective=objective.value,
            target=target,
            person=person,
            order=order,
            columns=columns,
            rules=tuple(rule or ()),
            find_rules=find_rules,
            leave_out=broken_rules is Broken.LEAVE_OUT,
            reading=reading,
        )
        quote_file(screen, path, wanted, max_minutes=max_minutes, max_steps=max_steps)
