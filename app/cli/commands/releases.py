"""Releases: decided on, and their tables saved."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.certificates import fetch_bundle
from app.cli.client import Client
from app.cli.options import DEFAULT_URL, Key, ReleaseId, Url
from app.cli.screen import Screen
from app.cli.synthesize import fetch_data


class Action(StrEnum):
    """What a reviewer does with a release."""

    APPROVE = "approve"
    REJECT = "reject"


def download(
    release: ReleaseId,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; .parquet gives Parquet, all else CSV.")],
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Save the synthetic table of a release."""
    with Client(url, key) as client:
        form: Any = "parquet" if out.suffix == ".parquet" else "csv"
        out.parent.mkdir(parents=True, exist_ok=True)
        fetch_data(client, client.get(f"/v1/releases/{release}"), out, form)
    Screen.of_process().say(str(out))


def deliver(
    release: ReleaseId,
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="Id of a connection that is writable.")],
    table: Annotated[str, typer.Option(help="Name of the new table, or of the file in a bucket.")],
    schema: Annotated[str | None, typer.Option(help="Schema of the table.")] = None,
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Have the service write a released table into a new table of a database, or into a bucket."""
    with Client(url, key) as client:
        wanted = {"connection_id": connection, "table": table, "schema_name": schema}
        made = client.post(f"/v1/releases/{release}/deliveries", wanted)
    Screen.of_process().say(f"{made['table']}: {made['rows']:,} records")


def certificate(
    release: ReleaseId,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for certificate, key, data and report.")],
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Save a release with its signed certificate; `lookalike verify` checks it."""
    with Client(url, key) as client:
        Screen.of_process().say(f"bundle    {fetch_bundle(client, release, out)}")


def decide(
    release: ReleaseId,
    action: Action,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the release.")],
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Approve or reject a release that waits for review."""
    with Client(url, key) as client:
        body = {"action": action.value, "reason": reason}
        Screen.of_process().say(str(client.post(f"/v1/releases/{release}/decision", body)["state"]))
