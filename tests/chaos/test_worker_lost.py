"""Workers that are killed, stopped, suspended or replaced: jobs go on, and nothing is published twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from dbos import DBOSClient
from sqlalchemy import text

from app.blobs import open_blobs
from app.config import Settings
from app.jobs import engine
from app.jobs.ledger import MAX_LOSSES
from app.jobs.slots import LOCK_CLASS
from app.orm import JobRow, ReleaseRow
from app.pipeline import WAYS, stage_named
from app.states import JobKind, JobState, Queue
from tests.support.jobs import Shop, is_alive, open_shop, wait_for

STAGES = [stage.name for stage in WAYS[JobKind.SYNTHESIZE]]


def begun(shop: Shop, job_id: str) -> list[str]:
    return [event.data["stage"] for event in shop.events(job_id, "stage")]


@contextmanager
def client_of(shop: Shop) -> Iterator[DBOSClient]:
    client = engine.open_client(shop.settings)
    try:
        yield client
    finally:
        client.destroy()


def assert_published_once(shop: Shop, job: JobRow, stages: Sequence[str] = STAGES) -> None:
    """Every artifact lies under the prefix of the one attempt that ended its stage, and is what that attempt wrote."""
    attempts = {stage: number for number, stage in enumerate(begun(shop, job.id), start=1)}
    # the report searches itself and decides again, so its decision takes the place of the one before
    giver = {name: stage for stage in stages for name in stage_named(stage).gives}
    for name, stage in giver.items():
        artifact = job.artifacts[name]
        assert artifact["key"].startswith(f"{job.tenant_id}/jobs/{job.id}/{attempts[stage]}-{stage}/")
        assert open_blobs(shop.settings).read(artifact["key"], artifact["sha256"])


def assert_trained_once(shop: Shop, job: JobRow) -> None:
    """The job's script lets it fail after training, which saves the tests the later stages."""
    assert job.stage == "sample"
    assert set(job.artifacts) == {*stage_named("seal").gives, *stage_named("train").gives, "checkpoint"}
    assert_published_once(shop, job, ("seal", "train"))


def test_a_job_goes_on_from_its_checkpoint_after_its_worker_was_killed(shop: Shop) -> None:
    job_id = shop.job("steps=60")
    worker = shop.worker()
    child = shop.wait_for_step(job_id, 20)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_for("the child dies with its worker", lambda: not is_alive(child), seconds=5)
    before = shop.steps(job_id)

    shop.worker()
    job = shop.wait_for_state(job_id, JobState.FINISHED)

    after = shop.steps(job_id)[len(before) :]
    first = after[0][0]
    assert 0 < first <= before[-1][0] + 5, "training began anew"
    assert {pid for _, pid in after} != {child}
    assert begun(shop, job_id) == ["seal", "train", *STAGES[1:]], "a stage that had ended was run again"
    fractions = [event.data["fraction"] for event in shop.events(job_id, "progress")]
    assert fractions == sorted(fractions)
    assert_published_once(shop, job)
    assert len(shop.rows(ReleaseRow, job_id)) == 1
    assert list((shop.settings.scratch / "attempts").iterdir()) == []


def test_jobs_survive_an_orderly_restart(shop: Shop) -> None:
    first, second = shop.job("steps=60 sample=raise"), shop.job("seal=raise")
    worker = shop.worker()
    child = shop.wait_for_step(first, 10)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    wait_for("the child is ended", lambda: not is_alive(child), seconds=5)
    assert shop.row(first).state == JobState.RUNNING
    assert shop.row(second).state == JobState.QUEUED
    assert list((shop.settings.scratch / "attempts").iterdir()) == []
    before = shop.steps(first)

    shop.worker()
    assert_trained_once(shop, shop.wait_for_state(first, JobState.FAILED))
    shop.wait_for_state(second, JobState.FAILED)
    assert shop.steps(first)[len(before)][0] > 0, "training began anew"


