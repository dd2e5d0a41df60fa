"""Settings reach other processes whole."""

from __future__ import annotations

import pytest

from app.config import Settings


def test_a_process_started_with_the_environment_has_the_same_settings(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = settings.model_copy(update={"checkpoint_seconds": 0.25, "concurrent_jobs": 3, "blob_url": "s3://bucket"})
    for name, value in changed.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == changed.model_copy(update={"home": changed.home.resolve()})
