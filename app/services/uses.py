"""What else records and models are for, as jobs: sent, and their results served.

Results hold cells of real records, or tell of them: they are never a release, and are for whoever may send data. Few
records of a release are a part of it, and are for whoever gets the release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app import auth, store
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import ConflictError, InvalidRequestError, NotFoundError
from app.idempotency import Answer, fingerprint, once
from app.jobs.uses import datasets_of, use_of
from app.orm import DatasetRow, ModelRow
from app.pipeline import RESULT
from app.services import quotas
from app.services.conditions import check_condition_columns
from app.services.datasets import note_read
from app.services.jobs import add_job, handed_in
from app.services.releases import Download, not_released
from app.states import JobKind, JobState, ReleaseState, Scope
from app.trail import Kind, record
from app.wire_jobs import UseRequest
from synth.table.schema import ColumnRole, TableSchema


@dataclass(frozen=True, kw_only=True, slots=True)
class Takes:
    """What a use is made of, by the fields of its request."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    of_release: bool = False
    """Whether a release may stand in place of data set and model."""
    all_columns: bool = False
    """Whether the records have to have all columns of the model."""


USES: Mapping[str, Takes] = {
    "complete": Takes(needs=("dataset_id", "model_id"), may=("times",)),
    "impute": Takes(needs=("dataset_id",), may=("times", "max_minutes")),
    "odd": Takes(needs=("dataset_id", "model_id"), all_columns=True),
    "change": Takes(needs=("dataset_id", "model_id", "conditions"), of_release=True),
    "adapt": Takes(needs=("dataset_id", "like"), may=("max_minutes",)),
    "coreset": Takes(needs=("dataset_id", "model_id", "rows"), of_release=True, all_columns=True),
}
ALWAYS = frozenset({"use", "seed", "priority"})
FEWEST_TIMES = {"impute": 2}
"""What differs between the tables is the uncertainty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What a request names, as the tenant has it."""

    dataset: DatasetRow
    records: int
    names: tuple[str, ...]
    """The columns of the records"""
    model: ModelRow | None = None
    learnt: TableSchema | None = None
    """The schema of the model, with the target that its job named"""
    like: DatasetRow | None = None
    real: tuple[DatasetRow, ...] = ()
    """Whose real records are read"""


def create(backend: Backend, caller: Caller, request: UseRequest, key: str | None) -> Answer:
    """202 and the new job, or the answer that was given to the same request before.

    Raises InvalidRequestError where the use lacks something, has no place for something, or where the records do not
    fit the model; NotReleasedError where they are those of a release that is not released.
    """
    with once(backend.engine, caller.tenant_id, key, fingerprint("POST /v1/uses", request.model_dump())) as turn:
        if turn.before is not None:
            return handed_in(backend, caller, turn.before)
        _check_fields(request)
        with reading(backend.engine) as session:
            given = _given(session, caller, request)
        _check_fit(backend, request, given)
        for dataset in given.real:
            note_read(backend, caller, dataset, f"use: {request.use}")
        quotas.require_room_for_bytes(backend, caller, 0)
        with transaction(backend.engine) as session:
            quotas.require_room_for_job(session, backend.settings, caller)
            for dataset_id in sorted({given.dataset.id, *(each.id for each in given.real)}):
                store.records(session, caller.tenant_id, dataset_id, lock=True)
            model_id = None if given.model is None else given.model.id
            options = request.kept()
            answer = add_job(session, turn, caller, given.dataset.id, JobKind.USE, options, None, model_id=model_id)
        return handed_in(backend, caller, answer)


def _check_fields(request: UseRequest) -> None:
    """Raises InvalidRequestError, by field, where the use lacks something or has no place for it."""
    takes = USES[request.use]
    sent = request.model_dump(exclude_defaults=True).keys() - ALWAYS
    of_release = takes.of_release and "release_id" in sent
    needs = {"release_id", *takes.needs} - {"dataset_id", "model_id"} if of_release else set(takes.needs)
    for name in sorted(needs - sent):
        beside = " or release_id" if takes.of_release and name in {"dataset_id", "model_id"} else ""
        raise InvalidRequestError(f"{name}: expected {name}{beside} for {request.use}, got none")
    for name in sorted(sent - needs - set(takes.may)):
        besides = " of a release" if of_release else ""
        raise InvalidRequestError(f"{name}: expected nothing here for {request.use}{besides}, which makes no use of it")
    fewest = FEWEST_TIMES.get(request.use, 1)
    if request.times is not None and request.times < fewest:
        raise InvalidRequestError(f"times: expected {fewest} or more for {request.use}, got fewer")


