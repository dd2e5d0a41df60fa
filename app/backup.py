"""A backup of an installation in one folder, and what brings it back.

folder                   what
manifest.json            written last: version, the wrapped key of this backup, and the SHA-256 of each file
sealed/                  the databases and the key that signs certificates, encrypted under the key of this backup
public/                  the public keys of certificates, encrypted too: whoever can write here must not add one
blobs/                   the stored files as they lie there, encrypted

The data keys are not in it. They go, wrapped, into one file beside the backups, which each backup replaces: what is
erased today is erased in the backups of yesterday, too. The master key is in neither.

Databases are copied first and files after them: what came in between is nobody's after a restore and is reaped, what
went in between had been erased. A job that ran goes on from its last checkpoint, or begins the stage anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import obstore
from cryptography.exceptions import InvalidTag

import app
from app import dumps, signing
from app.blobs import Blobs, open_blobs
from app.config import Settings
from app.data_keys import FOLDER as KEYS
from app.digests import CHUNK_BYTES
from app.errors import MasterKeyError, NotFoundError, ServiceError
from app.home import FILE, private_folder
from app.master_key import KEY_BYTES, MasterKeys
from app.sealed import HEADER_BYTES, Cipher, Header, chunks_of, plain_size
from app.storage import storage
from app.uploads import scratch_folder

FORMAT = 1
MANIFEST, SEALED, PUBLIC, BLOBS = "manifest.json", "sealed", "public", "blobs"
NAME = "backup"


class BackupError(ServiceError):
    """The backup cannot be made, or cannot be brought back."""

    code = "backup"
    title = "The backup failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a backup holds."""

    format: int
    version: str
    made_at: str
    key: str
    """The key of this backup, wrapped by the master key."""
    files: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each file, by its path in the backup."""


def backup(settings: Settings, folder: Path, keys_file: Path) -> Manifest:
    """What was written: the backup into `folder`, the data keys into `keys_file` in place of those that were there.

    Raises BackupError where the folder is not empty, or a database cannot be copied.
    """
    blobs = open_blobs(settings)
    private_folder(folder)
    if any(folder.iterdir()):
        raise BackupError(f"expected an empty folder for a backup, got one with files in it: {folder}")
    if not keys_file.parent.is_dir() or keys_file.resolve().is_relative_to(folder.resolve()):
        raise BackupError(f"expected a place for the data keys in a folder outside of the backup, got {keys_file}")
    key = secrets.token_bytes(KEY_BYTES)
    files: dict[str, str] = {}
    with scratch_folder(settings.scratch) as scratch:
        for name, path in (*dumps.dump(settings, scratch), *_signing_key(settings)):
            with path.open("rb") as source:
                files[f"{SEALED}/{name}"] = _write(folder / SEALED / name, _cipher(key, name).encrypt(_pieces(source)))
    for path in sorted((settings.home / signing.PUBLIC_FOLDER).glob("*.pem")):
        name = f"{PUBLIC}/{path.name}"
        files[name] = _write(folder / name, _cipher(key, name).encrypt([path.read_bytes()]))
    for stored, _ in blobs.listed():
        try:
            files[f"{BLOBS}/{stored}"] = _write(folder / BLOBS / stored, _raw(blobs, stored))
        except NotFoundError:  # erased meanwhile
            (folder / BLOBS / stored).unlink(missing_ok=True)
    _replace(keys_file, json.dumps(_wrapped_keys(blobs), indent=1))
    manifest = Manifest(
        format=FORMAT,
        version=app.__version__,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        key=blobs.keys.master.wrap(key, NAME),
        files=files,
    )
    _replace(folder / MANIFEST, json.dumps(asdict(manifest), indent=1))
    return manifest


def restore(settings: Settings, folder: Path, keys_file: Path) -> Manifest:
    """What was brought back, into an installation that holds nothing yet but its master key.

    Raises BackupError where the installation holds something, a file of the backup is missing or changed, and
    MasterKeyError where the master key is not that of the backup.
    """
    manifest, master = _manifest(folder), MasterKeys(settings.resolved_master_key_file)
    key = master.unwrap(manifest.key, NAME)
    tokens = _tokens(keys_file)
    for name, token in tokens.items():
        master.unwrap(token, name)  # nothing is written where one does not open
    _check(folder, manifest)
    blobs = open_blobs(settings)
    if blobs.listed() or blobs.data_keys():
        raise BackupError(
            "expected a store without files, got one that holds some: set LOOKALIKE_HOME and "
            "LOOKALIKE_BLOB_URL to new ones, or empty them"
        )
    with scratch_folder(settings.scratch) as scratch:
        for path in _named(folder, manifest, SEALED):
            _write(scratch / path.name, _opened(path, key, path.name))
        for path in _named(folder, manifest, PUBLIC):
            _write(scratch / PUBLIC / path.name, _opened(path, key, f"{PUBLIC}/{path.name}"))
        dumps.load(settings, scratch)
        if (scratch / signing.PRIVATE_FILE).exists():
            shutil.copyfile(scratch / signing.PRIVATE_FILE, settings.home / signing.PRIVATE_FILE)
            (settings.home / signing.PRIVATE_FILE).chmod(0o600)
        for path in sorted((scratch / PUBLIC).glob("*.pem")):
            _write(settings.home / signing.PUBLIC_FOLDER / path.name, [path.read_bytes()])
    with storage():
        for name, token in tokens.items():
            obstore.put(blobs.store, f"{KEYS}/{name}", token.encode())
        for name in manifest.files:
            place, _, stored = name.partition("/")
            if place == BLOBS:
                obstore.put(blobs.store, stored, folder / name, chunk_size=5 * CHUNK_BYTES)
    return manifest


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BackupError(f"expected a backup that was made to its end, got none in {folder}") from None
    except (OSError, ValueError, TypeError):
        raise BackupError(f"expected the manifest of a backup, got something else in {folder}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"expected a backup of format {FORMAT}, got another one: use the version that made it")
    return manifest


def _named(folder: Path, manifest: Manifest, place: str) -> list[Path]:
    """The files that the manifest names in this place. Whatever else lies there is nobody's."""
    return sorted(folder / name for name in manifest.files if name.partition("/")[0] == place)


