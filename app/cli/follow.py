"""Following a job: its event stream from start to end, over lost connections."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.cli.client import Client
from app.cli.exits import CommandError
from app.states import TERMINAL_JOB_STATES, JobState

ATTEMPTS = 8
"""Connections in a row that may fail before following gives up; about a minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to a job."""

    kind: str
    """`state`, `stage`, `progress` or `reading`."""
    state: str | None = None
    stage: str | None = None
    message: str = ""
    fraction: float | None = None
    """How much of the whole job is done, 0 to 1."""
    figures: Mapping[str, float] = field(default_factory=dict)
    columns: Sequence[Mapping[str, Any]] = ()
    """How the columns of the table were read, as the API describes them."""
    notes: Sequence[str] = ()

    @property
    def final(self) -> bool:
        """True where nothing follows."""
        return self.state in TERMINAL_JOB_STATES


def parse_event(kind: str, data: str) -> Event | None:
    """The event, or None where it is of a kind, or of a shape, that this version does not know."""
    try:
        values = json.loads(data)
    except ValueError:
        return None
    if kind not in {"state", "stage", "progress", "reading"} or not isinstance(values, dict):
        return None
    columns, notes = values.get("columns"), values.get("notes")
    figures = values.get("figures")
    return Event(
        kind=kind,
        state=_text(values.get("state")),
        stage=_text(values.get("stage")),
        message=_text(values.get("message")) or "",
        fraction=_number(values.get("fraction")) if kind == "progress" else None,
        figures={
            str(name): number
            for name, value in (figures.items() if isinstance(figures, dict) else ())
            if (number := _number(value)) is not None
        },
        columns=[c for c in columns if isinstance(c, dict) and {"name", "kind"} <= c.keys()]
        if isinstance(columns, list)
        else [],
        notes=[note for note in notes if isinstance(note, str)] if isinstance(notes, list) else [],
    )


def _text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:  # noqa: ANN401 - JSON
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def follow(client: Client, job_id: str) -> Iterator[Event]:
    """Every event of the job, in order and once, the last one final.

    A lost connection is taken up again after the last event that came. Raises CommandError after ATTEMPTS failures in a
    row: the job goes on without us.
    """
    last, failures = "", 0
    while True:
        try:
            for sent in client.events(f"/v1/jobs/{job_id}/events", last):
                last, failures = sent.id or last, 0
                event = parse_event(sent.event, sent.data)
                if event is not None:
                    yield event
                    if event.final:
                        return
            state = client.get(f"/v1/jobs/{job_id}")["state"]
            if state in TERMINAL_JOB_STATES:  # it ended before the stream could say so
                yield Event(kind="state", state=JobState(state).value)
                return
        except (httpx2.TransportError, CommandError) as error:
            if isinstance(error, CommandError) and not isinstance(error.__cause__, httpx2.TransportError):
                raise
            failures += 1
        if failures > ATTEMPTS:
            raise CommandError(f"the connection was lost; the job goes on: lookalike report {job_id}")
        time.sleep(min(0.1 * 2**failures, 15.0))
