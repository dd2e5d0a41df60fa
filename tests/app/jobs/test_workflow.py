"""A stage is tried again as often as the ledger allows, and a late end of one attempt is nothing to the next."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import exc

from app.blobs import open_blobs
from app.jobs import attempts, ledger, persistence, workflow
from app.jobs.worker_context import WorkerContext
from app.jobs.workflow import DONE, run_stage
from app.pipeline import stage_named
from app.task import Failure, Output, Task
from tests.support.jobs import Shop

KILLED = Failure(code="stage_killed", detail="the process was ended by SIGKILL")


def publish(shop: Shop, task: Task, *names: str) -> None:
    for name in names:
        ledger.heard(shop.engine, task, Output(name=name, key=f"{task.prefix}/{name}", bytes=1, sha256="0" * 64))


def test_a_training_that_saves_checkpoints_goes_on_however_often_it_is_killed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attempt(_: WorkerContext, task: Task) -> Failure | None:
        if task.attempt <= 8:
            publish(shop, task, "checkpoint")
            return KILLED
        publish(shop, task, *stage_named("train").gives)
        return None

    monkeypatch.setattr(attempts, "_attempt", attempt)
    monkeypatch.setattr(workflow, "PAUSES", (0.0, 0.0))
    context = WorkerContext(settings=shop.settings, database=shop.engine, blobs=open_blobs(shop.settings))
    job_id = shop.job(enqueue=False)
    assert asyncio.run(run_stage(context, job_id, "train")) == DONE
    assert shop.row(job_id).attempt == 9


def test_two_attempts_at_one_job_in_one_worker_end_in_any_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    context = WorkerContext(settings=shop.settings, database=shop.engine, blobs=open_blobs(shop.settings))
    job_id = shop.job(enqueue=False)
    first, second = (ledger.begin_stage(shop.engine, job_id, "train") for _ in range(2))
    assert first is not None
    assert second is not None

    async def both() -> None:
        ends = {task.attempt: asyncio.Event() for task in (first, second)}

        async def attempt(_: WorkerContext, task: Task) -> Failure | None:
            await ends[task.attempt].wait()
            return None

        monkeypatch.setattr(attempts, "_attempt", attempt)
        running = [asyncio.create_task(attempts.outcome_of(context, task)) for task in (first, second)]
        await asyncio.sleep(0)
        ends[first.attempt].set()
        assert await running[0] is None
        assert context.running == {(job_id, ""): second}
        ends[second.attempt].set()
        assert await running[1] is None

    asyncio.run(both())
    assert context.running == {}


def test_what_finds_no_connection_is_tried_again_and_what_is_wrong_is_not() -> None:
    outcomes = [exc.TimeoutError("the pool is full"), exc.OperationalError("", {}, Exception()), None]

    def work() -> str:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return "done"

    assert asyncio.run(persistence.persist(work)) == "done"
    outcomes = [exc.NoResultFound("none")]
    with pytest.raises(exc.NoResultFound):
        asyncio.run(persistence.persist(work))
