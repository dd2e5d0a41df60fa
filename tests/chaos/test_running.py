"""A job seen from outside while a real worker runs it: its events, its end, and how it is cancelled."""

from __future__ import annotations

import time

import pytest

from app.errors import ConflictError
from app.orm import ModelRow, ReleaseRow, ReportRow
from app.pipeline import WAYS
from app.states import JobKind, JobState, ReleaseState
from tests.support.jobs import Shop, is_alive, wait_for
from tests.support.stages import CELL

CANCEL_SECONDS = 2.0


def test_a_job_runs_to_its_end_and_tells_of_it_in_order(shop: Shop) -> None:
    job_id = shop.job("steps=30")
    shop.worker()
    job = shop.wait_for_state(job_id, JobState.FINISHED)

    events = shop.events(job_id)
    assert [event.data["state"] for event in events if event.kind == "state"] == ["running", "finished"]
    assert events[0].kind == "state"
    assert events[-1].kind == "state"
    stages = [stage.name for stage in WAYS[JobKind.SYNTHESIZE]]
    assert [event.data["stage"] for event in events if event.kind == "stage"] == stages
    told = [event.data for event in events if event.kind == "progress"]
    fractions = [data["fraction"] for data in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert [data["stage"] for data in told] == sorted((data["stage"] for data in told), key=stages.index)
    assert job.fraction == 1.0
    assert job.finished_at is not None

    release = shop.rows(ReleaseRow, job_id)[0]
    assert (release.state, release.rows, job.release_id) == (ReleaseState.RELEASED, 7, release.id)
    assert release.report_id == shop.rows(ReportRow, job_id)[0].id
    assert release.model_id == job.model_id == shop.rows(ModelRow, job_id)[0].id
    assert CELL not in shop.log.read_text(encoding="utf-8")

    again = shop.job_on(job.dataset_id, kind=JobKind.SAMPLE, model_id=job.model_id)
    sampled = shop.wait_for_state(again, JobState.FINISHED)
    assert sampled.model_id == job.model_id
    assert len(shop.rows(ReleaseRow, again)) == 1
    assert shop.rows(ModelRow, again) == []


def test_cancelling_ends_the_process_and_the_job_within_two_seconds(shop: Shop) -> None:
    running, waiting, following = shop.job("steps=2000"), shop.job(), shop.job("seal=raise")
    shop.worker()
    child = shop.wait_for_step(running, 3)
    shop.queue.cancel(waiting)

    start = time.monotonic()
    shop.queue.cancel(running)
    assert shop.row(running).state == JobState.CANCELLED
    wait_for("the child is ended", lambda: not is_alive(child), seconds=CANCEL_SECONDS)
    assert time.monotonic() - start < CANCEL_SECONDS
    known = len(shop.events(running))
    shop.queue.cancel(running)  # once more does no harm

    shop.wait_for_state(following, JobState.FAILED)  # the worker is free for others
    assert [shop.row(each).state for each in (running, waiting)] == [JobState.CANCELLED] * 2
    assert len(shop.events(running)) == known
    assert [event.data for event in shop.events(waiting)] == [{"state": "cancelled"}]
    assert shop.rows(ReleaseRow, running) == []
    with pytest.raises(ConflictError):
        shop.queue.cancel(following)
    assert shop.row(following).state == JobState.FAILED


def test_a_stage_that_fails_says_why_without_a_cell_of_the_data(shop: Shop) -> None:
    """The last of the jobs was written down by a web process that died before it could hand it in."""
    raised, killed, ended = shop.job("seal=raise"), shop.job("seal=die"), shop.job("seal=exit", enqueue=False)
    shop.worker()
    errors = {}
    for job_id in (raised, killed, ended):
        job = shop.wait_for_state(job_id, JobState.FAILED)
        assert job.error is not None
        assert job.finished_at is not None
        errors[job_id] = job.error
        assert shop.events(job_id)[-1].data == {"state": "failed"}
        assert CELL not in str(job.error)
    assert errors[raised]["code"] == "stage_crashed"
    assert "ValueError" in errors[raised]["detail"]
    assert errors[killed]["code"] == "stage_killed"
    assert "SIGKILL" in errors[killed]["detail"]
    assert "memory" in errors[killed]["detail"]
    assert errors[ended]["code"] == "stage_crashed"
    assert CELL not in shop.log.read_text(encoding="utf-8")
