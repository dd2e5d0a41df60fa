"""Files come back as they were put, appear whole or not at all, and stay inside the store."""

from __future__ import annotations

import hashlib

import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.errors import NotFoundError


@pytest.fixture
def blobs(tmp_path):
    return open_blobs(Settings(home=tmp_path / "home"))


def test_a_file_comes_back_with_its_hash(blobs, tmp_path):
    data = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(data)
    stored = blobs.put("t1/a/file", tmp_path / "file")
    assert stored.bytes == len(data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert blobs.fetch("t1/a/file", tmp_path / "deep" / "copy").read_bytes() == data
    assert b"".join(blobs.stream("t1/a/file", 5, 2_000_000)) == data[5:2_000_000]
    assert b"".join(blobs.stream("t1/a/file", len(data) - 3)) == data[-3:]


def test_what_is_not_there_is_not_found_and_leaves_nothing(blobs, tmp_path):
    with pytest.raises(NotFoundError):
        blobs.fetch("t1/none", tmp_path / "copy")
    with pytest.raises(NotFoundError):
        blobs.size("t1/none")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("key", ["../outside", "t1/../../outside", "t1//../outside"])
def test_no_key_leads_out_of_the_store(blobs, key):
    with pytest.raises(ValueError, match="path"):
        blobs.put_bytes(key, b"x")


def test_deleting_a_prefix_leaves_its_neighbours(blobs):
    for key in ("t1/d1/x", "t1/d1/y/z", "t1/d10/x", "t2/d1/x"):
        blobs.put_bytes(key, b"1")
    assert blobs.delete_prefix("t1/d1") == 2
    assert blobs.read("t1/d10/x") == b"1"
    assert blobs.read("t2/d1/x") == b"1"


def test_a_file_can_be_deleted_and_deleting_it_again_does_no_harm(blobs):
    blobs.put_bytes("t1/a", b"1")
    for _ in range(2):
        blobs.delete("t1/a")
    with pytest.raises(NotFoundError):
        blobs.read("t1/a")
