"""Jobs: made, followed, cancelled."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy.orm import Session

from app import store, views
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import ConflictError, InvalidRequestError
from app.idempotency import Answer, Turn, fingerprint, once
from app.orm import DatasetRow, JobEventRow, JobRow, Json, new_id
from app.services import asked, checks, histories, mixes, policies, quotas
from app.services.conditions import check_condition_columns, conditions_held
from app.services.corrections import correct_by_table
from app.services.datasets import (
    NewDataset,
    Sent,
    add,
    erase_upload,
    note_read,
    read_upload,
    stored,
    table_of,
)
from app.services.table_checks import count_check
from app.states import TERMINAL_JOB_STATES, JobKind, JobState
from app.trail import Kind, record
from app.wire import Model, Page
from app.wire_jobs import Job, JobOptions, JobRequest, SampleRequest
from synth.detect.correct import Said
from synth.table.schema import ColumnRole, TableSchema

Options = TypeVar("Options", bound=JobOptions)
EVENTS_AT_ONCE = 500
PROGRESS_SHOWN = 2_000


def create(backend: Backend, caller: Caller, request: JobRequest, key: str | None) -> Answer:
    """202 and the new job on a data set, or the answer that was given to the same request before."""
    options = JobOptions.model_validate(request.model_dump(exclude={"dataset_id"}))
    with once(backend.engine, caller.tenant_id, key, fingerprint("POST /v1/jobs", request.model_dump())) as turn:
        if turn.before is not None:
            return handed_in(backend, caller, turn.before)
        with reading(backend.engine) as session:
            dataset = store.records(session, caller.tenant_id, request.dataset_id)
        check_request(backend, caller, options)
        check_reads_nothing_anew(options)
        schema = check_against_schema(TableSchema.from_json(dataset.table_schema), options)
        note_read(backend, caller, dataset, "checks before a job")
        # outside of the transaction: reading a column of a large table takes longer than a lock may be held
        people = histories.check_people(backend.blobs, table_of(dataset), schema)
        check_records_each(backend, dataset, schema, options)
        options = as_the_table_has_it(backend, dataset, schema, options)
        quotas.require_room_for_bytes(backend, caller, 0)
        with transaction(backend.engine) as session:
            quotas.require_room_for_job(session, backend.settings, caller)
            current = store.records(session, caller.tenant_id, dataset.id, lock=True)
            if (current.table_schema, current.table_key) != (dataset.table_schema, dataset.table_key):
                raise ConflictError("expected a schema that nobody changes, got one that was changed meanwhile")
            answer = add_job(session, turn, caller, current.id, JobKind.SYNTHESIZE, options, people)
        return handed_in(backend, caller, answer)


def synthesize(backend: Backend, caller: Caller, sent: Sent, options: JobOptions, key: str | None) -> Answer:
    """202 and the job on the data set that the upload makes; both are made or neither."""
    request = fingerprint("POST /v1/synthesize", sent.upload.sha256, sent.name, *sent.said(), options.model_dump())
    with once(backend.engine, caller.tenant_id, key, request) as turn:
        if turn.before is not None:
            return handed_in(backend, caller, turn.before)
        quotas.require_room_for_bytes(backend, caller, sent.upload.bytes)
        new = read_upload(backend, caller, sent)
        said = Said(kinds=options.kinds, roles=options.roles, missing=options.missing)
        with stored(backend, caller, new) as row:
            if said.names:
                corrected = correct_by_table(new.intake.schema, said, backend.blobs, table_of(row))
                row.table_schema = corrected.to_json()
            schema = check_against_schema(TableSchema.from_json(row.table_schema), options)
            people = histories.check_people(backend.blobs, table_of(row), schema)
            check_records_each(backend, row, schema, options)
            options = as_the_table_has_it(backend, row, schema, options, new.compared.sharing)
            answer = _add_both(backend, turn, caller, row, new, options, people)
        return handed_in(backend, caller, answer)


def sample(backend: Backend, caller: Caller, model_id: str, request: SampleRequest, key: str | None) -> Answer:
    """202 and the job that draws more records from a model, or the answer that was given before."""
    fields = request.model_dump()
    with once(backend.engine, caller.tenant_id, key, fingerprint("POST samples", model_id, fields)) as turn:
        if turn.before is not None:
            return handed_in(backend, caller, turn.before)
        with reading(backend.engine) as session:
            model = store.model(session, caller.tenant_id, model_id)
            dataset = store.records(session, caller.tenant_id, model.dataset_id)
            trained = store.job(session, caller.tenant_id, model.job_id)
        told = {name: trained.options.get(name) for name in ("target", "person", "order")}
        told["rules"] = trained.options.get("rules") or []
        options = JobOptions.model_validate({**fields, **told})
        check_request(backend, caller, options)
        schema = check_against_schema(TableSchema.from_json(dataset.table_schema), options)
        named = schema.with_role(ColumnRole.PERSON) is not None
        mixed = bool(options.mix or options.augment)
        if named or mixed or options.conditions or asked.names_values(schema, options.ask):
            note_read(backend, caller, dataset, "checks before a job")
        check_records_each(backend, dataset, schema, options)
        people = histories.count_people(backend.blobs, table_of(dataset), schema)
        options = as_the_table_has_it(backend, dataset, schema, options)
        quotas.require_room_for_bytes(backend, caller, 0)
        with transaction(backend.engine) as session:
            quotas.require_room_for_job(session, backend.settings, caller)
            store.records(session, caller.tenant_id, dataset.id, lock=True)
            answer = add_job(session, turn, caller, dataset.id, JobKind.SAMPLE, options, people, model_id=model.id)
        return handed_in(backend, caller, answer)


def check_request(backend: Backend, caller: Caller, options: JobOptions) -> None:
    """Raises where the options ask for what no data set can give, or for what could not be approved."""
    policies.check_policy(options.policy)
    policies.check_sender(options.policy, caller.person_id)
    checks.check_rows(backend.settings, options.rows)


def check_reads_nothing_anew(options: JobOptions) -> None:
    """Raises InvalidRequestError where the options say how to read columns of a data set that is there already."""
    if options.kinds or options.roles or options.missing:
        raise InvalidRequestError(
            "kinds, roles, missing: expected with an upload alone; correct this data set's with PATCH on its schema"
        )


def check_against_schema(schema: TableSchema, options: JobOptions) -> TableSchema:
    """The schema as the job reads it. Raises where the options do not fit the columns of the data set."""
    checks.check_person(schema, options.person)
    checks.check_target(schema.with_roles(person=options.person), options.target)
    checks.check_order(schema.with_roles(person=options.person), options.order)
    schema = schema.with_roles(**options.roles_given())
    checks.check_learnable(schema)
    check_condition_columns(schema, options.given())
    mixes.check_columns(schema, options)
    checks.check_attacked(schema, options.secrets, options.source)
    asked.check_columns(schema, options.ask)
    return checks.check_rules(schema, options)


def check_records_each(backend: Backend, dataset: DatasetRow, schema: TableSchema, options: JobOptions) -> None:
    """Raises InvalidRequestError where the job asks for what cannot be had of people with several records."""
    mixed = {"mix": len(options.mix), "augment": int(options.augment is not None)}
    histories.check_one_record_each(backend.blobs, table_of(dataset), schema, mixed)


def as_the_table_has_it(
    backend: Backend, dataset: DatasetRow, schema: TableSchema, options: Options, sharing: Collection[str] = ()
) -> Options:
    """The options with conditions as the table writes them. `sharing` is as in `count_check`.

    Raises where too few people meet the conditions, have a value that a question names, or are as a mix or an
    augmentation asks; where a condition is on a column that changes for a person; and where no record can be as a mix
    asks, or a category has the share already.
    Raises TooManyRequestsError where values of the table were asked about too often, whatever the answers were.
    """
    table = table_of(dataset)
    if options.conditions or options.mix or options.augment or asked.names_values(schema, options.ask):
        count_check(backend.engine, backend.settings, dataset, sharing)
    histories.check_constant(backend.blobs, table, schema, options.given())
    held = conditions_held(backend.blobs, table, schema, options.given())
    asked.check_values(backend.blobs, table, schema, options.ask)
    options = options.with_conditions(held)
    mixes.check_held(backend.blobs, table, schema, options, backend.settings)
    return options


def get(backend: Backend, caller: Caller, job_id: str) -> Job:
    """The job."""
    with reading(backend.engine) as session:
        return views.job(store.job(session, caller.tenant_id, job_id))


def listed(
    backend: Backend, caller: Caller, cursor: str | None, limit: int, state: JobState | None = None
) -> Page[Job]:
    """The tenant's jobs, in this state or in any, newest first."""
    states = None if state is None else [state.value]
    with reading(backend.engine) as session:
        return views.page(store.jobs(session, caller.tenant_id, cursor, limit + 1, states), limit, views.job)


