"""The command `lookalike`. What takes long to load is imported by the command that needs it."""

# ruff: noqa: PLC0415 - see above
# ruff: noqa: PLR0913, PLR0917 - one parameter for each option of the command line

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app import __version__
from app.cli.arguments import parse_conditions
from app.cli.client import Client
from app.cli.columns import Kind, Missing, Role, columns_said
from app.cli.exits import CommandError, Exit, exit_for
from app.cli.reading import Decimal, Delimiter, Encoding, HeaderRows, SkipFooter, reading_said
from app.cli.screen import Screen
from app.cli.service import Stopped
from app.cli.synthesize import Order, fetch_data, fetch_report, release_of, synthesize
from app.cli.tenants import keys, tenants
from app.cli.verdict import show_verdict
from app.states import Scope

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_POLICY = "internal"
"""That of a job that names none."""


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


app.add_typer(tenants, name="tenants")
app.add_typer(keys, name="keys")


class Form(StrEnum):
    """How the synthetic table is written."""

    CSV = "csv"
    PARQUET = "parquet"


class Device(StrEnum):
    """Where training runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Shadow(StrEnum):
    """When shadow models are trained."""

    POLICY = "policy"
    ON = "on"
    OFF = "off"


class Action(StrEnum):
    """What a reviewer does with a release."""

    APPROVE = "approve"
    REJECT = "reject"


Url = Annotated[str, typer.Option(envvar="LOOKALIKE_URL", help="Address of the service.")]
Key = Annotated[
    str, typer.Option(envvar="LOOKALIKE_KEY", help="API key; better in the environment, where nobody else sees it.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for report and data.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the installation; LOOKALIKE_HOME or ./var if not given.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Same data, options and seed give the same table.")]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=VALUE", help="Every record has this category, number or date; repeatable."),
]
Within = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=FROM..TO",
        help="Every record lies in this range of numbers or dates, both included; FROM.. and ..TO too; repeatable.",
    ),
]
Secret = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Column an attacker wants to know; repeatable.")]
Source = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Column that one of an attacker's two sources holds; repeatable."),
]
Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Of a spreadsheet; the first if not given.")]
FORMATS = "CSV, TSV, Parquet, Feather, Arrow, JSON, JSON lines or xlsx"
Table = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help=f"{FORMATS} file.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of a job.")]
ReleaseId = Annotated[str, typer.Argument(metavar="RELEASE", help="Id of a release.")]
WithParent = Annotated[
    int | None, typer.Option("--with-parent", hidden=True, help="End when the parent process of this number ends.")
]


def _client(url: str, key: str) -> Client:
    if not key:
        raise CommandError("expected an API key in LOOKALIKE_KEY or --key, got none", Exit.BAD_INPUT)
    return Client(url, key)


def _table(says: str) -> Any:  # noqa: ANN401 - the types are Typer's private ones
    """An option that takes a table."""
    return typer.Option(exists=True, dir_okay=False, readable=True, help=f"{says} {FORMATS}.")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Print the version where it was asked for."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.command("synthesize")
def synthesize_command(
    file: Table,
    out: Out,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Synthetic records; as many as were learnt if left out.")
    ] = None,
    policy: Annotated[str | None, typer.Option(help="Policy that the verdict follows.")] = None,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    person: Annotated[str | None, typer.Option(help="Column that says whom a record is about.")] = None,
    kind: Kind = None,
    role: Role = None,
    missing: Missing = None,
    seed: Seed = None,
    where: Where = None,
    within: Within = None,
    secret: Secret = None,
    source: Source = None,
    shadow_models: Annotated[
        Shadow | None, typer.Option(help="Generators with and without one person: by policy, in any case, or never.")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Time limit of the training.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Limit of training steps.")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    header_rows: HeaderRows = None,
    skip_footer: SkipFooter = None,
    sheet: Sheet = None,
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
    order = Order(
        file=file,
        out=out,
        format=None if format is None else format.value,
        rows=rows,
        policy=policy,
        target=target,
        person=person,
        columns=columns_said(kind, role, missing),
        seed=seed,
        conditions=parse_conditions(where or (), within or ()),
        secrets=tuple(secret or ()),
        source=tuple(source or ()),
        shadow_models=None if shadow_models is None else shadow_models.value,
        max_minutes=max_minutes,
        max_steps=max_steps,
        reading=reading_said(encoding, delimiter, decimal, header_rows, skip_footer, sheet),
    )
    screen = Screen.of_process()
    if local:
        from app.cli.serve import local_service, read_settings

        with local_service(screen, read_settings(home)) as client:
            code = synthesize(screen, client, order)
    else:
        with _client(url, key) as client:
            code = synthesize(screen, client, order)
    raise typer.Exit(code)


@app.command()
def jobs(url: Url = DEFAULT_URL, key: Key = "") -> None:
    """List the newest jobs."""
    screen = Screen.of_process()
    with _client(url, key) as client:
        for job in client.get("/v1/jobs")["items"]:
            stage = job["stage"] or ""
            release = job["release_id"] or ""
            screen.say(
                f"{job['id']}  {job['state']:<9} {job['fraction']:>4.0%}  {stage:<7} {job['created_at']}  {release}"
            )


@app.command()
def report(
    job: JobId, out: Annotated[Path | None, typer.Option("--out", "-o")] = None, url: Url = DEFAULT_URL, key: Key = ""
) -> None:
    """Print the verdict on a job's table; with -o also save the report as JSON and HTML."""
    screen = Screen.of_process()
    with _client(url, key) as client:
        release = release_of(client, job)
        path = f"/v1/reports/{release['report_id']}"
        document = client.get(path) if out is None else fetch_report(client, release["report_id"], out)
        show_verdict(screen, release, document)
        if out is not None:
            screen.say(f"report    {out / 'report.html'}")
    raise typer.Exit(exit_for(release["state"]))


