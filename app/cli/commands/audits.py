"""Audits of synthetic tables from any generator."""

# ruff: noqa: PLR0913 - one parameter for each option of the command line
# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.columns import with_categorical
from app.cli.options import DEFAULT_POLICY, Ask, OrderedBy, Person, Secret, Source, Tolerance, table, with_table_options
from app.cli.screen import Screen


@with_table_options
def audit(
    *,
    train: Annotated[Path, table("Records that the generator learnt.")],
    holdout: Annotated[Path, table("Records of other people like them, which it never saw.")],
    synthetic: Annotated[Path, table("The table to attack, from any generator.")],
    json_out: Annotated[Path, typer.Option("--json", metavar="OUT.json", help="File for the whole audit as JSON.")],
    html_out: Annotated[Path | None, typer.Option("--html", metavar="OUT.html", help="The same as a page.")] = None,
    reference: Annotated[Path | None, table("Records of further people: what an attacker may hold.")] = None,
    earlier: Annotated[list[Path] | None, table("A table released before from the same data; repeatable.")] = None,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    person: Person = None,
    order: OrderedBy = None,
    categorical: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="The same as --kind NAME=categorical; repeatable.")
    ] = None,
    columns: dict[str, Any],
    secret: Secret = None,
    source: Source = None,
    ask: Ask = None,
    tolerance: Tolerance = None,
    policy: Annotated[str, typer.Option(help="internal, partner or public.")] = DEFAULT_POLICY,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    reading: dict[str, Any],
) -> None:
    """Attack a synthetic table from any generator, and say by a policy what follows.

    --encoding, --delimiter, --decimal, --header-rows, --skip-footer and --sheet say how the real tables are written.
    The synthetic table and earlier ones are read by them only where they cannot be read without.

    Exit code: 0 PASS, 10 REVIEW, 11 BLOCK, 12 VOID or INSUFFICIENT, 2 bad input, 1 anything else.
    """
    from app.cli.audit import Audit, audit_files
    from app.cli.tables import Wanted
    from synth.fidelity.asked.aggregate import DEFAULT_TOLERANCE

    wanted = Audit(
        train=train,
        holdout=holdout,
        synthetic=synthetic,
        reference=reference,
        earlier=tuple(earlier or ()),
        out=json_out,
        page=html_out,
        wanted=Wanted(
            reading=reading,
            target=target,
            person=person,
            order=order,
            columns=with_categorical(columns, categorical or ()),
        ),
        secrets=tuple(secret or ()),
        source=tuple(source or ()),
        ask=tuple(ask or ()),
        tolerance=DEFAULT_TOLERANCE if tolerance is None else tolerance,
        policy=policy,
        seed=seed,
    )
    raise typer.Exit(audit_files(Screen.of_process(), wanted))