def course(backend: Backend, caller: Caller, job_id: str) -> list[Json]:
    """What the job's latest `progress` events say, in order: message, stage, fraction and figures."""
    with reading(backend.engine) as session:
        return list(store.figures(session, caller.tenant_id, job_id, PROGRESS_SHOWN))


def notes(backend: Backend, caller: Caller, job_id: str) -> list[str]:
    """What is to be known of what the job has given, without a cell of it."""
    with reading(backend.engine) as session:
        return store.notes(session, caller.tenant_id, job_id)


def news(backend: Backend, caller: Caller, job_id: str, after: int) -> tuple[list[tuple[int, str, Json]], bool]:
    """The next events of the job as `(id, kind, data)`, and whether these are the last that it will ever have."""
    with reading(backend.engine) as session:
        job = store.job(session, caller.tenant_id, job_id)
        rows = store.events(session, caller.tenant_id, job_id, after, EVENTS_AT_ONCE)
    over = JobState(job.state) in TERMINAL_JOB_STATES and len(rows) < EVENTS_AT_ONCE
    return [(row.id, row.kind, row.data) for row in rows], over


def cancel(backend: Backend, caller: Caller, job_id: str) -> Job:
    """The job, cancelled. Raises ConflictError where it has finished or failed."""
    get(backend, caller, job_id)  # the queue asks for no tenant
    backend.queue.cancel(job_id, by=caller.actor)
    return get(backend, caller, job_id)


