"""What workers may write, and what they may not any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.config import Settings
from app.errors import ConflictError, NotFoundError
from app.jobs import ledger
from app.orm import JobRow
from app.states import JobState
from app.task import Failure, Output, Progress, Task
from tests.support.jobs import Shop, open_shop


def begin(shop: Shop, job_id: str, stage: str) -> Task:
    task = ledger.begin_stage(shop.engine, job_id, stage)
    assert task is not None
    return task


def output(task: Task, name: str, *, prefix: str | None = None) -> Output:
    return Output(name=name, key=f"{prefix or task.prefix}/{name}.json", bytes=2, sha256="0" * 64)


def snapshot(row: JobRow) -> tuple[object, ...]:
    return row.state, row.stage, row.fraction, row.attempt, row.artifacts, row.error, row.finished_at


@pytest.mark.parametrize(
    "word",
    [
        Progress(fraction=1.0, message="late"),
        Output(name="split", key="k", bytes=1, sha256="0"),
        Failure(code="late", detail="late"),
    ],
)
def test_an_attempt_that_was_overtaken_changes_nothing(shop: Shop, word: Progress | Output | Failure) -> None:
    job_id = shop.job()
    old, new = begin(shop, job_id, "seal"), begin(shop, job_id, "seal")
    before, events = snapshot(shop.row(job_id)), len(shop.events(job_id))
    assert ledger.heard(shop.engine, old, word) is False
    assert ledger.holds(shop.engine, old) is False
    assert snapshot(shop.row(job_id)) == before
    assert len(shop.events(job_id)) == events
    assert ledger.holds(shop.engine, new) is True
    assert old.prefix != new.prefix


def test_nothing_is_begun_or_published_after_the_end(shop: Shop) -> None:
    job_id = shop.job()
    task = begin(shop, job_id, "seal")
    ledger.cancel(shop.engine, job_id)
    before = snapshot(shop.row(job_id))
    assert ledger.heard(shop.engine, task, output(task, "split")) is False
    assert ledger.begin_stage(shop.engine, job_id, "seal") is None
    assert ledger.artifacts_of(shop.engine, job_id) is None
    ledger.abandon(shop.engine, job_id, "too late")
    ledger.cancel(shop.engine, job_id)
    assert snapshot(shop.row(job_id)) == before
    assert before[0] == JobState.CANCELLED


def test_only_a_job_that_has_not_ended_can_be_cancelled(shop: Shop) -> None:
    job_id = shop.job()
    task = begin(shop, job_id, "seal")
    ledger.fail(shop.engine, task, "stage_crashed", "why")
    with pytest.raises(ConflictError):
        shop.queue.cancel(job_id)
    with pytest.raises(NotFoundError):
        shop.queue.cancel("job_nobody")
    assert shop.row(job_id).error == {"code": "stage_crashed", "detail": "why"}


@pytest.mark.parametrize(
    ("name", "prefix"), [("split", "tenant_b/jobs/1/1-seal"), ("weights", None), ("../split", None)]
)
def test_a_child_publishes_what_its_stage_gives_under_its_own_prefix(shop: Shop, name: str, prefix: str) -> None:
    task = begin(shop, shop.job(), "seal")
    with pytest.raises(ValueError, match="expected an output"):
        ledger.heard(shop.engine, task, output(task, name, prefix=prefix))
    assert shop.row(task.job_id).artifacts == {}


def test_the_next_attempt_is_handed_the_checkpoint_and_what_was_published_before(shop: Shop) -> None:
    job_id = shop.job()
    seal = begin(shop, job_id, "seal")
    for name in ("split", "assignment"):
        assert ledger.heard(shop.engine, seal, output(seal, name))
    assert ledger.has_done(shop.engine, job_id, "seal")
    train = begin(shop, job_id, "train")
    assert ledger.heard(shop.engine, train, output(train, "checkpoint"))
    assert not ledger.has_done(shop.engine, job_id, "train")
    again = begin(shop, job_id, "train")
    assert again.attempt == 3
    assert again.inputs["checkpoint"]["key"] == f"{train.prefix}/checkpoint.json"
    assert set(again.inputs) == {"table", "split", "assignment", "checkpoint"}
    assert set(again.facts["artifacts"]) == {"split", "assignment", "checkpoint"}
    assert Task.from_json(again.to_json()) == again


def test_a_stage_whose_workers_die_one_after_another_is_set_aside(shop: Shop) -> None:
    job_id = shop.job()
    for _ in range(ledger.MAX_LOSSES):
        begin(shop, job_id, "seal")
    assert ledger.begin_stage(shop.engine, job_id, "seal") is None
    row = shop.row(job_id)
    assert row.state == JobState.FAILED
    assert row.error is not None
    assert row.error["code"] == "stage_gave_up"


def test_orderly_restarts_and_checkpoints_do_not_count_as_losses(shop: Shop) -> None:
    job_id = shop.job()
    for _ in range(3 * ledger.MAX_LOSSES):
        ledger.put_down(shop.engine, begin(shop, job_id, "train"))
    for _ in range(3 * ledger.MAX_LOSSES):
        begin(shop, job_id, "train")
        task = begin(shop, job_id, "train")  # the one before was lost
        assert ledger.heard(shop.engine, task, output(task, "checkpoint"))
    for name in ("weights", "model", "training"):
        assert ledger.heard(shop.engine, task, output(task, name))
    begin(shop, job_id, "sample")
    assert shop.row(job_id).losses == 0, "the losses of one stage are not those of the next"


def test_an_attempt_that_was_overtaken_can_neither_be_put_down_nor_set_back(shop: Shop) -> None:
    job_id = shop.job()
    old, new = begin(shop, job_id, "seal"), begin(shop, job_id, "seal")
    before = snapshot(shop.row(job_id))
    ledger.put_down(shop.engine, old)
    assert not ledger.set_back(shop.engine, old, Failure(code="stage_killed", detail="late"))
    row = shop.row(job_id)
    assert (snapshot(row), row.losses, row.in_hand) == (before, 1, True)
    assert ledger.set_back(shop.engine, new, Failure(code="stage_killed", detail="killed"))


def test_an_attempt_that_fails_for_a_reason_that_may_pass_is_tried_again_a_few_times(shop: Shop) -> None:
    job_id = shop.job()
    for number in range(1, ledger.MAX_LOSSES + 1):
        task = begin(shop, job_id, "seal")
        again = ledger.set_back(shop.engine, task, Failure(code="stage_killed", detail="ended by SIGKILL"))
        assert again == (number < ledger.MAX_LOSSES)
    error = shop.row(job_id).error
    assert error is not None
    assert error["code"] == "stage_killed"


def test_two_workers_that_begin_at_once_get_different_attempts(shop: Shop) -> None:
    job_id = shop.job()
    with ThreadPoolExecutor(ledger.MAX_LOSSES) as pool:
        tasks = list(pool.map(lambda _: begin(shop, job_id, "seal"), range(ledger.MAX_LOSSES)))
    assert sorted(task.attempt for task in tasks) == [1, 2, 3]
    assert [ledger.holds(shop.engine, task) for task in tasks].count(True) == 1


@pytest.fixture(scope="module")
def quick_shop(tmp_path_factory: pytest.TempPathFactory):
    from app.db import migrate

    settings = Settings(home=tmp_path_factory.mktemp("quick"))
    migrate(settings)
    with open_shop(settings) as opened:
        yield opened


@given(fractions=st.lists(st.floats(), max_size=8))
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_job_never_goes_back_whatever_a_stage_says(quick_shop: Shop, fractions: list[float]) -> None:
    job_id = quick_shop.job(enqueue=False)
    for stage in ("seal", "seal", "train"):
        task = begin(quick_shop, job_id, stage)
        for fraction in fractions:
            word = Progress(fraction=fraction, message="on", figures={"loss": fraction})
            assert ledger.heard(quick_shop.engine, task, word)
    told = [event.data for event in quick_shop.events(job_id, "progress")]
    said = [data["fraction"] for data in told]
    assert said == sorted(said)
    assert all(0.0 <= data["fraction"] <= 1.0 and 0.0 <= data["stage_fraction"] <= 1.0 for data in told)
