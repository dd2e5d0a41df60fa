"""Scratch space is kept for the living and swept of the dead."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from app.config import Settings
from app.scratch import attempts_folder, discard_attempt, own_folder, sweep
from app.states import JobKind
from app.task import Task


def task(attempt: int) -> Task:
    return Task(
        job_id="job_1",
        tenant_id="t",
        dataset_id="dataset_1",
        kind=JobKind.SYNTHESIZE,
        stage="seal",
        attempt=attempt,
        prefix="t/jobs/job_1/1-seal",
        schema=[],
        options={},
        inputs={},
    )


def test_only_the_folders_of_dead_attempts_are_swept(sqlite_settings: Settings) -> None:
    with own_folder(sqlite_settings, task(1)) as mine, own_folder(sqlite_settings, task(1)) as other:
        assert mine != other
        dead = attempts_folder(sqlite_settings) / "job_0-1-abc"
        dead.mkdir()
        (dead / "records.parquet").write_bytes(b"left behind")
        upload = sqlite_settings.scratch / "upload"
        upload.mkdir()
        assert sweep(sqlite_settings) == 1
        assert mine.exists()
        assert other.exists()
        assert upload.exists()
    assert list(attempts_folder(sqlite_settings).iterdir()) == []


def test_a_killed_attempt_is_cleared_away_and_no_other(sqlite_settings: Settings) -> None:
    with own_folder(sqlite_settings, task(1)) as first, own_folder(sqlite_settings, task(12)) as other:
        discard_attempt(sqlite_settings, task(1))
        assert not first.exists()
        assert other.exists()
    assert sweep(sqlite_settings) == 0


def test_a_folder_that_a_sweep_takes_before_it_is_claimed_is_made_anew(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = tempfile.mkdtemp, 0

    def swept_once(**where: Any) -> str:
        nonlocal made
        folder, made = make(**where), made + 1
        if made == 1:
            assert sweep(sqlite_settings) == 1
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", swept_once)
    with own_folder(sqlite_settings, task(1)) as mine:
        assert mine.exists()
    assert made == 2