def _given(session: Session, caller: Caller, request: UseRequest) -> Given:
    """What the request names. Raises NotFoundError where the tenant has no such thing."""
    tenant, model_id, records = caller.tenant_id, request.model_id, None
    real: tuple[DatasetRow, ...] = ()
    if request.release_id is not None:
        release = store.release(session, tenant, request.release_id)
        if release.state != ReleaseState.RELEASED:
            raise not_released(release)
        dataset, model_id, records = store.records(session, tenant, release.dataset_id), release.model_id, release.rows
    else:
        dataset = store.records(session, tenant, request.dataset_id or "")
        real = (dataset,)
    like = None if request.like is None else store.records(session, tenant, request.like)
    model, learnt = None, None
    if model_id is not None:
        model = store.model(session, tenant, model_id)
        options = store.job(session, tenant, model.job_id).options
        schema = store.records(session, tenant, model.dataset_id).table_schema
        learnt = TableSchema.from_json(schema).with_roles(target=options.get("target"))
    return Given(
        dataset=dataset,
        records=dataset.rows if records is None else records,
        names=TableSchema.from_json(dataset.table_schema).names,
        model=model,
        learnt=learnt,
        like=like,
        real=real if like is None else (*real, like),
    )


def _check_fit(backend: Backend, request: UseRequest, given: Given) -> None:
    """Raises InvalidRequestError where the records do not fit the model or one another, or too many are asked for."""
    learnt, names = given.learnt, given.names
    if learnt is not None:
        others = [name for name in names if name not in learnt.names]
        absent = [name for name in learnt.names if name not in names] if USES[request.use].all_columns else []
        for wrong, what in ((others, "others"), (absent, "missing")):
            if wrong:
                raise InvalidRequestError(
                    f"dataset_id: expected the {len(learnt)} columns that the model knows, {len(wrong)} are {what}, "
                    f"such as {wrong[0]!r}"
                )
        check_condition_columns(learnt, request.kept().given())
    if given.like is not None:
        others = sorted(set(names) ^ set(TableSchema.from_json(given.like.table_schema).names))
        if others:
            raise InvalidRequestError(
                f"like: expected a data set of the same columns, {len(others)} differ, such as {others[0]!r}"
            )
    if request.use == "coreset":
        if learnt is None or learnt.with_role(ColumnRole.TARGET) is None:
            raise InvalidRequestError("model_id: expected a model of a table with a target, got one without")
        if (request.rows or 0) > given.records:
            raise InvalidRequestError(f"rows: expected at most the {given.records} records that there are, got more")
    most = backend.settings.max_sample_rows
    if given.records * (request.times or 1) > most:
        raise InvalidRequestError(f"times: expected at most {most} completed records together, got more")


def result(backend: Backend, caller: Caller, job_id: str) -> Download:
    """The archive that a use has given. The audit log says who got it, before they do.

    Raises NotFoundError where the job is none of this kind, or what it was made of was deleted; ConflictError where it
    has not finished; ForbiddenError for who may not send data, unless it is a part of a release; NotReleasedError where
    that is not released.
    """
    with transaction(backend.engine) as session:
        job = store.job(session, caller.tenant_id, job_id)
        use = use_of(job)
        if use is None:
            raise NotFoundError("expected a job of the kind use, got another one: its table is that of its release")
        part_of = use.release_id if use.use == "coreset" else None
        if part_of is None:
            auth.demand(caller, Scope.WRITE)
        if job.state != JobState.FINISHED:
            raise ConflictError(f"expected a job that has finished, got one that is {job.state}")
        datasets = sorted(datasets_of(session, job))
        for each in datasets:
            store.records(session, caller.tenant_id, each)
        if use.release_id is not None:
            release = store.release(session, caller.tenant_id, use.release_id)
            if release.state != ReleaseState.RELEASED:
                raise not_released(release)
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
