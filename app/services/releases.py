"""Releases: read, decided on, downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app import store, views
from app.context import Backend, Caller
from app.data_keys import outcome_key
from app.db import reading, transaction
from app.errors import ArtifactChangedError, ConflictError, ForbiddenError, NotFoundError, NotReleasedError
from app.idempotency import Answer, fingerprint, once
from app.identity import account_of, are_two
from app.jobs.earlier import released_before
from app.orm import JobRow, ReleaseRow, now
from app.services import reports
from app.states import TERMINAL_JOB_STATES, ReleaseState, move_release
from app.trail import Kind, record
from app.wire import DecisionRequest, Model, Page, Release, WithdrawalRequest
from app.wire_jobs import Job


class FourEyesError(ForbiddenError):
    """Whoever sent the job, or may have sent it, may not approve its release."""

    code = "four_eyes"
    title = "Two people are needed"


class ReleasedSinceError(ConflictError):
    """Other tables from some of the same people were released after the audit of this one began."""

    code = "released_since"
    title = "Other tables from some of the same people were released since"


class UnreadableReportError(ConflictError):
    """The report on which an approval would rest is gone, or is not the one that was published."""

    code = "unreadable_report"
    title = "The report cannot be read"


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """A file that may be served."""

    key: str
    sha256: str
    media_type: str
    filename: str


MEANS = {
    ReleaseState.IN_REVIEW: "a reviewer has to approve it first",
    ReleaseState.REJECTED: "a reviewer has rejected it",
    ReleaseState.WITHDRAWN: "it was released and then withdrawn",
    ReleaseState.BLOCKED: "the audit proved a leak above the policy's limit",
    ReleaseState.VOID: "the audit could not be trusted or could not see enough",
}


def get(backend: Backend, caller: Caller, release_id: str) -> Release:
    """The release."""
    with reading(backend.engine) as session:
        return views.release(store.release(session, caller.tenant_id, release_id))


def listed(
    backend: Backend, caller: Caller, cursor: str | None, limit: int, state: ReleaseState | None = None
) -> Page[Release]:
    """The tenant's releases, in this state or in any, newest first."""
    with reading(backend.engine) as session:
        found = store.releases(session, caller.tenant_id, cursor, limit + 1, state)
        return views.page(found, limit, views.release)


def decide(backend: Backend, caller: Caller, release_id: str, request: DecisionRequest, key: str | None) -> Answer:
    """200 and the release after a reviewer's decision.

    Raises ConflictError where it does not wait for one, FourEyesError where the policy wants somebody else to decide,
    ReleasedSinceError where an approval would let it out beside tables that it was not attacked together with, and
    UnreadableReportError where an approval would rest on a report that nobody can read.
    """
    wanted = ReleaseState.RELEASED if request.action == "approve" else ReleaseState.REJECTED
    with once(
        backend.engine, caller.tenant_id, key, fingerprint("POST decision", release_id, request.model_dump())
    ) as turn:
        if turn.before is not None:
            return turn.before
        with reading(backend.engine) as session:
            found = store.release(session, caller.tenant_id, release_id)
            job = store.job(session, caller.tenant_id, found.job_id)
        if wanted is ReleaseState.RELEASED and found.state == ReleaseState.IN_REVIEW:
            _require_report(backend, caller, found.report_id)
        with transaction(backend.engine) as session:
            # data sets are locked first and the release after them, as a deletion does
            others = len(released_before(session, job, lock=True))
            row = store.release(session, caller.tenant_id, release_id, lock=True)
            state = move_release(ReleaseState(row.state), wanted)
            if state is ReleaseState.RELEASED and (why := _why_not_approved(session, caller, row, job)):
                raise FourEyesError(why)
            if state is ReleaseState.RELEASED and others > row.earlier:
                raise _released_since(others - row.earlier)
            row.state = state.value
            sign_decision(row, caller, request.reason)
            record(session, row.tenant_id, caller.actor, Kind.RELEASE_DECIDED, row.id, state=row.state)
            return turn.record(session, Answer(status=200, body=views.release(row).model_dump(mode="json")))


def why_not_approved(backend: Backend, caller: Caller, release_id: str) -> str:
    """Why four eyes keep the caller from approving, and who can; empty where they do not."""
    with reading(backend.engine) as session:
        row = store.release(session, caller.tenant_id, release_id)
        return _why_not_approved(session, caller, row, store.job(session, caller.tenant_id, row.job_id))


def _why_not_approved(session: Session, caller: Caller, row: ReleaseRow, job: JobRow) -> str:
    sent, approves = account_of(session, job.created_by), account_of(session, caller.actor_id)
    if not row.four_eyes or are_two(sent, approves):
        return ""
    asks = f"the policy {row.policy} has one person send the job and another approve it"
    if sent is None:
        return (
            f"{asks}, and this job was sent by a key of nobody's account: reject the release, and have a person with "
            "an account, or a key of theirs, send the job again"
        )
    if approves is None:
        return f"{asks}, and your key belongs to nobody's account: expected the approval of a person with an account"
    return f"{asks}, and you sent this job: expected the approval of somebody else"


def sign_decision(row: ReleaseRow, caller: Caller, reason: str) -> None:
    """Write down who decided, when and why. The name is that of now, and stays."""
    row.decided_by, row.decided_at, row.decision_reason = caller.actor_id, now(), reason
    row.decided_by_name, row.decided_by_person = caller.name, caller.person_id


