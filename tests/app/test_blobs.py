"""Files come back as they were put, appear whole or not at all, and stay inside the store."""

from __future__ import annotations

import hashlib

import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.digests import CHUNK_BYTES
from app.errors import ArtifactChangedError, NotFoundError

ONE = hashlib.sha256(b"1").hexdigest()


@pytest.fixture
def blobs(tmp_path):
    return open_blobs(Settings(home=tmp_path / "home"))


def test_a_file_comes_back_with_its_hash(blobs, tmp_path):
    data = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(data)
    stored = blobs.put("t1/a/file", tmp_path / "file")
    assert stored.bytes == len(data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert blobs.fetch("t1/a/file", tmp_path / "deep" / "copy", stored.sha256).read_bytes() == data
    for reader in (
        blobs,
        open_blobs(Settings(home=tmp_path / "home")),
    ):  # one has put it, the other has to hash it first
        for start, end in (
            (5, 2_000_000),
            (len(data) - 3, None),
            (0, CHUNK_BYTES),
            (CHUNK_BYTES, 2 * CHUNK_BYTES),
            (7, 7),
        ):
            assert b"".join(reader.stream("t1/a/file", stored.sha256, start, end)) == data[start:end]
        with reader.open("t1/a/file", stored.sha256) as file:
            file.seek(CHUNK_BYTES - 5)
            assert file.read(10) == data[CHUNK_BYTES - 5 : CHUNK_BYTES + 5]


def everything_that_reads(blobs, key, sha256, folder):
    """Each way to read a file, by name."""
    yield "read", lambda: blobs.read(key, sha256)
    yield "fetch", lambda: blobs.fetch(key, folder / "copy", sha256)
    yield "stream", lambda: list(blobs.stream(key, sha256))
    yield "a part", lambda: list(blobs.stream(key, sha256, 3, 9))
    yield "open", lambda: blobs.open(key, sha256).read()


@pytest.mark.parametrize("fresh", [True, False], ids=["another process", "the process that put it"])
@pytest.mark.parametrize("change", [lambda d: b"X" + d[1:], lambda d: d[:-1], lambda d: d + b"0", lambda d: b""])
def test_no_way_to_read_gives_a_byte_of_a_file_that_was_changed(blobs, tmp_path, change, fresh):
    (tmp_path / "file").write_bytes(b"0123456789")
    stored = blobs.put("t1/file", tmp_path / "file")
    (tmp_path / "home" / "blobs" / "t1" / "file").write_bytes(change(b"0123456789"))
    reader = open_blobs(Settings(home=tmp_path / "home")) if fresh else blobs
    for name, read in everything_that_reads(reader, "t1/file", stored.sha256, tmp_path):
        with pytest.raises(ArtifactChangedError):
            pytest.fail(f"{name} gave {read()!r}")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.partial").exists()


def test_a_file_that_is_changed_while_it_is_read_breaks_off_before_the_change(blobs, tmp_path):
    data = bytes(CHUNK_BYTES) * 3
    (tmp_path / "file").write_bytes(data)
    stored = blobs.put("t1/file", tmp_path / "file")
    chunks = blobs.stream("t1/file", stored.sha256)
    lying = tmp_path / "home" / "blobs" / "t1" / "file"
    with lying.open("r+b") as file:
        file.seek(2 * CHUNK_BYTES + 5)
        file.write(b"1")
    got = []
    with pytest.raises(ArtifactChangedError):
        got.extend(chunks)
    assert not any(b"1" in chunk for chunk in got)


def test_what_is_not_there_is_not_found_and_leaves_nothing(blobs, tmp_path):
    with pytest.raises(NotFoundError):
        blobs.fetch("t1/none", tmp_path / "copy", ONE)
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
    assert blobs.read("t1/d10/x", ONE) == b"1"
    assert blobs.read("t2/d1/x", ONE) == b"1"


def test_a_file_can_be_deleted_and_deleting_it_again_does_no_harm(blobs):
    blobs.put_bytes("t1/a", b"1")
    for _ in range(2):
        blobs.delete("t1/a")
    with pytest.raises(NotFoundError):
        blobs.read("t1/a", ONE)
