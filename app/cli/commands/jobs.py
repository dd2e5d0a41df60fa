"""Jobs: a table is sent and its job followed; jobs are listed and cancelled, and what they found is told."""

# ruff: noqa: PLR0913 - one parameter for each option of the command line
# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.arguments import parse_conditions, parse_more
from app.cli.client import Client
from app.cli.exits import exit_for
from app.cli.options import (
    DEFAULT_URL,
    OBJECTIVE_HELP,
    AnyOfs,
    Ask,
    Augmented,
    Home,
    JobId,
    Key,
    MissingIn,
    Mixed,
    ObjectiveName,
    OrderedBy,
    Out,
    Person,
    PresentIn,
    Secret,
    Seed,
    Source,
    Tolerance,
    Url,
    Where,
    Within,
    with_table_options,
)
from app.cli.rules import Broken, BrokenRules, FindRules, Rule, WithoutRule
from app.cli.screen import Screen
from app.cli.sources import TableOrAddress, table_file
from app.cli.synthesize import Order, fetch_report, release_of, synthesize
from app.cli.verdict import show_verdict
from app.states import Priority


class Form(StrEnum):
    """How the synthetic table is written."""

    CSV = "csv"
    PARQUET = "parquet"


class Shadow(StrEnum):
    """When shadow models are trained."""

    POLICY = "policy"
    ON = "on"
    OFF = "off"


@with_table_options
def synthesize_command(
    *,
    file: TableOrAddress,
    out: Out,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Synthetic records; as many as were learnt if left out.")
    ] = None,
    policy: Annotated[str | None, typer.Option(help="Policy that the verdict follows.")] = None,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    person: Person = None,
    order: OrderedBy = None,
    columns: dict[str, Any],
    seed: Seed = None,
    where: Where = None,
    within: Within = None,
    any_of: AnyOfs = None,
    missing_in: MissingIn = None,
    present_in: PresentIn = None,
    mix: Mixed = None,
    augment: Augmented = None,
    rule: Rule = None,
    find_rules: FindRules = True,
    without_rule: WithoutRule = None,
    broken_rules: BrokenRules = Broken.MEND,
    secret: Secret = None,
    source: Source = None,
    ask: Ask = None,
    tolerance: Tolerance = None,
    shadow_models: Annotated[
        Shadow | None, typer.Option(help="Generators with and without one person: by policy, in any case, or never.")
    ] = None,
    priority: Annotated[
        Priority | None, typer.Option(help="Which of your tenant's waiting jobs is begun first.")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Time limit of the training.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Limit of training steps.")] = None,
    retention_days: Annotated[
        int | None,
        typer.Option(min=0, max=3650, help="The service erases FILE's records so many days after the training."),
    ] = None,
    objective: Annotated[ObjectiveName | None, typer.Option(help=OBJECTIVE_HELP)] = None,
    reading: dict[str, Any],
    format: Annotated[  # noqa: A002 - the option's name
        Form | None, typer.Option(help="Format of the data; Parquet where FILE is Parquet or Feather, else CSV.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Start the service for this one call.")] = False,
    home: Home = None,
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Send a table, follow the job, and fetch report and synthetic data into OUT.

    Exit code: 0 released, 10 waits for review, 11 blocked, 12 void or insufficient, 2 bad input, 1 anything else.
    """
    screen = Screen.of_process()
    first = parse_conditions(where or (), within or ())
    conditions = parse_more(any_of or (), missing_in or (), present_in or (), first)
    with table_file(screen, file) as path:
        asked = Order(
            file=path,
            out=out,
            format=None if format is None else format.value,
            rows=rows,
            policy=policy,
            target=target,
            person=person,
            order=order,
            columns=columns,
            seed=seed,
            conditions=conditions,
            mix=tuple(mix or ()),
            augment=augment,
            rules=tuple(rule or ()),
            find_rules=None if find_rules else False,
            without_rules=tuple(without_rule or ()),
            broken_rules=None if broken_rules is Broken.MEND else broken_rules.value,
            secrets=tuple(secret or ()),
            source=tuple(source or ()),
            ask=tuple(ask or ()),
            tolerance=tolerance,
            shadow_models=None if shadow_models is None else shadow_models.value,
            priority=None if priority is None else priority.value,
            max_minutes=max_minutes,
            max_steps=max_steps,
            retention_days=retention_days,
            objective=None if objective is None else objective.value,
            reading=reading,
        )
        if local:
            from app.cli.serve import local_service, read_settings

            with local_service(screen, read_settings(home)) as client:
                code = synthesize(screen, client, asked)
        else:
            with Client(url, key) as client:
                code = synthesize(screen, client, asked)
    raise typer.Exit(code)


def jobs(url: Url = DEFAULT_URL, key: Key = "") -> None:
    """List the newest jobs."""
    screen = Screen.of_process()
    with Client(url, key) as client:
        for job in client.get("/v1/jobs")["items"]:
            stage = job["stage"] or ""
            release = job["release_id"] or ""
            screen.say(
                f"{job['id']}  {job['state']:<9} {job['fraction']:>4.0%}  {stage:<7} {job['created_at']}  {release}"
            )


def report(
    job: JobId, out: Annotated[Path | None, typer.Option("--out", "-o")] = None, url: Url = DEFAULT_URL, key: Key = ""
) -> None:
    """Print the verdict on a job's table; with -o also save the report as JSON and HTML."""
    screen = Screen.of_process()
    with Client(url, key) as client:
        release = release_of(client, job)
        path = f"/v1/reports/{release['report_id']}"
        document = client.get(path) if out is None else fetch_report(client, release["report_id"], out)
        show_verdict(screen, release, document)
        if out is not None:
            screen.say(f"report    {out / 'report.html'}")
    raise typer.Exit(exit_for(release["state"]))


def cancel(job: JobId, url: Url = DEFAULT_URL, key: Key = "") -> None:
    """Cancel a job, queued or running."""
    with Client(url, key) as client:
        Screen.of_process().say(str(client.post(f"/v1/jobs/{job}/cancel")["state"]))
