"""Quotes: what a job will take, what becomes of each column, and what will be lost."""

from __future__ import annotations

import threading

from app import store
from app.config import Settings
from app.context import Backend, Caller
from app.db import reading
from app.parts import sizes
from app.quotes.run import quoted
from app.services import histories, jobs
from app.services.datasets import note_read, table_of
from app.uploads import scratch_folder
from app.wire_jobs import GeneratorOptions, JobOptions, JobRequest
from app.wire_quotes import Quote
from synth.table.schema import TableSchema


def quote(backend: Backend, caller: Caller, request: JobRequest, gone: threading.Event | None = None) -> Quote:
    """The quote of a job that is not sent. Raises what sending it would, and QuoteError where there is none."""
    options = JobOptions.model_validate(request.model_dump(exclude={"dataset_id"}))
    with reading(backend.engine) as session:
        dataset = store.records(session, caller.tenant_id, request.dataset_id)
    jobs.check_request(backend, caller, options)
    jobs.check_reads_nothing_anew(options)
    schema = jobs.check_against_schema(TableSchema.from_json(dataset.table_schema), options)
    note_read(backend, caller, dataset, "quote")
    table = table_of(dataset)
    histories.check_people(backend.blobs, table, schema)
    jobs.check_records_each(backend, dataset, schema, options)
    jobs.as_the_table_has_it(backend, dataset, schema, options)
    with scratch_folder(backend.settings.scratch) as folder:
        parquet = backend.blobs.fetch(table.key, folder / "table.parquet", table.sha256)
        found = quoted(
            backend.readers,
            parquet,
            schema,
            config_of(backend.settings, options.generator),
            records=sizes(dataset.rows)[0],
            cancel=gone,
        )
    return Quote.of(found)


def config_of(settings: Settings, wanted: GeneratorOptions) -> dict[str, object]:
    """What of the training's settings the installation and a job set, as `app.stages.train` does."""
    budget = settings.training_minutes
    minutes = budget if wanted.max_minutes is None else min(wanted.max_minutes, budget)
    return {"objective": wanted.objective, "steps": wanted.max_steps, "max_minutes": minutes}