def _check(folder: Path, manifest: Manifest) -> None:
    """Raises BackupError where a file is missing or is another one, or its path leads out of the backup."""
    root = folder.resolve()
    for name, sha256 in manifest.files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise BackupError(f"expected the file {name} in the backup, got none")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise BackupError(f"expected the file {name} as it was backed up, got another one")


def _wrapped_keys(blobs: Blobs) -> dict[str, str]:
    tokens: dict[str, str] = {}
    for name, _ in blobs.data_keys():
        try:
            tokens[name] = b"".join(_raw(blobs, f"{KEYS}/{name}")).decode("ascii")
        except NotFoundError:
            continue
    return tokens


def _tokens(keys_file: Path) -> dict[str, str]:
    try:
        tokens: dict[str, Any] = json.loads(keys_file.read_text(encoding="ascii"))
        return {str(name): str(token) for name, token in tokens.items()}
    except (OSError, ValueError, AttributeError):
        raise BackupError(f"expected the file of data keys that a backup wrote, got none: {keys_file}") from None


def _signing_key(settings: Settings) -> list[tuple[str, Path]]:
    path = settings.home / signing.PRIVATE_FILE
    return [(path.name, path)] if path.exists() else []


def _cipher(key: bytes, name: str, header: Header | None = None) -> Cipher:
    return Cipher.of(header or Header(NAME), key, name)


def _opened(path: Path, key: bytes, name: str) -> Iterator[bytes]:
    """The file as it was before it was encrypted under this name."""
    try:
        with path.open("rb") as file:
            header = Header.read(file.read(HEADER_BYTES))
            if header is None:
                raise ValueError("expected an encrypted file")
            chunks = chunks_of(plain_size(path.stat().st_size))
            yield from _cipher(key, name, header).decrypt(_pieces(file), 0, chunks)
    except (InvalidTag, ValueError):
        raise MasterKeyError(f"expected {path.name} as it was backed up, got a file that does not open") from None


def _raw(blobs: Blobs, key: str) -> Iterator[bytes]:
    """A file of the store as it lies there."""
    with storage():
        for piece in obstore.get(blobs.store, key).stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(piece)


def _pieces(file: Any) -> Iterator[bytes]:  # noqa: ANN401 - any file
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def _write(path: Path, pieces: Iterable[bytes]) -> str:
    """The SHA-256 of the file that was written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with open(path, "wb", opener=_private) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write(part, [text.encode()])
    part.replace(path)
