"""Which worker runs what, and in which order, seen from outside while real workers do it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import delete

from app.config import Settings
from app.db import transaction
from app.jobs import engine
from app.orm import RUNNING_JOBS, TenantLimitRow, TenantRow
from app.states import JobState, Priority
from tests.support.jobs import Shop, open_shop, wait_for


def of_tenant(shop: Shop, tenant_id: str) -> Shop:
    """The same installation, for another tenant."""
    with transaction(shop.engine) as session:
        session.add(TenantRow(id=tenant_id, name=tenant_id))
    return replace(shop, tenant_id=tenant_id)


def runs_in(shop: Shop, job_id: str) -> str | None:
    """The name of the worker that runs the job, or ran it last."""
    client = engine.open_client(shop.settings)
    (status,) = client.list_workflows(workflow_ids=[job_id])
    client.destroy()
    return status.executor_id


def test_a_training_runs_where_a_gpu_is_served_and_the_rest_elsewhere(postgres_settings: Settings) -> None:
    with open_shop(postgres_settings) as shop:
        shop.worker(queues="cpu")
        alone = shop.job("seal=raise")  # nobody serves its queue
        shop.wait_for_state(alone, JobState.FAILED)
        assert runs_in(shop, alone) == "slot-0"

        shop.worker(queues="gpu")
        wait_for("both beat", lambda: shop.workers_beating() == 2)
        job_id = shop.job("steps=10 sample=raise")
        shop.wait_for_step(job_id, 5)
        assert runs_in(shop, job_id) == "slot-1"
        job = shop.wait_for_state(job_id, JobState.FAILED)
        assert runs_in(shop, job_id) == "slot-0"
        assert (job.stage, job.losses, shop.events(job_id, "lost")) == ("sample", 0, [])
        assert [event.data["stage"] for event in shop.events(job_id, "stage")] == ["seal", "train", "sample"]


def test_tenants_take_turns_within_their_limits_and_each_ones_urgent_jobs_come_first(
    postgres_settings: Settings,
) -> None:
    with open_shop(postgres_settings) as ours:
        theirs, held = of_tenant(ours, "tenant_b"), of_tenant(ours, "tenant_0")
        with transaction(ours.engine) as session:
            session.add(TenantLimitRow(tenant_id=held.tenant_id, name=RUNNING_JOBS, value=0))
        waits = held.job("seal=raise")
        low, normal, high = (ours.job("seal=raise", priority=each) for each in reversed(Priority))
        first, second = theirs.job("seal=raise"), theirs.job("seal=raise", priority=Priority.LOW)
        ours.worker()
        jobs = [ours.wait_for_state(each, JobState.FAILED) for each in (low, normal, high, first, second)]
        begun = sorted(jobs, key=lambda job: job.started_at)
        assert [job.id for job in begun] == [high, first, normal, second, low]

        assert ours.row(waits).state == JobState.QUEUED
        with transaction(ours.engine) as session:
            session.execute(delete(TenantLimitRow))
        ours.wait_for_state(waits, JobState.FAILED)
