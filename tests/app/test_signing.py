"""The signing key: only its owner can read it, many processes get the same one, and an old one still checks."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.certificate import CertificateError, key_id, read_public_key, sign, statement, verify
from app.signing import PRIVATE_FILE, public_keys, renew, signing_key
from tests.app.test_certificate import PREDICATE


def test_the_private_key_is_for_its_owner_alone_and_stays_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = key_id(signing_key(home).public_key())
    assert stat.S_IMODE((home / PRIVATE_FILE).stat().st_mode) == 0o600
    assert key_id(signing_key(home).public_key()) == made
    assert list(public_keys(home)) == [made]
    assert not any("PRIVATE" in pem for pem in public_keys(home).values())


def test_a_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    signing_key(tmp_path)
    (tmp_path / PRIVATE_FILE).chmod(0o640)
    with pytest.raises(CertificateError, match="owner alone"):
        signing_key(tmp_path)


def test_many_that_ask_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: key_id(signing_key(tmp_path).public_key()), range(32)))
    assert len(set(ids)) == 1
    assert {path.name for path in tmp_path.iterdir()} == {PRIVATE_FILE, "certificate-keys"}


def test_a_renewed_key_signs_and_the_old_one_still_checks(tmp_path: Path) -> None:
    said = statement({"data.csv": "0" * 64}, PREDICATE)
    before = sign(said, signing_key(tmp_path))
    old = key_id(signing_key(tmp_path).public_key())
    new = renew(tmp_path)
    keys = public_keys(tmp_path)
    assert set(keys) == {old, new}
    assert verify(before, read_public_key(keys[old].encode())) == said
    assert key_id(signing_key(tmp_path).public_key()) == new
