"""Jobs: a table is sent and its job followed; jobs are listed and cancelled, and what they found is told."""

# ruff: noqa: PLR0913 - one parameter for each option of the command line
# ruff: noqa: PLC0415 - what takes long to load is imported by the command that needs it

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.client import Client
from app.cli.exits import exit_for
from app.cli.options import (
    DEFAULT_URL,
    Augmented,
    Home,
    JobId,
    Key,
    Mixed,
    OrderedBy,
    Out,
    Person,
    Seed,
    Url,
    with_table_options,
)
from app.cli.screen import Screen
from app.cli.sources import TableOrAddress, table_file
from app.cli.synthesize import Order, fetch_report, release_of, synthesize
from app.cli.verdict import show_verdict
from app.states import Priority
from synth.table.ranges import Condition


class Form(StrEnum):
    """How the synthetic table is written."""

    CSV = "csv"
    PARQUET = "parquet"


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
    conditions: dict[str, Condition],
    mix: Mixed = None,
    augment: Augmented = None,
    rules: dict[str, Any],
    examination: dict[str, Any],
    priority: Annotated[
        Priority | None, typer.Option(help="Which of your tenant's waiting jobs is begun first.")
    ] = None,
    training: dict[str, Any],
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
    with table_file(screen, file) as path, _service(screen, home, url, key, local=local) as client:
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
            priority=None if priority is None else priority.value,
            reading=reading,
            **rules,
            **examination,
            **training,
        )
        code = synthesize(screen, client, asked)
    raise typer.Exit(code)


def _service(screen: Screen, home: Path | None, url: str, key: str, *, local: bool) -> AbstractContextManager[Client]:
    """A client of the service at `url`, or of one that runs for this call alone."""
    if not local:
        return Client(url, key)
    from app.cli.serve import local_service, read_settings

    return local_service(screen, read_settings(home))


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
