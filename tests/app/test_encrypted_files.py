"""What belongs to a tenant lies there encrypted; without its key, changed, moved or cut off it does not open."""

from __future__ import annotations

import hashlib
from pathlib import Path

import obstore
import pytest

from app import data_keys
from app.blobs import Blobs, open_blobs
from app.config import Settings
from app.data_keys import Held, dataset_key
from app.digests import CHUNK_BYTES
from app.errors import ArtifactChangedError, MasterKeyError, NotFoundError
from app.master_key import MasterKeys
from app.sealed import HEADER_BYTES, MAGIC, SEALED_BYTES, plain_size

KEY = "tenant_a/datasets/dataset_1/table.parquet"
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 5)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_blobs(settings)


def lying(settings: Settings, key: str = KEY) -> Path:
    return settings.home / "blobs" / key


def text(size: int) -> bytes:
    return (b"Ada Lovelace, Oslo; " * (size // 20 + 1))[:size]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_comes_back_and_nothing_of_it_lies_there(
    settings: Settings, blobs: Blobs, tmp_path: Path, size: int
) -> None:
    data = text(size)
    (tmp_path / "file").write_bytes(data)
    blobs.put(KEY, tmp_path / "file")
    raw = lying(settings).read_bytes()
    assert raw.startswith(MAGIC)
    assert b"Ada Lovelace" not in raw
    assert plain_size(len(raw)) == size
    for reader in (blobs, open_blobs(settings)):
        assert reader.size(KEY) == size
        assert reader.read(KEY, sha(data)) == data
        assert reader.fetch(KEY, tmp_path / "copy", sha(data)).read_bytes() == data
        for start in {0, size // 2, max(size - 1, 0), max(size - CHUNK_BYTES, 0)}:
            assert b"".join(reader.stream(KEY, sha(data), start)) == data[start:]
        with reader.open(KEY, sha(data)) as file:
            file.seek(size // 3)
            assert file.read(7) == data[size // 3 : size // 3 + 7]


def test_the_same_file_is_never_encrypted_to_the_same_bytes(settings: Settings, blobs: Blobs) -> None:
    lies = set()
    for _ in range(3):
        blobs.put_bytes(KEY, text(100))
        lies.add(lying(settings).read_bytes())
    assert len(lies) == 3


def _swapped(raw: bytes) -> bytes:
    one, two = (raw[HEADER_BYTES + i * SEALED_BYTES :][:SEALED_BYTES] for i in range(2))
    return raw[:HEADER_BYTES] + two + one + raw[HEADER_BYTES + 2 * SEALED_BYTES :]


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:8] + bytes([raw[8] ^ 1]) + raw[9:],
        lambda raw: raw[:45] + bytes([raw[45] ^ 1]) + raw[46:],
        lambda raw: raw[:200] + b"x" + raw[201:],
        lambda raw: raw[: HEADER_BYTES + 5] + bytes([raw[HEADER_BYTES + 5] ^ 1]) + raw[HEADER_BYTES + 6 :],
        _swapped,
        lambda raw: raw[: HEADER_BYTES + 2 * SEALED_BYTES],
        lambda raw: raw[: HEADER_BYTES + SEALED_BYTES],
        lambda raw: raw[:-1],
        lambda raw: raw[:HEADER_BYTES],
        lambda raw: raw[:100],
        lambda raw: raw + raw[-30:],
        lambda raw: raw + b"0",
    ],
    ids=[
        "salt", "name", "filling", "chunk", "swapped", "without its last chunk", "of one chunk",
        "cut off", "header alone", "half a header", "longer", "one byte longer",
    ],
)  # fmt: skip
def test_what_was_changed_does_not_open(settings: Settings, blobs: Blobs, tmp_path: Path, change) -> None:
    (tmp_path / "file").write_bytes(text(2 * CHUNK_BYTES + 100))
    stored = blobs.put(KEY, tmp_path / "file")
    lying(settings).write_bytes(change(lying(settings).read_bytes()))
    for reader in (blobs, open_blobs(settings)):
        for read in (
            lambda r: r.read(KEY, stored.sha256),
            lambda r: list(r.stream(KEY, stored.sha256, 0, 10)),
            lambda r: r.open(KEY, stored.sha256).read(),
            lambda r: r.fetch(KEY, tmp_path / "copy", stored.sha256),
        ):
            with pytest.raises((ArtifactChangedError, NotFoundError)):  # of another name there is no key
                read(reader)
    assert not (tmp_path / "copy").exists()


def test_a_file_does_not_open_in_the_place_of_another(settings: Settings, blobs: Blobs) -> None:
    other = "tenant_a/datasets/dataset_1/other"
    blobs.put_bytes(KEY, text(10))
    lying(settings, other).write_bytes(lying(settings).read_bytes())
    with pytest.raises(ArtifactChangedError):
        blobs.read(other, sha(text(10)))


def test_files_from_before_are_read_as_they_lie_there(settings: Settings, blobs: Blobs) -> None:
    data = text(CHUNK_BYTES + 9)
    lying(settings).parent.mkdir(parents=True)
    lying(settings).write_bytes(data)
    assert blobs.size(KEY) == len(data)
    assert blobs.read(KEY, sha(data)) == data
    assert b"".join(blobs.stream(KEY, sha(data), CHUNK_BYTES - 3, CHUNK_BYTES + 3)) == data[CHUNK_BYTES - 3 :][:6]


def test_whoever_erases_a_key_erases_its_files_in_every_copy_and_no_other(settings: Settings, blobs: Blobs) -> None:
    other = "tenant_a/datasets/dataset_2/table.parquet"
    for key in (KEY, other):
        blobs.put_bytes(key, text(10))
    copy = lying(settings).read_bytes()
    blobs.erase(dataset_key("tenant_a", "dataset_1"))
    blobs.delete(KEY)
    lying(settings).write_bytes(copy)
    for reader in (blobs, open_blobs(settings)):
        with pytest.raises(NotFoundError, match="erased"):
            reader.read(KEY, sha(text(10)))
        assert reader.read(other, sha(text(10))) == text(10)


def test_a_process_remembers_a_key_for_a_minute_at_most() -> None:
    times = iter((0.0, data_keys.KEPT_SECONDS - 1, data_keys.KEPT_SECONDS))
    held = Held(lambda: next(times))
    held.add("t/d", b"key")
    assert held.get("t/d") == b"key"
    assert held.get("t/d") is None


def test_without_the_master_key_nothing_opens_and_none_is_made_in_its_place(settings: Settings, blobs: Blobs) -> None:
    blobs.put_bytes(KEY, text(10))
    file = settings.resolved_master_key_file
    assert file.stat().st_mode & 0o777 == 0o600
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(MasterKeyError, match="restore"):
        open_blobs(settings)
    assert not file.exists()
    MasterKeys(file).make()
    with pytest.raises(MasterKeyError, match="another one"):
        open_blobs(settings).read(KEY, sha(text(10)))
    file.write_bytes(kept)
    assert open_blobs(settings).read(KEY, sha(text(10))) == text(10)
    file.chmod(0o640)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        open_blobs(settings)


def test_a_new_master_key_wraps_the_data_keys_anew_and_touches_no_file(settings: Settings, blobs: Blobs) -> None:
    blobs.put_bytes(KEY, text(10))
    raw, old = lying(settings).read_bytes(), settings.resolved_master_key_file.read_text()
    assert blobs.keys.renew_master() == 1
    late = "tenant_a/datasets/dataset_2/table.parquet"
    blobs.put_bytes(late, text(10))  # by a process that runs on
    blobs.keys.drop_old_masters()
    assert old not in settings.resolved_master_key_file.read_text()
    assert settings.resolved_master_key_file.stat().st_mode & 0o777 == 0o600
    assert lying(settings).read_bytes() == raw
    for key in (KEY, late):
        assert open_blobs(settings).read(key, sha(text(10))) == text(10)
    settings.resolved_master_key_file.write_text(old)
    with pytest.raises(MasterKeyError):
        open_blobs(settings).read(KEY, sha(text(10)))


def test_a_key_that_the_old_master_key_wraps_at_the_last_moment_is_wrapped_anew(
    settings: Settings, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = obstore.put

    def renewed_first(*args, **options):
        monkeypatch.setattr(obstore, "put", put)
        blobs.keys.renew_master()
        return put(*args, **options)

    monkeypatch.setattr(obstore, "put", renewed_first)
    blobs.put_bytes(KEY, text(10))
    blobs.keys.drop_old_masters()
    assert open_blobs(settings).read(KEY, sha(text(10))) == text(10)


def test_two_that_make_a_key_at_once_have_the_same(settings: Settings, blobs: Blobs) -> None:
    other = open_blobs(settings)
    name, get = "tenant_a/dataset_1", type(other.keys).get
    first = blobs.keys.get_or_make(name)
    calls = []

    def not_seen_yet(keys, wanted):
        calls.append(wanted)
        if len(calls) == 1:
            raise NotFoundError("not yet")
        return get(keys, wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(other.keys), "get", not_seen_yet)
        assert other.keys.get_or_make(name) == first


def test_a_wrapped_key_opens_under_its_own_name_alone(settings: Settings, blobs: Blobs) -> None:
    blobs.keys.get_or_make("tenant_a/dataset_1")
    lying(settings, "keys/tenant_b").mkdir()
    lying(settings, "keys/tenant_b/dataset_9").write_bytes(lying(settings, "keys/tenant_a/dataset_1").read_bytes())
    with pytest.raises(MasterKeyError, match="changed"):
        blobs.keys.get("tenant_b/dataset_9")
    for other in (b"", b"v1.", b"x" * 300):
        lying(settings, "keys/tenant_b/dataset_9").write_bytes(other)
        with pytest.raises(MasterKeyError):
            blobs.keys.get("tenant_b/dataset_9")


def test_no_file_can_be_put_among_the_keys(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="path"):
        blobs.put_bytes("keys/tenant_a/dataset_1", b"x")