@app.command()
def download(
    release: ReleaseId,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; .parquet gives Parquet, all else CSV.")],
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Save the synthetic table of a release."""
    with _client(url, key) as client:
        form: Any = "parquet" if out.suffix == ".parquet" else "csv"
        out.parent.mkdir(parents=True, exist_ok=True)
        fetch_data(client, client.get(f"/v1/releases/{release}"), out, form)
    Screen.of_process().say(str(out))


@app.command()
def cancel(job: JobId, url: Url = DEFAULT_URL, key: Key = "") -> None:
    """Cancel a job, queued or running."""
    with _client(url, key) as client:
        Screen.of_process().say(str(client.post(f"/v1/jobs/{job}/cancel")["state"]))


@app.command()
def decide(
    release: ReleaseId,
    action: Action,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the release.")],
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Approve or reject a release that waits for review."""
    with _client(url, key) as client:
        body = {"action": action.value, "reason": reason}
        Screen.of_process().say(str(client.post(f"/v1/releases/{release}/decision", body)["state"]))


@app.command()
def fit(
    train: Table,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL/", help="Folder for the model.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
    max_minutes: Annotated[float, typer.Option(min=0, help="Time limit of the training.")] = 60.0,
    device: Device = Device.AUTO,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    kind: Kind = None,
    role: Role = None,
    missing: Missing = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    header_rows: HeaderRows = None,
    skip_footer: SkipFooter = None,
    sheet: Sheet = None,
) -> None:
    """Train on every record of a file, without a service: no split, no attacks, no verdict."""
    # before torch is loaded: threads that spin while they wait make it ten times slower where another process runs
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from app.cli.offline import Training, fit_file

    wanted = Training(
        seed=seed,
        max_minutes=max_minutes,
        device=device.value,
        target=target,
        columns=columns_said(kind, role, missing),
        reading=reading_said(encoding, delimiter, decimal, header_rows, skip_footer, sheet),
    )
    fit_file(Screen.of_process(), train, out, wanted)


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="MODEL/")],
    rows: Annotated[int, typer.Option("-n", min=1, help="How many records.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; .parquet gives Parquet, all else CSV.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
    where: Where = None,
    within: Within = None,
) -> None:
    """Draw synthetic records from a model that `fit` trained. They have not been attacked."""
    from app.cli.offline import sample_model

    sample_model(
        Screen.of_process(), model, out, rows=rows, seed=seed, conditions=parse_conditions(where or (), within or ())
    )


@app.command()
def audit(
    train: Annotated[Path, _table("Records that the generator learnt.")],
    holdout: Annotated[Path, _table("Records of other people like them, which it never saw.")],
    synthetic: Annotated[Path, _table("The table to attack, from any generator.")],
    json_out: Annotated[Path, typer.Option("--json", metavar="OUT.json", help="File for the whole audit as JSON.")],
    html_out: Annotated[Path | None, typer.Option("--html", metavar="OUT.html", help="The same as a page.")] = None,
    reference: Annotated[Path | None, _table("Records of further people: what an attacker may hold.")] = None,
    earlier: Annotated[list[Path] | None, _table("A table released before from the same data; repeatable.")] = None,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    person: Annotated[str | None, typer.Option(help="Column that says whom a record is about.")] = None,
    categorical: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="The same as --kind NAME=categorical; repeatable.")
    ] = None,
    kind: Kind = None,
    role: Role = None,
    missing: Missing = None,
    secret: Secret = None,
    source: Source = None,
    policy: Annotated[str, typer.Option(help="internal, partner or public.")] = DEFAULT_POLICY,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    header_rows: HeaderRows = None,
    skip_footer: SkipFooter = None,
    sheet: Sheet = None,
) -> None:
    """Attack a synthetic table from any generator, and say by a policy what follows.

    --encoding, --delimiter, --decimal, --header-rows, --skip-footer and --sheet say how the real tables are written.
    The synthetic table and earlier ones are read by them only where they cannot be read without.

    Exit code: 0 PASS, 10 REVIEW, 11 BLOCK, 12 VOID or INSUFFICIENT, 2 bad input, 1 anything else.
    """
    from app.cli.audit import Audit, audit_files
    from app.cli.tables import Wanted

    wanted = Audit(
        train=train,
        holdout=holdout,
        synthetic=synthetic,
        reference=reference,
        earlier=tuple(earlier or ()),
        out=json_out,
        page=html_out,
        wanted=Wanted(
            reading=reading_said(encoding, delimiter, decimal, header_rows, skip_footer, sheet),
            target=target,
            person=person,
            columns=columns_said(
                [*(f"{name}=categorical" for name in categorical or ()), *(kind or ())], role, missing
            ),
        ),
        secrets=tuple(secret or ()),
        source=tuple(source or ()),
        policy=policy,
        seed=seed,
    )
    raise typer.Exit(audit_files(Screen.of_process(), wanted))


