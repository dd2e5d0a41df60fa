"""Jobs: the list, one as it goes, its end, and two side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app import auth
from app.context import Backend
from app.errors import NotFoundError
from app.orm import Json
from app.pages.common import FormOf, Reading, Writing, go, is_of_script, looked_at, page
from app.pages.curves import curves
from app.pages.evidence import STATES as RELEASES
from app.pages.forms import FormRoute
from app.pipeline import WAYS
from app.routes.common import BackendOf, Cursor
from app.services import jobs, releases
from app.sessions import WebSession
from app.states import TERMINAL_JOB_STATES, JobKind, JobState, Scope
from app.used import part_of_release
from app.wire import Release
from app.wire_jobs import Job

PAGE = 25
OVER = 286
"""The status with which a script stops asking."""
STATES: Mapping[str, str] = {
    "queued": "waits for a worker",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
}
TONES: Mapping[str, str] = {
    "queued": "void",
    "running": "going",
    "finished": "pass",
    "failed": "block",
    "cancelled": "void",
}
ASKED: Mapping[str, str] = {
    "rows": "synthetic records",
    "secrets": "sensitive columns",
    "source": "columns of one source of an attacker",
    "ask": "questions to the synthetic table",
    "tolerance": "how far an answer may be off",
    "max_minutes": "minutes of training, at most",
    "max_steps": "steps of training, at most",
    "objective": "what the generator is trained for",
    "release_id": "records of the release",
    "like": "to be like the data set",
    "times": "completed tables",
    "rules": "rules between columns",
    "find_rules": "rules that the table proves are kept",
    "without_rules": "rules that are not kept though the table proves them",
    "broken_rules": "records that break a rule",
}
"""Options of a job as its form calls them, where that is not their name."""
KINDS: Mapping[str, str] = {"synthesize": "train and sample", "sample": "sample from a model", "use": "use of records"}
State = Annotated[JobState | Literal["all"], Query()]

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A stage of a job, and whether it is done."""

    says: str
    state: Literal["done", "now", "to come", "stopped"]


@router.get("/jobs")
def listed(backend: BackendOf, session: Reading, cursor: Cursor = None, state: State = "all") -> Response:
    """The jobs, newest first."""
    wanted = None if state == "all" else JobState(state)
    found = jobs.listed(backend, session.caller, cursor, PAGE, wanted)
    names = releases.names(backend, session.caller, found.items)
    return page(
        "jobs.html",
        session=session,
        found=found,
        names=names,
        state=str(state),
        states=STATES,
        tones=TONES,
        kinds=KINDS,
        may_write=session.caller.may(Scope.WRITE),
    )


@router.get("/jobs/compare")
def compare(backend: BackendOf, session: Reading, job: Annotated[list[str], Query(max_length=50)] = []) -> Response:  # noqa: B006 - never changed
    """The options and verdicts of two jobs side by side."""
    chosen = list(dict.fromkeys(job))
    if len(chosen) != 2:
        said = f"Choose two jobs to compare; {len(chosen)} {'was' if len(chosen) == 1 else 'were'} chosen."
        return page("refusal.html", 422, session=session, title="Two jobs are compared", detail=said)
    both = [jobs.get(backend, session.caller, each) for each in chosen]
    results = [_release(backend, session, each) for each in both]
    names = releases.names(backend, session.caller, both)
    lines = [_facts(each, result, names) for each, result in zip(both, results, strict=True)]
    rows = [(key, lines[0].get(key, ""), lines[1].get(key, "")) for key in dict.fromkeys([*lines[0], *lines[1]])]
    return page("compare.html", session=session, both=both, results=results, rows=rows)


@router.get("/jobs/{job_id}")
def show(request: Request, backend: BackendOf, session: Reading, job_id: str, pause: bool = False) -> Response:
    """A job: how far it is, its curves, what came of it. A script asks for the live part alone."""
    job = jobs.get(backend, session.caller, job_id)
    course = jobs.course(backend, session.caller, job_id)
    over = JobState(job.state) in TERMINAL_JOB_STATES
    part = is_of_script(request)
    return page(
        "job_live.html" if part else "job.html",
        OVER if part and over else 200,
        session=session,
        scripts=not over,
        job=job,
        name=releases.names(backend, session.caller, [job]).get(job.dataset_id),
        over=over,
        follow=not over and not pause,
        state=STATES[job.state],
        tone=TONES[job.state],
        kind=KINDS[job.kind],
        steps=steps(job),
        said=_said(course),
        notes=jobs.notes(backend, session.caller, job_id),
        curves=curves(course),
        release=_release(backend, session, job),
        releases=RELEASES,
        facts=_options(job),
        may_write=session.caller.may(Scope.WRITE),
        part_of=None if job.options.use is None else part_of_release(job.options.use),
        may_have_real_data=session.caller.may(Scope.REAL_DATA),
    )


