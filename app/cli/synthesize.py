"""The whole way of one table, seen from the client: send it, follow the job, fetch report and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.cli.client import PARQUET, Client
from app.cli.columns import show_columns
from app.cli.exits import CommandError, Exit, exit_for
from app.cli.follow import follow
from app.cli.screen import Screen, show_event
from app.cli.service import Stopped
from app.cli.verdict import show_verdict
from app.states import JobState, ReleaseState
from synth.table.ranges import AnyOf, Bound, Condition, Presence

DataFormat = Literal["csv", "parquet"]
JSON, HTML, CSV = "application/json", "text/html", "text/csv"
TYPED = frozenset({"parquet", "feather"})
WRITTEN = ("synthetic.csv", "synthetic.parquet", "report.json", "report.html")


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked of the service."""

    file: Path
    out: Path
    format: DataFormat | None = None
    """None for that of the file: Parquet for files that say what their columns are, CSV for all others."""
    rows: int | None = None
    policy: str | None = None
    target: str | None = None
    person: str | None = None
    order: str | None = None
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`kinds`, `roles` and `missing` by column, where they were said."""
    seed: int | None = None
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    mix: tuple[str, ...] = ()
    augment: str | None = None
    rules: tuple[str, ...] = ()
    """Rules between columns, such as `admitted <= discharged`."""
    find_rules: bool | None = None
    without_rules: tuple[str, ...] = ()
    broken_rules: str | None = None
    secrets: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    """Questions for the report."""
    tolerance: float | None = None
    shadow_models: str | None = None
    priority: str | None = None
    max_minutes: float | None = None
    max_steps: int | None = None
    retention_days: int | None = None
    objective: str | None = None
    reading: Mapping[str, str | int] = field(default_factory=dict)
    """How the file is to be read, where that was said."""

    def query(self) -> dict[str, str | int]:
        """What is said of the file."""
        kept = {} if self.retention_days is None else {"retention_days": self.retention_days}
        return {**self.reading, **kept}

    def options(self) -> dict[str, Any]:
        """The options as the API reads them; what was not asked for is left to the service."""
        generator = {"max_minutes": self.max_minutes, "max_steps": self.max_steps, "objective": self.objective}
        wanted = {
            "rows": self.rows,
            "policy": self.policy,
            "target": self.target,
            "person": self.person,
            "order": self.order,
            **{name: dict(said) for name, said in self.columns.items()},
            "seed": self.seed,
            "conditions": {name: _as_json(wanted) for name, wanted in self.conditions.items()} or None,
            "mix": list(self.mix) or None,
            "augment": self.augment,
            "rules": list(self.rules) or None,
            "find_rules": self.find_rules,
            "without_rules": list(self.without_rules) or None,
            "broken_rules": self.broken_rules,
            "secrets": list(self.secrets) or None,
            "source": list(self.source) or None,
            "ask": list(self.ask) or None,
            "tolerance": self.tolerance,
            "shadow_models": self.shadow_models,
            "priority": self.priority,
            "generator": {name: value for name, value in generator.items() if value is not None} or None,
        }
        return {name: value for name, value in wanted.items() if value is not None}


def _as_json(wanted: Condition) -> str | list[str] | dict[str, Bound]:
    """A condition as the API reads it."""
    if isinstance(wanted, str):
        return wanted
    if isinstance(wanted, AnyOf):
        return list(wanted.values)
    if isinstance(wanted, Presence):
        return {"missing": wanted is Presence.MISSING}
    return {name: end for name, end in (("from", wanted.low), ("to", wanted.high)) if end is not None}


def synthesize(screen: Screen, client: Client, order: Order) -> Exit:
    """How the release came out. `order.out` then holds the report, and the data where it is released.

    Files that an earlier run left in `order.out` are deleted first: they must not be taken for this run's. Raises
    CommandError where the service refuses, the job fails, or Ctrl-C cancelled it.
    """
    _prepare(order.out)
    with screen.upload(order.file.name, order.file.stat().st_size) as told:
        job = client.synthesize(order.file, order.options(), order.query(), told)
    _follow_to_the_end(screen, client, job["id"])
    release = release_of(client, job["id"])
    report = fetch_report(client, release["report_id"], order.out)
    show_verdict(screen, release, report)
    if release["state"] == ReleaseState.RELEASED:
        form = order.format or format_of(client, job["dataset_id"])
        data = fetch_data(client, release, order.out / f"synthetic.{form}", form)
        screen.say(f"data      {data}")
    screen.say(f"report    {order.out / 'report.html'}")
    screen.say(f"          {order.out / 'report.json'}")
    return exit_for(release["state"])


def format_of(client: Client, dataset_id: str) -> DataFormat:
    """The format that a synthetic table has where none was asked for: one with types where the real one had them."""
    return "parquet" if client.get(f"/v1/datasets/{dataset_id}")["format"] in TYPED else "csv"


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in WRITTEN:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CommandError(
            f"--out: expected a folder that can be written, {out} cannot: {reason}", Exit.BAD_INPUT
        ) from error


def _follow_to_the_end(screen: Screen, client: Client, job_id: str) -> None:
    """Show the job's progress until it has finished. Ctrl-C and SIGTERM cancel it."""
    fraction, state = 0.0, None
    try:
        with screen.work("waiting for a worker") as told:
            for event in follow(client, job_id):
                for note in event.notes:
                    screen.note(f"note: {note}")
                if event.columns:
                    show_columns(screen, event.columns)
                fraction = show_event(event, told, fraction)
                state = event.state or state
            told(1.0 if state == JobState.FINISHED else fraction, state or "")
    except (KeyboardInterrupt, Stopped) as stop:
        client.post(f"/v1/jobs/{job_id}/cancel")
        raise CommandError(f"stopped: the job {job_id} is cancelled") from stop


def release_of(client: Client, job_id: str) -> dict[str, Any]:
    """The release that the job led to. Raises CommandError where it has none: not finished, failed or cancelled."""
    job = client.get(f"/v1/jobs/{job_id}")
    if job["state"] == JobState.FAILED:
        error = job["error"] or {"code": "unknown", "detail": "no reason was given"}
        raise CommandError(f"the job failed: {error['detail']} ({error['code']})")
    if job["state"] != JobState.FINISHED or job["release_id"] is None:
        raise CommandError(f"expected a finished job, this one is {job['state']} ({job['fraction']:.0%})")
    return client.get(f"/v1/releases/{job['release_id']}")


def fetch_report(client: Client, report_id: str, out: Path) -> dict[str, Any]:
    """The report; `out` then holds it as JSON and as HTML."""
    out.mkdir(parents=True, exist_ok=True)
    path = f"/v1/reports/{report_id}"
    client.download(path, out / "report.json", JSON)
    client.download(path, out / "report.html", HTML)
    return client.get(path)


def fetch_data(client: Client, release: Mapping[str, Any], target: Path, form: DataFormat) -> Path:
    """`target`, holding the released table. Raises CommandError where it is not released."""
    accept, sha256 = (PARQUET, "parquet_sha256") if form == "parquet" else (CSV, "csv_sha256")
    return client.download(f"/v1/releases/{release['id']}/data", target, accept, sha256=release[sha256])