@app.command()
def up(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
    home: Home = None,
) -> None:
    """Start API and worker, and print an API key on the first start."""
    from app.cli.serve import read_settings
    from app.cli.serve import up as serve_up

    settings = read_settings(home)
    serve_up(Screen.of_process(), settings if port is None else settings.model_copy(update={"port": port}))


@app.command()
def migrate(home: Home = None) -> None:
    """Bring the installation's database to the newest version."""
    from app.cli.serve import installation, read_settings

    with installation(read_settings(home)):
        Screen.of_process().say("the database is at the newest version")


@app.command()
def key(
    tenant: Annotated[str | None, typer.Option(help="Name of the tenant; created where there is none.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What the key may do; repeatable.")] = None,
    person: Annotated[str | None, typer.Option(help="Who will hold it; four eyes are those of two persons.")] = None,
    home: Home = None,
) -> None:
    """Make an API key in the installation's database and print it once."""
    from app.cli.serve import new_key, read_settings

    new_key(Screen.of_process(), read_settings(home), tenant, scope or [Scope.READ, Scope.WRITE], person)


@app.command()
def api(
    fd: Annotated[int | None, typer.Option(hidden=True, help="A socket that listens already.")] = None,
    with_parent: WithParent = None,
) -> None:
    """Run the API alone (LOOKALIKE_HOST, LOOKALIKE_PORT). The database must be migrated."""
    from app.cli.serve import run_api

    run_api(fd, with_parent=with_parent)


@app.command()
def worker(with_parent: WithParent = None) -> None:
    """Run one worker alone. The database must be migrated."""
    from app.cli.serve import run_worker

    run_worker(with_parent=with_parent)


@app.command()
def health(
    of_worker: Annotated[bool, typer.Option("--worker", help="Check what a worker needs instead.")] = False,
) -> None:
    """Exit with 0 where the API on this machine is ready; for the container's health check."""
    from app.cli.serve import check_health

    check_health(of_worker=of_worker)
