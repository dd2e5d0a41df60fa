"""A large table is sampled in shards by several workers: it is that of one process, whoever is killed."""

from __future__ import annotations

import io
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.jobs import engine, ledger, rows
from app.pipeline import SAMPLE, is_shard, shard_name
from app.stage_context import StageContext
from app.stages import sample
from app.states import JobState
from app.task import Output, hear
from synth.artifact import save
from synth.randomness import Rng
from synth.sampling.pieces import PIECE, shards_of
from synth.training.fit import fit
from tests.support.jobs import Shop, open_shop, wait_for
from tests.synth.tables_about_people import FAST, people, schema

ROWS = 3 * PIECE + 77
SHARDS, WORKERS = 4, 3


def trained(shop: Shop, folder: Path) -> dict[str, Any]:
    """What a job has published that has just trained a small model."""
    save(fit(people(), schema(), FAST.with_(steps=3), Rng(0)), folder)
    (folder / "split.json").write_text(json.dumps({"counts": {"train": ROWS}}), encoding="utf-8")
    files = {"split": "split.json", "assignment": "split.json", "training": "split.json"}
    files |= {"weights": "model.safetensors", "model": "model.json"}
    stored = {
        name: open_blobs(shop.settings).put(f"{shop.tenant_id}/datasets/d/{name}", folder / path)
        for name, path in files.items()
    }
    return {name: {"key": each.key, "bytes": each.bytes, "sha256": each.sha256} for name, each in stored.items()}


def job_after_training(shop: Shop, artifacts: dict[str, Any], *, enqueue: bool = False) -> str:
    """A job whose table is to be sampled next, and which then fails: nothing behind that matters here."""
    dataset = shop.dataset("real=sample+shard assess=raise", schema=schema().to_json())
    return shop.job_on(dataset, options={"seed": 3}, enqueue=enqueue, artifacts=artifacts)


def in_one_process(shop: Shop, job_id: str, folder: Path) -> dict[str, str]:
    """The hashes of the table that one process draws for this job, of which it says nothing to anybody."""
    task, said = ledger.begin_stage(shop.engine, job_id, SAMPLE.name), io.StringIO()
    assert task is not None
    folder.mkdir()
    blobs = open_blobs(shop.settings)
    apart = replace(task, prefix=f"{task.prefix}-apart")
    sample.run(StageContext(task=apart, settings=shop.settings, blobs=blobs, folder=folder, out=said))
    words = [hear(line) for line in said.getvalue().splitlines()]
    return {word.name: word.sha256 for word in words if isinstance(word, Output)}


def begun(shop: Shop, job_id: str) -> list[str]:
    return [each.data["shard"] for each in shop.events(job_id, "shard") if each.data["mark"] == rows.BEGUN]


def drawn_by(shop: Shop, job_id: str) -> set[str]:
    """The workers that have claimed shards of the job."""
    ids = [engine.shard_id(job_id, shard_name(pieces)) for pieces in shards_of(ROWS, PIECE)]
    client = engine.open_client(shop.settings)
    try:
        claimed = client.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
        return {each.executor_id for each in claimed if each.executor_id and each.status != "ENQUEUED"}
    finally:
        client.destroy()


@pytest.mark.timeout(900)
def test_three_workers_that_are_killed_and_one_after_them_draw_the_table_of_one_process(
    postgres_settings: Settings, tmp_path: Path
) -> None:
    with open_shop(postgres_settings.model_copy(update={"shard_rows": PIECE})) as shop:
        artifacts = trained(shop, tmp_path / "model")
        expected = in_one_process(shop, job_after_training(shop, artifacts), tmp_path / "one")
        for _ in range(WORKERS):
            shop.worker()
        wait_for("all beat", lambda: shop.workers_beating() == WORKERS, seconds=300)
        job_id = job_after_training(shop, artifacts, enqueue=True)
        wait_for("two workers have shards", lambda: len(drawn_by(shop, job_id)) > 1, seconds=300)
        wait_for("a shard is there", lambda: any(map(is_shard, shop.row(job_id).artifacts)), seconds=300)
        for worker in shop.workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        has, before = set(filter(is_shard, shop.row(job_id).artifacts)), begun(shop, job_id)

        shop.worker()
        job = shop.wait_for_state(job_id, JobState.FAILED, seconds=300)
        assert job.stage == "assess"
        assert {name: each["sha256"] for name, each in job.artifacts.items() if name in expected} == expected
        assert not any(map(is_shard, job.artifacts))
        anew = begun(shop, job_id)[len(before) :]
        assert not has & set(anew), "a shard that was there was drawn anew"
        assert len({*before, *anew}) == SHARDS
