"""The web process: its resources, its routes, its errors. Wiring alone."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import FastAPI

import app
from app import limits, openapi, problems
from app.blobs import open_blobs
from app.config import Settings
from app.context import Backend
from app.db import connect, policies_bind
from app.guesses import Guesses
from app.head import HeadMiddleware
from app.intake.readers import Readers
from app.jobs.queue import JobQueue
from app.metrics import RequestMetrics
from app.openid.config import config_of
from app.openid.provider import Provider
from app.pages.common import refusal_as_asked, unknown_address
from app.pages.routers import ROUTERS
from app.rates import Rates
from app.requests import RequestMiddleware
from app.routes import (
    audit_log,
    certificates,
    connections,
    croissants,
    datasets,
    health,
    installation,
    jobs,
    keys,
    metrics,
    releases,
    uses,
    webhooks,
)
from app.routes import people as people_routes
from app.scratch import sweep
from app.services.health import require_migrated
from app.traces import open_traces
from app.turns import Turns

logger = logging.getLogger(__name__)
DESCRIPTION = "Send a table about people; get a synthetic table that looks like it, and a report on what it leaks."


def create_app(settings: Settings) -> FastAPI:
    """The API of this installation. Its database has to be migrated before it starts."""
    counted, traces = RequestMetrics(), open_traces(settings, "api")

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as opened:
            opened.callback(traces.close)
            api.state.backend = await run_sync(_open, settings, opened, counted)
            yield

    api = FastAPI(
        title="Lookalike",
        version=app.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from the network
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    operating = (keys, people_routes, audit_log, webhooks, installation, health, metrics)
    for module in (datasets, connections, jobs, uses, releases, certificates, croissants, *operating):
        api.include_router(module.router)
    for router in ROUTERS:
        api.include_router(router)
    api.add_middleware(limits.BodyLimitMiddleware, upload_bytes=settings.max_upload_bytes)
    problems.install(api)
    api.add_exception_handler(404, unknown_address)
    api.add_middleware(HeadMiddleware)
    by_address = Rates("address_requests_per_minute", settings.address_requests_per_minute)
    api.add_middleware(limits.RateMiddleware, rates=by_address, refuse=refusal_as_asked)
    api.add_middleware(RequestMiddleware, metrics=counted, traces=traces)
    api.openapi = lambda: openapi.describe(api)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return api


def create_app_from_env() -> FastAPI:
    """The API as the environment configures it: `uvicorn --factory app.main:create_app_from_env`."""
    return create_app(Settings())


def _open(settings: Settings, opened: ExitStack, counted: RequestMetrics) -> Backend:
    """The resources of this process, each of which `opened` closes again."""
    openid = config_of(settings)
    engine = connect(settings)
    opened.callback(engine.dispose)
    require_migrated(settings, engine)
    if not policies_bind(engine):
        logger.warning("row-level security is off: the service connects as a superuser, or as a role with BYPASSRLS")
    sweep(settings)
    queue = JobQueue(settings)
    opened.callback(queue.close)
    return Backend(
        settings=settings,
        engine=engine,
        blobs=open_blobs(settings),
        queue=queue,
        guesses=Guesses(settings.wrong_keys_per_minute),
        metrics=counted,
        rates=Rates("key_requests_per_minute", settings.key_requests_per_minute),
        provider=None if openid is None else Provider(openid),
        readers=opened.enter_context(Readers()),
        turns=Turns(settings.concurrent_reads, room=settings.waiting_reads),
    )
