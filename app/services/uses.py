"""What else records and models are for, as jobs: sent, and their results served.

Results hold cells of real records, or tell of them: they are never a release, and are for whoever has the scope
`real_data`. Few records of a release are a part of it, and are for whoever gets the release.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app import auth, store
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import ConflictError, NotFoundError
from app.idempotency import Answer, fingerprint, once
from app.orm import ReleaseRow
from app.pipeline import RESULT
from app.services import checks, histories, quotas
from app.services.datasets import note_read, table_of
from app.services.jobs import add_job, as_the_table_has_it, handed_in
from app.services.releases import Download, not_released
from app.services.table_checks import count_check
from app.services.use_checks import Given, check_fields, check_fit
from app.states import JobKind, JobState, ReleaseState, Scope
from app.trail import Kind, record
from app.used import datasets_of, part_of_release, use_of
from app.wire_jobs import KeptOptions, UseRequest
from synth.table.schema import TableSchema


def create(backend: Backend, caller: Caller, request: UseRequest, key: str | None) -> Answer:
    """202 and the new job, or the answer that was given to the same request before.

    Raises InvalidRequestError where the use lacks something, has no place for something, where the records do not fit
    the model, or where conditions are such as no job may have; NotReleasedError where the records are those of a
    release that is not released; ConflictError where what was checked is another one by now.
    """
    with once(backend.engine, caller.tenant_id, key, fingerprint("POST /v1/uses", request.model_dump())) as turn:
        if turn.before is not None:
            return handed_in(backend, caller, turn.before)
        check_fields(request)
        with reading(backend.engine) as session:
            given = _given(session, caller, request)
        check_fit(request, given, backend.settings.max_sample_rows)
        if request.use == "impute":
            _check_imputable(backend, caller, given)
        options = _as_the_model_has_it(backend, caller, given, request.kept())
        quotas.require_room_for_bytes(backend, caller, 0)
        with transaction(backend.engine) as session:
            quotas.require_room_for_job(session, backend.settings, caller)
            _expect_unchanged(session, caller, request, given)
            model_id = None if given.model is None else given.model.id
            answer = add_job(session, turn, caller, given.dataset.id, JobKind.USE, options, None, model_id=model_id)
        return handed_in(backend, caller, answer)


def _given(session: Session, caller: Caller, request: UseRequest) -> Given:
    """What the request names. Raises NotFoundError where the tenant has no such thing."""
    tenant, model_id, records = caller.tenant_id, request.model_id, None
    if request.release_id is not None:
        release = _released(session, tenant, request.release_id)
        dataset, model_id, records = store.records(session, tenant, release.dataset_id), release.model_id, release.rows
    else:
        dataset = store.records(session, tenant, request.dataset_id or "")
    model, trained_on, learnt = None, None, None
    if model_id is not None:
        model = store.model(session, tenant, model_id)
        options = KeptOptions.model_validate(store.job(session, tenant, model.job_id).options)
        trained_on = store.records(session, tenant, model.dataset_id)
        learnt = TableSchema.from_json(trained_on.table_schema).with_roles(**options.roles_given())
    return Given(
        dataset=dataset,
        records=dataset.rows if records is None else records,
        schema=TableSchema.from_json(dataset.table_schema),
        model=model,
        trained_on=trained_on,
        learnt=learnt,
        like=None if request.like is None else store.records(session, tenant, request.like),
    )


def _released(session: Session, tenant_id: str, release_id: str, *, lock: bool = False) -> ReleaseRow:
    """The release. Raises NotReleasedError where it is not released."""
    found = store.release(session, tenant_id, release_id, lock=lock)
    if found.state != ReleaseState.RELEASED:
        raise not_released(found)
    return found


def _check_imputable(backend: Backend, caller: Caller, given: Given) -> None:
    """Raises InvalidRequestError where the table shows that a training would be in vain.

    It counts as a request about values of the table: it tells whether a single cell is missing.
    """
    count_check(backend.engine, backend.settings, given.dataset)
    table = table_of(given.dataset)
    note_read(backend, caller, given.dataset, "checks before a job")
    histories.check_imputed_one_by_one(backend.blobs, table, given.schema)
    checks.check_gaps(backend.blobs, table, given.schema)


def _as_the_model_has_it(backend: Backend, caller: Caller, given: Given, options: KeptOptions) -> KeptOptions:
    """The options with conditions as the table that the model has learnt writes them.

    That table is read for it, within the limits that conditions of other jobs have: what an answer tells of it is no
    more than theirs.
    """
    if not options.conditions or given.trained_on is None or given.learnt is None:
        return options
    note_read(backend, caller, given.trained_on, "checks before a job")
    return as_the_table_has_it(backend, given.trained_on, given.learnt, options)


def _expect_unchanged(session: Session, caller: Caller, request: UseRequest, given: Given) -> None:
    """Lock what the job is made of. Raises ConflictError or NotReleasedError where it is not as it was checked."""
    for seen in given.datasets:
        current = store.records(session, caller.tenant_id, seen.id, lock=True)
        if (current.table_schema, current.table_key) != (seen.table_schema, seen.table_key):
            raise ConflictError("expected a schema that nobody changes, got one that was changed meanwhile")
    if request.release_id is not None:
        _released(session, caller.tenant_id, request.release_id, lock=True)


def result(backend: Backend, caller: Caller, job_id: str) -> Download:
    """The archive that a use has given. The audit log says who got it, before they do.

    Raises NotFoundError where the job is none of this kind, or what it was made of was deleted; ConflictError where it
    has not finished; ForbiddenError without the scope real_data, unless it is a part of a release; NotReleasedError
    where that is not released.
    """
    with transaction(backend.engine) as session:
        job = store.job(session, caller.tenant_id, job_id)
        use = use_of(job)
        if use is None:
            raise NotFoundError("expected a job of the kind use, got another one: its table is that of its release")
        part_of = part_of_release(use)
        if part_of is None:
            auth.demand(caller, Scope.REAL_DATA)
        if job.state != JobState.FINISHED:
            raise ConflictError(f"expected a job that has finished, got one that is {job.state}")
        datasets = sorted(datasets_of(session, job))
        for each in datasets:
            store.records(session, caller.tenant_id, each)
        if use.release_id is not None:
            _released(session, caller.tenant_id, use.release_id)
        if part_of is not None:
            record(session, job.tenant_id, caller.actor, Kind.RELEASE_DOWNLOADED, part_of, form=use.use)
        else:
            for each in datasets:
                purpose = f"result of {use.use}"
                record(session, job.tenant_id, caller.actor, Kind.DATASET_READ, each, purpose=purpose, job=job.id)
        artifact = job.artifacts[RESULT]
    name = f"{use.use}-{part_of}" if part_of is not None else f"{use.use}-internal-{job.id}"
    return Download(
        key=artifact["key"], sha256=artifact["sha256"], media_type="application/zip", filename=f"{name}.zip"
    )