def get_model(backend: Backend, caller: Caller, model_id: str) -> Model:
    """The model."""
    with reading(backend.engine) as session:
        return views.model(store.model(session, caller.tenant_id, model_id))


def listed_models(backend: Backend, caller: Caller, cursor: str | None, limit: int) -> Page[Model]:
    """The tenant's models, newest first."""
    with reading(backend.engine) as session:
        return views.page(store.models(session, caller.tenant_id, cursor, limit + 1), limit, views.model)


def _add_both(
    backend: Backend, turn: Turn, caller: Caller, row: DatasetRow, new: NewDataset, options: JobOptions, people: int
) -> Answer:
    with transaction(backend.engine) as session:
        quotas.require_room_for_job(session, backend.settings, caller)
        quotas.require_room_for_dataset(session, backend.settings, caller.tenant_id, row.rows)
        add(session, caller, row, new)
        return add_job(session, turn, caller, row.id, JobKind.SYNTHESIZE, options, people)


def add_job(  # noqa: PLR0913 - all that a job is made of
    session: Session,
    turn: Turn,
    caller: Caller,
    dataset_id: str,
    kind: JobKind,
    options: JobOptions,
    people: int | None,
    *,
    model_id: str | None = None,
) -> Answer:
    """202 and the new job, in the turn of its request. `people`: of the data set, where a policy judges them."""
    job = JobRow(
        id=new_id("job"),
        tenant_id=caller.tenant_id,
        dataset_id=dataset_id,
        model_id=model_id,
        created_by=caller.actor_id,
        kind=kind.value,
        state=JobState.QUEUED.value,
        priority=options.priority.value,
        options=options.model_dump(mode="json", exclude={"priority"}),
        artifacts={},
    )
    session.add(job)
    session.flush()
    queued = {"state": JobState.QUEUED.value}
    session.add(JobEventRow(tenant_id=job.tenant_id, job_id=job.id, kind="state", data=queued))
    reading = read_as(session.get_one(DatasetRow, dataset_id), options, people)
    session.add(JobEventRow(tenant_id=job.tenant_id, job_id=job.id, kind="reading", data=reading))
    record(
        session,
        job.tenant_id,
        caller.actor,
        Kind.JOB_CREATED,
        job.id,
        job_kind=kind.value,
        dataset=dataset_id,
        model=model_id,
        policy=None if kind is JobKind.USE else options.policy,  # none judges what is never a release
        conditions=len(options.conditions),
    )
    answer = Answer(status=202, body=views.job(job).model_dump(mode="json"), location=f"/v1/jobs/{job.id}")
    return turn.record(session, answer)


def read_as(dataset: DatasetRow, options: JobOptions, people: int | None) -> Json:
    """How the table of the job was read, with the roles that it gives columns, and what its size decides beforehand."""
    schema = TableSchema.from_json(dataset.table_schema).with_roles(**options.roles_given())
    named = schema.with_role(ColumnRole.PERSON) is not None
    short = None if people is None else policies.shortage(options.policy, people, "people" if named else "records")
    return {"columns": schema.to_json(), "notes": [*dataset.source["warnings"], *([] if short is None else [short])]}


def handed_in(backend: Backend, caller: Caller, answer: Answer) -> Answer:
    """The answer, after its job is surely in the queue: also where the process died right after making the job."""
    job = Job.model_validate(answer.body)
    backend.queue.enqueue(job.id, caller.tenant_id, JobKind(job.kind), job.options.priority)
    like = None if job.options.use is None else job.options.use.like
    for dataset_id in (job.dataset_id, *([] if like is None else [like])):
        erase_upload(backend, caller.tenant_id, dataset_id)
    return answer
