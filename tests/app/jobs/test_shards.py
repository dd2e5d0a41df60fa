"""Tables in shards: which are divided, what becomes of attempts at a shard, and that they are joined byte for byte."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.jobs import ledger, shards
from app.jobs.ledger import MAX_LOSSES
from app.pipeline import SAMPLE, is_shard
from app.stage_context import StageContext
from app.stages import sample, shard
from app.states import JobState
from app.task import Failure, Output, Task, hear
from synth.sampling.pieces import PIECE
from tests.chaos.test_shards import job_after_training, trained
from tests.support.jobs import Shop, open_shop

KILLED = Failure(code="stage_killed", detail="the process was ended by SIGKILL")


@pytest.fixture
def job_id(shop: Shop) -> str:
    """A job whose table of 60,000 records is sampled in shards of one piece each."""
    return shop.job_on(shop.dataset("people"), options={"rows": 60_000}, enqueue=False)


def begin(shop: Shop, job_id: str) -> Task:
    task = ledger.begin_stage(shop.engine, job_id, SAMPLE.name)
    assert task is not None
    return task


def output(task: Task) -> Output:
    return Output(name=task.shard, key=f"{task.prefix}/{task.shard}", bytes=1, sha256="0" * 64)


def begin_shard(shop: Shop, job_id: str, name: str = "shard-0-1") -> Task:
    task = ledger.begin_shard(shop.engine, job_id, name)
    assert task is not None
    return task


def test_a_shard_is_published_once_whichever_attempt_at_the_job_asked_for_it(shop: Shop, job_id: str) -> None:
    begin(shop, job_id)
    late, other = begin_shard(shop, job_id), begin_shard(shop, job_id, "shard-1-2")
    second = begin(shop, job_id)
    quick = begin_shard(shop, job_id)
    assert late.prefix != quick.prefix
    assert ledger.heard(shop.engine, quick, output(quick)) is True
    assert ledger.heard(shop.engine, late, output(late)) is False
    assert ledger.has_given(shop.engine, late)
    assert ledger.begin_shard(shop.engine, job_id, "shard-0-1") is None
    assert ledger.heard(shop.engine, other, output(other)) is True
    found = ledger.shards_of(shop.engine, second)
    assert found is not None
    assert {name: each["key"] for name, each in found.items()} == {
        "shard-0-1": output(quick).key,
        "shard-1-2": output(other).key,
    }
    third = begin_shard(shop, job_id, "shard-2-3")
    with pytest.raises(ValueError, match="output that the stage"):
        ledger.heard(shop.engine, third, replace(output(third), name="synthetic"))


def test_attempts_at_a_shard_that_are_lost_count_by_themselves_and_three_set_the_job_aside(
    shop: Shop, job_id: str
) -> None:
    begin(shop, job_id)
    for _ in range(MAX_LOSSES + 1):  # a worker that stops in order loses nothing
        ledger.put_down(shop.engine, begin_shard(shop, job_id))
    assert ledger.set_back(shop.engine, begin_shard(shop, job_id), KILLED)
    begin_shard(shop, job_id)  # its worker dies
    other = begin_shard(shop, job_id, "shard-1-2")
    assert ledger.heard(shop.engine, other, output(other))
    assert not ledger.set_back(shop.engine, begin_shard(shop, job_id), KILLED)
    lost = [(event.data["shard"], event.data["code"]) for event in shop.events(job_id, "lost")]
    assert lost == [("shard-0-1", code) for code in ("stage_killed", "worker_died", "stage_killed")]
    assert shop.row(job_id).state == JobState.FAILED
    assert ledger.begin_shard(shop.engine, job_id, "shard-2-3") is None


def test_a_job_that_was_cancelled_needs_no_shards(shop: Shop, job_id: str) -> None:
    sampling = begin(shop, job_id)
    task = begin_shard(shop, job_id)
    ledger.cancel(shop.engine, job_id)
    assert not ledger.holds(shop.engine, task)
    assert ledger.shards_of(shop.engine, sampling) is None
    assert ledger.begin_shard(shop.engine, job_id, "shard-0-1") is None


def run_here(shop: Shop, task: Task, folder: Path, run: Callable[[StageContext], None]) -> dict[str, str]:
    """The hashes of what a stage published, which the job has heard of; done in this process."""
    said = io.StringIO()
    folder.mkdir()
    run(StageContext(task=task, settings=shop.settings, blobs=open_blobs(shop.settings), folder=folder, out=said))
    outputs = [word for word in map(hear, said.getvalue().splitlines()) if isinstance(word, Output)]
    for word in outputs:
        assert ledger.heard(shop.engine, task, word)
    return {word.name: word.sha256 for word in outputs}


def test_joined_shards_are_the_table_that_is_drawn_as_one(
    sqlite_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_shop(sqlite_settings.model_copy(update={"shard_rows": 2 * PIECE})) as shop:
        artifacts, blobs = trained(shop, tmp_path / "model"), open_blobs(shop.settings)
        alone, divided = (job_after_training(shop, artifacts) for _ in range(2))
        task = begin(shop, alone)
        assert shards.plan(shop.settings, shop.engine, blobs, task) == ()
        expected = run_here(shop, task, tmp_path / "one", sample.run)

        monkeypatch.setattr(shards, "serving", lambda *_: 2)
        task = begin(shop, divided)
        names = shards.plan(shop.settings, shop.engine, blobs, task)
        assert names == ("shard-0-2", "shard-2-4")
        for name in reversed(names):
            run_here(shop, begin_shard(shop, divided, name), tmp_path / name, shard.run)
        found = shards.Watch(shop.settings, shop.engine, task, names).look()
        assert found is not None
        assert found.keys() == set(names)
        ready = replace(task, inputs={**task.inputs, **found}, shards=names)
        assert run_here(shop, ready, tmp_path / "joined", sample.run) == expected
        assert not any(map(is_shard, shop.row(divided).artifacts))
        assert shop.events(divided, "progress")[0].data["message"] == "sampled 2 of 2 shards"
