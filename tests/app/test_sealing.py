"""Secrets at rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.sealing import KEY_FILE, SealError, unwrap, wrap


def test_a_secret_is_read_again_for_its_own_thing_alone(tmp_path: Path) -> None:
    sealed = wrap(tmp_path, "pässword", "connection_1")
    assert b"ssword" not in sealed
    assert unwrap(tmp_path, sealed, "connection_1") == "pässword"
    assert wrap(tmp_path, "pässword", "connection_1") != sealed
    for wrong, bound_to in ((sealed, "connection_2"), (sealed[:-1] + b"x", "connection_1"), (b"", "connection_1")):
        with pytest.raises(SealError):
            unwrap(tmp_path, wrong, bound_to)


def test_the_key_is_for_its_owner_and_another_key_opens_nothing(tmp_path: Path) -> None:
    sealed = wrap(tmp_path, "secret", "connection_1")
    key = tmp_path / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SealError):
        unwrap(tmp_path / "another", sealed, "connection_1")
    key.chmod(0o640)
    with pytest.raises(SealError, match="chmod 600"):
        unwrap(tmp_path, sealed, "connection_1")
