"""Files come back as they were put, appear whole or not at all, and stay inside the store."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import obstore
import pytest
from obstore.store import S3Store

from app.blobs import PART_BYTES, open_blobs
from app.config import Settings
from app.digests import CHUNK_BYTES
from app.errors import ArtifactChangedError, NotFoundError, StorageAwayError
from app.storage import storage

ONE = hashlib.sha256(b"1").hexdigest()


@pytest.fixture(params=["folder", "object store"])
def settings(request, tmp_path):
    """An installation that keeps its files in a folder, and one that keeps them in a real object store."""
    files = "" if request.param == "folder" else f"s3://{request.getfixturevalue('bucket')}/files"
    return Settings(home=tmp_path / "home", blob_url=files)


@pytest.fixture
def blobs(settings):
    return open_blobs(settings)


def test_a_file_comes_back_with_its_hash(blobs, settings, tmp_path):
    data = bytes(range(256)) * 25_000  # more than one part of an upload in parts
    (tmp_path / "file").write_bytes(data)
    stored = blobs.put("t1/a/file", tmp_path / "file")
    assert stored.bytes == len(data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert blobs.fetch("t1/a/file", tmp_path / "deep" / "copy", stored.sha256).read_bytes() == data
    for reader in (
        blobs,
        open_blobs(settings),
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
def test_no_way_to_read_gives_a_byte_of_a_file_that_was_changed(blobs, settings, tmp_path, change, fresh):
    (tmp_path / "file").write_bytes(b"0123456789")
    stored = blobs.put("t1/file", tmp_path / "file")
    lying = bytes(obstore.get(blobs.store, "t1/file").bytes())
    obstore.put(blobs.store, "t1/file", change(lying))
    reader = open_blobs(settings) if fresh else blobs
    for name, read in everything_that_reads(reader, "t1/file", stored.sha256, tmp_path):
        with pytest.raises(ArtifactChangedError):
            pytest.fail(f"{name} gave {read()!r}")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.partial").exists()


def test_a_file_that_is_changed_while_it_is_read_breaks_off_before_the_change(tmp_path):
    blobs = open_blobs(Settings(home=tmp_path / "home"))  # an object that is replaced is read to its end as it was
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


def test_a_file_without_a_byte_comes_back(blobs):
    stored = blobs.put_bytes("t1/a", b"")
    assert blobs.read("t1/a", stored.sha256) == b""
    obstore.put(blobs.store, "old", b"")  # as it lay there before files were encrypted
    assert blobs.read("old", stored.sha256) == b""
    assert list(blobs.stream("old", stored.sha256)) == []


def test_two_processes_that_need_a_data_key_at_once_have_the_same(settings):
    installations = [open_blobs(settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda blobs: blobs.put_bytes(f"t1/{id(blobs)}", b"1"), installations))
    reader = open_blobs(settings)
    assert [reader.read(each.key, each.sha256) for each in stored] == [b"1"] * 4
    assert len(reader.data_keys()) == 1


def test_what_was_encrypted_under_an_erased_key_does_not_open(blobs, settings):
    stored = blobs.put_bytes("t1/a", b"1")
    blobs.erase_all("t1")
    with pytest.raises(NotFoundError):
        open_blobs(settings).read("t1/a", stored.sha256)


@pytest.mark.parametrize(("size", "parts"), [(PART_BYTES, False), (PART_BYTES + 1, True)])
def test_only_a_large_file_is_uploaded_in_parts(object_store, bucket, tmp_path, size, parts):
    """Encrypted it is larger than it was: that alone does not make it large."""
    blobs = open_blobs(Settings(home=tmp_path / "home", blob_url=f"s3://{bucket}/files"))
    source = tmp_path / "file"
    source.write_bytes(bytes(size))
    before = len(object_store.requests())
    stored = blobs.put("tenant_a/datasets/ds_a/table", source)
    assert any("uploads" in each for each in object_store.requests()[before:]) is parts
    assert blobs.fetch("tenant_a/datasets/ds_a/table", tmp_path / "back", stored.sha256).stat().st_size == size


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_a_store_that_is_away_and_no_missing_file(tmp_path):
    with pytest.raises(StorageAwayError):
        open_blobs(Settings(home=tmp_path / "home", blob_url="s3://no-such-bucket/files"))
    with pytest.raises(StorageAwayError), storage():
        obstore.get(S3Store.from_url("s3://no-such-bucket"), "a")
