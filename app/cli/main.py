"""The command `lookalike`. What takes long to load is imported by the command that needs it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app import __version__
from app.cli import reports
from app.cli.audit_log import audit_log
from app.cli.certificates import verify
from app.cli.commands import audits, installation, jobs, keeping, models, quotes, releases, uses
from app.cli.exits import CommandError, Exit
from app.cli.operators import operators
from app.cli.people import people
from app.cli.service import Stopped
from app.cli.tenants import keys, tenants


class Commands(TyperGroup):
    """The commands; a refusal becomes one sentence on standard error and an exit code."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the types are Typer's private ones
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            typer.echo(f"lookalike: {error}", err=True)
            raise typer.Exit(error.code) from None
        except (KeyboardInterrupt, Stopped):
            typer.echo("lookalike: stopped", err=True)
            raise typer.Exit(Exit.FAILED) from None


app = typer.Typer(
    name="lookalike",
    cls=Commands,
    help="Turns a table about people into a synthetic table that looks like it, and attacks it before anyone gets it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Print the version where it was asked for."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


app.command("synthesize")(jobs.synthesize_command)
app.command("quote")(quotes.quote)
for command in (
    *(jobs.jobs, releases.download, releases.certificate, verify, jobs.cancel, releases.decide, releases.deliver),
    *(models.fit, models.sample, audits.audit),
    *(uses.complete, uses.impute, uses.odd, uses.change, uses.adapt),
    *(installation.up, installation.migrate, installation.key, installation.api),
    *(installation.worker, installation.health, installation.renew_certificate_key),
    *(keeping.backup, keeping.restore, keeping.renew_master_key),
):
    app.command()(command)
reports.group.command(reports.DEFAULT)(jobs.report)
app.add_typer(reports.group, name="report")
app.add_typer(tenants, name="tenants")
app.add_typer(keys, name="keys")
app.add_typer(people, name="people")
app.add_typer(operators, name="operators")
app.add_typer(audit_log, name="audit-log")