def withdraw(backend: Backend, caller: Caller, release_id: str, request: WithdrawalRequest, key: str | None) -> Answer:
    """200 and the release, which nobody gets any more, nor what was made of its records: the files of uses that have
    ended go. Uses that wait or run end by themselves.

    Raises ConflictError where it is not released.
    """
    asked = fingerprint("POST withdrawal", release_id, request.model_dump())
    with once(backend.engine, caller.tenant_id, key, asked) as turn:
        if turn.before is not None:
            return turn.before
        with transaction(backend.engine) as session:
            row = store.release(session, caller.tenant_id, release_id, lock=True)
            row.state = move_release(ReleaseState(row.state), ReleaseState.WITHDRAWN).value
            row.withdrawn_by, row.withdrawn_at, row.withdrawal_reason = caller.actor_id, now(), request.reason
            row.withdrawn_by_name, row.withdrawn_by_person = caller.name, caller.person_id
            record(session, row.tenant_id, caller.actor, Kind.RELEASE_WITHDRAWN, row.id)
            used = list(store.jobs_of_release(session, row.tenant_id, row.id, TERMINAL_JOB_STATES))
            answer = turn.record(session, Answer(status=200, body=views.release(row).model_dump(mode="json")))
        for job in used:
            erase_results(backend, caller, job)
        return answer


def erase_results(backend: Backend, caller: Caller, job: JobRow) -> None:
    """Erase all files of a use, of which something is no more. The audit log says so before they go.

    What is left where the process dies is the reaper's.
    """
    folder = f"{job.tenant_id}/jobs/{job.id}"
    files = [key for key, _ in backend.blobs.listed(folder)]
    if files:
        with transaction(backend.engine) as session:
            record(session, job.tenant_id, caller.actor, Kind.FILES_REAPED, job.id, files=len(files))
    backend.blobs.erase(outcome_key(job.tenant_id, job.id))
    backend.blobs.delete_all(files)


def delete(backend: Backend, caller: Caller, release_id: str) -> None:
    """Delete the table and the report of a release.

    That there was one stays known: where it had gone out, later audits say that it could not be attacked together with
    their tables. Raises ConflictError where it is released or waits for a decision.
    """
    with transaction(backend.engine) as session:
        row = store.release(session, caller.tenant_id, release_id, lock=True)
        if row.state in {ReleaseState.RELEASED, ReleaseState.IN_REVIEW}:
            raise ConflictError(
                f"expected a release that was withdrawn, rejected, blocked or is void, got one that is {row.state}"
            )
        report = store.report(session, caller.tenant_id, row.report_id)
        row.deleted_at = report.deleted_at = now()
        record(session, row.tenant_id, caller.actor, Kind.RELEASE_DELETED, row.id)
        keys = (row.csv_key, row.parquet_key, report.json_key, report.html_key)
    backend.blobs.erase(outcome_key(row.tenant_id, row.job_id))
    for key in keys:
        backend.blobs.delete(key)


def download(backend: Backend, caller: Caller, release_id: str, *, parquet: bool) -> Download:
    """The file of a release. Raises NotReleasedError, with its state, verdict and reasons, where it is not released."""
    with transaction(backend.engine) as session:
        row = store.release(session, caller.tenant_id, release_id)
        if row.state != ReleaseState.RELEASED:
            raise not_released(row)
        form = "parquet" if parquet else "csv"
        record(session, row.tenant_id, caller.actor, Kind.RELEASE_DOWNLOADED, row.id, form=form)
    if parquet:
        return Download(
            key=row.parquet_key,
            sha256=row.parquet_sha256,
            media_type="application/vnd.apache.parquet",
            filename=f"{row.id}.parquet",
        )
    return Download(
        key=row.csv_key, sha256=row.csv_sha256, media_type="text/csv; charset=utf-8", filename=f"{row.id}.csv"
    )


def delimiter(backend: Backend, caller: Caller, release_id: str) -> str:
    """What separates the cells of a release's CSV: the same as in the upload."""
    with reading(backend.engine) as session:
        row = store.release(session, caller.tenant_id, release_id)
        source = store.dataset_even_if_deleted(session, caller.tenant_id, row.dataset_id).source
    return str(source.get("delimiter") or ",")


def of_report(backend: Backend, caller: Caller, report_id: str) -> Release | None:
    """The release that rests on a report."""
    with reading(backend.engine) as session:
        row = store.release_of_report(session, caller.tenant_id, report_id)
        return None if row is None else views.release(row)


def names(backend: Backend, caller: Caller, found: Sequence[Release | Job | Model]) -> Mapping[str, str]:
    """What the data sets of these are called, by their ids; those that were deleted have no name any more."""
    with reading(backend.engine) as session:
        return store.dataset_names(session, caller.tenant_id, {each.dataset_id for each in found})


def _require_report(backend: Backend, caller: Caller, report_id: str) -> None:
    """Raises UnreadableReportError where the report is gone or is not the one that was published."""
    try:
        reports.report_document(backend, caller, report_id)
    except (NotFoundError, ArtifactChangedError, ValueError) as error:
        raise UnreadableReportError(
            "expected the report of this release as it was published, found none or another file: reject the release, "
            "or run the job again and decide on the new one"
        ) from error


def _released_since(tables: int) -> ReleasedSinceError:
    return ReleasedSinceError(
        "expected a release that was attacked together with all tables released from some of the same people, got one "
        f"whose audit knew nothing of {tables} of them: run the job again and decide on the new release",
        members={"released_since": tables},
    )


def not_released(row: ReleaseRow) -> NotReleasedError:
    """The refusal that says in which state a release is, and why."""
    state = ReleaseState(row.state)
    reasons = "; ".join(row.reasons) or "no reasons given"
    return NotReleasedError(
        f"expected a release in the state released, got one that is {state.value}: {MEANS[state]}. "
        f"Verdict {row.verdict}: {reasons}",
        members={
            "state": state.value,
            "verdict": row.verdict,
            "reasons": list(row.reasons),
            "decision_reason": row.decision_reason,
        },
    )
