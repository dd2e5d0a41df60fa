"""A backup brings an installation back as it was, without what was erased since, and to nobody without master key."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import checkpoints, signing
from app.backup import BackupError, backup, restore
from app.blobs import open_blobs
from app.cli.commands import keeping
from app.cli.exits import CommandError
from app.config import Settings
from app.db import migrate
from app.dumps import DumpError
from app.errors import MasterKeyError, NotFoundError
from app.services import audit_log, tenants
from app.states import JobState, ReleaseState
from tests.support.postgres import PostgresServer
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web, serve


@pytest.fixture(params=["sqlite", "postgres"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Settings, Settings]]:
    """A migrated installation, and another one that holds nothing."""
    if request.param == "sqlite":
        ours, theirs = (Settings(home=tmp_path / name, device="cpu") for name in ("ours", "theirs"))
        migrate(ours)
        yield ours, theirs
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.database() as one, postgres.database() as two:
        ours, theirs = (
            Settings(home=tmp_path / name, database_url=url, device="cpu")
            for name, url in (("ours", one), ("theirs", two))
        )
        migrate(ours)
        yield ours, theirs


def hand_over_master_key(ours: Settings, theirs: Settings) -> None:
    theirs.home.mkdir(exist_ok=True)
    shutil.copy(ours.resolved_master_key_file, theirs.resolved_master_key_file)


def download(web: Web, token: str, release_id: str) -> bytes:
    with web.client() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        answer = client.get(f"/v1/releases/{release_id}/data.csv")
        assert answer.status_code == 200
        return answer.content


@pytest.mark.timeout(120)
def test_an_installation_comes_back_without_what_was_erased_since(
    places: tuple[Settings, Settings], tmp_path: Path
) -> None:
    ours, theirs = places
    with serve(ours) as web:
        release = add_release(web, tmp_path, ReleaseState.RELEASED)
        deleted = add_dataset(web, tmp_path)
        waiting = add_job(web, add_dataset(web, tmp_path), JobState.QUEUED)
        with web.client() as client:
            assert client.post("/v1/webhooks", json={"url": "https://hooks.example/"}).status_code == 201
        signing.signing_key(ours.home)
        checkpoints.write(web.backend.engine, web.backend.blobs, ours.home)
        first = backup(ours, tmp_path / "first", tmp_path / "keys.json")
        before = {path: path.read_bytes() for path in (tmp_path / "first").rglob("*") if path.is_file()}
        assert not [path for path, content in before.items() if b"people" in content or b"PRIVATE KEY" in content]
        with web.client() as client:
            assert client.delete(f"/v1/datasets/{deleted.id}").status_code == 204
        backup(ours, tmp_path / "second", tmp_path / "keys.json")
        content, token = download(web, web.admin.token, release.id), web.admin.token
    assert hashlib.sha256(content).hexdigest() == release.csv_sha256

    hand_over_master_key(ours, theirs)
    assert restore(theirs, tmp_path / "first", tmp_path / "keys.json").files == first.files
    with serve(theirs) as back:
        blobs = back.backend.blobs
        assert tenants.note_erased(back.backend.engine, blobs) == 1
        assert download(back, token, release.id) == content
        with pytest.raises(NotFoundError, match="erased"):
            blobs.read(deleted.table_key, deleted.table_sha256)
        with back.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            assert client.get(f"/v1/jobs/{waiting.id}").json()["state"] == "queued"
            assert client.get(f"/v1/datasets/{deleted.id}").json()["records_erased_at"] is not None
        found = checkpoints.read(blobs, theirs.home)
        assert audit_log.verify(back.backend.engine, found).faults == ()
        assert len(found.checkpoints) >= 1
        with pytest.raises((BackupError, DumpError)):
            restore(theirs, tmp_path / "first", tmp_path / "keys.json")


@pytest.fixture
def made(tmp_path: Path, sqlite_settings: Settings) -> Path:
    open_blobs(sqlite_settings).put_bytes("tenant_a/datasets/dataset_1/table", b"Ada Lovelace")
    backup(sqlite_settings, tmp_path / "backup", tmp_path / "keys.json")
    return tmp_path / "backup"


def test_without_its_master_key_a_backup_is_of_no_use(made: Path, sqlite_settings: Settings, tmp_path: Path) -> None:
    theirs = Settings(home=tmp_path / "theirs")
    with pytest.raises(MasterKeyError, match="restore it"):
        restore(theirs, made, tmp_path / "keys.json")
    open_blobs(theirs)  # makes another one
    with pytest.raises(MasterKeyError, match="another one"):
        restore(theirs, made, tmp_path / "keys.json")
    assert not (theirs.home / "lookalike.db").exists()
    assert {path.stat().st_mode & 0o077 for path in (made, made.parent / "keys.json")} == {0}
    with pytest.raises(BackupError, match="empty"):
        backup(sqlite_settings, made, tmp_path / "keys.json")
    for place in (tmp_path / "none" / "keys.json", tmp_path / "other" / "keys.json"):
        with pytest.raises(BackupError, match="outside of the backup"):
            backup(sqlite_settings, tmp_path / "other", place)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda made: (made / "manifest.json").unlink(), "to its end"),
        (lambda made: (made / "manifest.json").write_text("[]"), "manifest"),
        (lambda made: (made / "sealed" / "lookalike.db").unlink(), "lookalike.db"),
        (lambda made: (made / "sealed" / "lookalike.db").write_bytes(b"x"), "another one"),
        (lambda made: (made.parent / "keys.json").write_text("no"), "data keys"),
        ("outside", "got none"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_written(
    made: Path, sqlite_settings: Settings, tmp_path: Path, damage, said: str
) -> None:
    theirs = Settings(home=tmp_path / "theirs")
    hand_over_master_key(sqlite_settings, theirs)
    (outside if damage == "outside" else damage)(made)
    with pytest.raises(BackupError, match=said):
        restore(theirs, made, tmp_path / "keys.json")
    assert [path.name for path in theirs.home.iterdir()] == ["master-key"]


def test_nobody_adds_a_key_of_certificates_to_a_backup(made: Path, sqlite_settings: Settings, tmp_path: Path) -> None:
    theirs, foreign = Settings(home=tmp_path / "theirs"), tmp_path / "foreign"
    hand_over_master_key(sqlite_settings, theirs)
    signing.signing_key(foreign)
    (made / "public").mkdir(exist_ok=True)
    for path in (foreign / signing.PUBLIC_FOLDER).glob("*.pem"):
        shutil.copy(path, made / "public")
        manifest = json.loads((made / "manifest.json").read_text())
        manifest["files"][f"public/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(MasterKeyError, match="does not open"):
        restore(theirs, made, tmp_path / "keys.json")
    assert [path.name for path in theirs.home.iterdir() if path.is_file()] == ["master-key"]


def test_what_the_manifest_does_not_name_is_not_restored(sqlite_settings: Settings, tmp_path: Path) -> None:
    """Such as a key of certificates from an older backup of the same installation, which opens."""
    theirs, made = Settings(home=tmp_path / "theirs"), tmp_path / "backup"
    signing.signing_key(sqlite_settings.home)
    backup(sqlite_settings, made, tmp_path / "keys.json")
    hand_over_master_key(sqlite_settings, theirs)
    manifest = json.loads((made / "manifest.json").read_text())
    (unnamed,) = [name for name in manifest["files"] if name.startswith("public/")]
    del manifest["files"][unnamed]
    (made / "manifest.json").write_text(json.dumps(manifest))
    (made / "sealed" / "notes").write_text("nobody's")
    restore(theirs, made, tmp_path / "keys.json")
    assert (theirs.home / signing.PRIVATE_FILE).exists()
    assert list(theirs.home.rglob("*.pem")) == [theirs.home / signing.PRIVATE_FILE]


def outside(made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["files"]["blobs/../../keys.json"] = hashlib.sha256((made.parent / "keys.json").read_bytes()).hexdigest()
    (made / "manifest.json").write_text(json.dumps(manifest))


def test_the_commands_back_up_renew_the_master_key_and_restore(
    tmp_path: Path, sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, keys, data = tmp_path / "backup", tmp_path / "keys.json", b"Ada Lovelace"
    theirs = Settings(home=tmp_path / "theirs")
    open_blobs(sqlite_settings).put_bytes("tenant_a/datasets/dataset_1/table", data)
    keeping.renew_master_key(sqlite_settings.home)
    assert capsys.readouterr().out.startswith("1 keys and secrets")
    keeping.backup(folder, keys, sqlite_settings.home)
    with pytest.raises(CommandError, match="master key"):
        keeping.restore(folder, keys, theirs.home)
    hand_over_master_key(sqlite_settings, theirs)
    keeping.restore(folder, keys, theirs.home)
    assert capsys.readouterr().out.splitlines()[-1].startswith("restored the backup of 20")
    sha256 = hashlib.sha256(data).hexdigest()
    assert open_blobs(theirs).read("tenant_a/datasets/dataset_1/table", sha256) == data