@router.get("/jobs/{job_id}/cancel")
def ask_to_cancel(backend: BackendOf, session: Writing, job_id: str) -> Response:
    """Whether the job is really to be cancelled."""
    return _ask(backend, session, job_id)


@router.post("/jobs/{job_id}/cancel")
def cancel(request: Request, backend: BackendOf, session: Writing, job_id: str, form: FormOf) -> Response:
    """Cancel the job, and go back to it."""
    look = looked_at(session, form)
    auth.demand(session.caller, Scope.WRITE)
    if look:
        return _ask(backend, session, job_id)
    jobs.cancel(backend, session.caller, job_id)
    return go(request, f"/jobs/{job_id}")


def _ask(backend: Backend, session: WebSession, job_id: str) -> Response:
    job = jobs.get(backend, session.caller, job_id)
    name = releases.names(backend, session.caller, [job]).get(job.dataset_id)
    return page("cancel.html", session=session, job=job, name=name, state=STATES[job.state])


def steps(job: Job) -> list[Step]:
    """The stages of the job in order."""
    way = WAYS[JobKind(job.kind)]
    names = [stage.name for stage in way]
    if job.state == JobState.FINISHED:
        return [Step(says=stage.says, state="done") for stage in way]
    at = names.index(job.stage) if job.stage in names else -1
    ended = JobState(job.state) in TERMINAL_JOB_STATES
    return [
        Step(
            says=stage.says,
            state="done" if place < at else "to come" if place > at else "stopped" if ended else "now",
        )
        for place, stage in enumerate(way)
    ]


def _said(course: Sequence[Json]) -> str:
    return str(course[-1].get("message", "")) if course else ""


def _release(backend: Backend, session: WebSession, job: Job) -> Release | None:
    """The release of the job; None where there is none, or none any more."""
    if job.release_id is None:
        return None
    try:
        return releases.get(backend, session.caller, job.release_id)
    except NotFoundError:
        return None


def _facts(job: Job, release: Release | None, names: Mapping[str, str]) -> dict[str, str]:
    facts = {
        "verdict": "none yet" if release is None else release.verdict,
        "state of the release": "none yet" if release is None else RELEASES.get(release.state, release.state),
        "records": "" if release is None else f"{release.rows:,}",
        "data set": names.get(job.dataset_id, "deleted"),
        "model": job.model_id or "none yet",
        "job": f"{KINDS[job.kind]}, {STATES[job.state]}",
    }
    return facts | _options(job)


def _options(job: Job) -> dict[str, str]:
    """What was asked for, one line each; what was left out is not named."""
    given = job.options.model_dump(mode="json", exclude_defaults=True)
    facts = {"seed": str(job.options.seed)}
    if job.options.use is None:
        facts = {"policy": job.options.policy, **facts}
    else:
        facts |= {ASKED.get(key, key): str(value) for key, value in given.pop("use").items()}
    for name, value in given.items():
        if name == "conditions":
            facts["conditions"] = "; ".join(f"{column}: {_wanted(wanted)}" for column, wanted in value.items())
        elif name == "generator":
            facts |= {key: str(each) for key, each in value.items() if each is not None}
        elif isinstance(value, dict):
            facts[name] = "; ".join(f"{column}: {each}" for column, each in value.items())
        elif isinstance(value, list):
            between = "; " if name in {"ask", "rules", "without_rules", "mix"} else ", "
            facts[name] = between.join(map(str, value))
        else:
            facts[name] = f"{value:,}" if name == "rows" else str(value)
    return {ASKED.get(key, key.replace("_", " ")): value for key, value in facts.items()}


def _wanted(condition: object) -> str:
    if isinstance(condition, list):
        return " or ".join(map(str, condition))
    if isinstance(condition, dict) and "missing" in condition:
        return "missing" if condition["missing"] else "not missing"
    if isinstance(condition, dict):
        low, high = condition.get("from"), condition.get("to")
        return f"{'' if low is None else low} .. {'' if high is None else high}".strip()
    return str(condition)