def test_a_worker_that_was_thought_dead_publishes_nothing(shop: Shop) -> None:
    job_id = shop.job("steps=150 sample=raise")
    sleeper = shop.worker()
    old_child = shop.wait_for_step(job_id, 10)
    shop.suspend(sleeper)
    successor = shop.worker()
    with client_of(shop) as client:  # a person takes the job away: the slot is not free while its holder sleeps
        client.resume_workflow(job_id, queue_name=engine.QUEUES[Queue.GPU])
    new_child = wait_for(
        "the job goes on elsewhere",
        lambda: next((pid for _, pid in shop.steps(job_id) if pid != old_child), None),
    )
    known = len(shop.events(job_id))

    sleeper.send_signal(signal.SIGCONT)
    wait_for("the old child is ended", lambda: not is_alive(old_child), seconds=10)
    assert_trained_once(shop, shop.wait_for_state(job_id, JobState.FAILED))
    late = [event.data["figures"] for event in shop.events(job_id)[known:] if event.kind == "progress"]
    assert {figures.get("pid", new_child) for figures in late} == {new_child}

    successor.send_signal(signal.SIGTERM)
    successor.wait(20)
    assert sleeper.poll() is None
    shop.wait_for_state(shop.job("seal=raise"), JobState.FAILED)  # it takes jobs again


def test_two_workers_share_no_slot_and_one_takes_over_the_jobs_of_the_other(shop: Shop) -> None:
    jobs = [shop.job("steps=80 sample=raise"), shop.job("steps=80 sample=raise")]
    workers = [shop.worker(), shop.worker()]
    children = {job_id: shop.wait_for_step(job_id, 5) for job_id in jobs}  # side by side, so not in one worker
    with client_of(shop) as client:
        names = {status.workflow_id: status.executor_id for status in client.list_workflows(workflow_ids=jobs)}
    assert sorted(names.values()) == ["slot-0", "slot-1"]

    workers[0].send_signal(signal.SIGKILL)
    workers[0].wait()
    for job_id in jobs:
        assert_trained_once(shop, shop.wait_for_state(job_id, JobState.FAILED))
    moved = [job_id for job_id in jobs if {pid for _, pid in shop.steps(job_id)} != {children[job_id]}]
    assert len(moved) == 1, "expected the job of the dead worker to move, and that of the living one to stay"


def test_a_worker_that_lost_its_slot_begins_anew_and_its_job_goes_on(postgres_settings: Settings) -> None:
    with open_shop(postgres_settings) as shop:
        job_id = shop.job("steps=60 sample=raise")
        shop.worker()
        child = shop.wait_for_step(job_id, 10)
        with shop.engine.connect() as connection:
            lost = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = :number"
            assert connection.execute(text(lost), {"number": LOCK_CLASS}).scalars().all() == [True]
        wait_for("the child is ended", lambda: not is_alive(child), seconds=20)
        assert_trained_once(shop, shop.wait_for_state(job_id, JobState.FAILED))


def test_a_job_that_always_kills_its_worker_ends_as_failed(shop: Shop) -> None:
    job_id = shop.job("seal=poison")
    for _ in range(MAX_LOSSES):
        assert shop.worker().wait(30) == -signal.SIGKILL
    worker = shop.worker()
    job = shop.wait_for_state(job_id, JobState.FAILED)
    assert job.error is not None
    assert job.error["code"] == "stage_gave_up"
    assert str(MAX_LOSSES) in job.error["detail"]
    assert begun(shop, job_id) == ["seal"] * MAX_LOSSES
    assert worker.poll() is None


def test_a_training_whose_process_is_killed_goes_on_from_its_checkpoint(shop: Shop) -> None:
    job_id = shop.job("steps=40 sample=raise")
    shop.worker()
    killed = set()
    for step in (8, 18, 28):
        child = shop.wait_for_step(job_id, step)
        os.kill(child, signal.SIGKILL)
        killed.add(child)
        wait_for("another one trains", lambda: {pid for _, pid in shop.steps(job_id)} - killed)
    assert_trained_once(shop, shop.wait_for_state(job_id, JobState.FAILED))
    assert min(step for step, pid in shop.steps(job_id) if pid not in killed) > 20, "training began anew"


@pytest.mark.slow  # a worker is taken for hung after half a minute
def test_the_job_of_a_worker_that_hangs_is_taken_over_and_ends_once(shop: Shop) -> None:
    job_id = shop.job("steps=300 sample=raise")
    hanging = shop.worker()
    child = shop.wait_for_step(job_id, 5)
    shop.worker()
    shop.suspend(hanging)
    moved = wait_for("another worker goes on", lambda: {pid for _, pid in shop.steps(job_id)} - {child}, seconds=60)
    hanging.send_signal(signal.SIGCONT)
    wait_for("the child of the one that hung is ended", lambda: not is_alive(child), seconds=10)
    assert_trained_once(shop, shop.wait_for_state(job_id, JobState.FAILED))
    assert len(moved) == 1
    assert hanging.poll() is None
