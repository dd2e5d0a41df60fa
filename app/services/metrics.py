"""What Prometheus is told: of the whole installation, from its database, and of the requests of this process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.context import Backend
from app.db import reading
from app.jobs.heartbeat import gpus, living
from app.orm import JobRow, ReleaseRow, StageTotalRow, now
from app.states import JobState


def exposition(backend: Backend) -> bytes:
    """The metrics in Prometheus' text format. Without a database it has those of this process alone."""
    installation = CollectorRegistry()
    installation.register(_Installation(backend.engine))
    return generate_latest(backend.metrics.registry) + generate_latest(installation)


class _Installation(Collector):
    """What the database knows, the same whichever API process is asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that nobody asks the database before it is time."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The metrics, and whether the database could be asked for them."""
        try:
            found = list(_of_database(self._engine))
        except SQLAlchemyError:
            found = []
        up = "1 where the database could be asked for jobs, releases, stages and workers."
        yield GaugeMetricFamily("lookalike_database_up", up, value=float(bool(found)))
        yield from found


def _of_database(engine: Engine) -> Iterator[Metric]:
    with reading(engine) as session:
        states = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state)).all()
        oldest = session.scalar(select(func.min(JobRow.created_at)).where(JobRow.state == JobState.QUEUED.value))
        decided = select(ReleaseRow.verdict, ReleaseRow.state, func.count())
        releases = session.execute(decided.group_by(ReleaseRow.verdict, ReleaseRow.state)).all()
        stages = session.scalars(select(StageTotalRow)).all()
    jobs = GaugeMetricFamily("lookalike_jobs", "Jobs by state: queued is the length of the queue.", labels=["state"])
    by_state = {state: count for state, count in states}  # noqa: C416 - rows are no pairs to mypy
    for state in JobState:
        jobs.add_metric([state.value], float(by_state.get(state.value, 0)))
    yield jobs
    waited = 0.0 if oldest is None else max((now() - oldest).total_seconds(), 0.0)
    yield GaugeMetricFamily("lookalike_queue_oldest_seconds", "How long the oldest queued job waits.", value=waited)
    verdicts = GaugeMetricFamily("lookalike_releases", "Releases that are kept.", labels=["verdict", "state"])
    for verdict, kept_as, count in releases:
        verdicts.add_metric([verdict, kept_as], float(count))
    yield verdicts
    seconds = SummaryMetricFamily("lookalike_stage_seconds", "Seconds of stages that ended in order.", labels=["stage"])
    for stage in stages:
        seconds.add_metric([stage.stage], count_value=stage.ended, sum_value=stage.seconds)
    yield seconds
    alive = "Workers that said within the last minute that they live."
    yield GaugeMetricFamily("lookalike_workers", alive, value=float(living(engine)))
    memory = GaugeMetricFamily(
        "lookalike_gpu_memory_bytes", "Memory of the GPU of each living worker that has one.", labels=["worker", "kind"]
    )
    for slot, gpu in gpus(engine).items():
        memory.add_metric([str(slot), "used"], float(gpu.used))
        memory.add_metric([str(slot), "total"], float(gpu.total))
    yield memory
