"""The installation's signing key: in its home, for its owner's eyes alone; public keys stay when it is renewed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.certificate import CertificateError, key_id, private_pem, public_pem, read_private_key

PRIVATE_FILE, PUBLIC_FOLDER = "certificate-key.pem", "certificate-keys"


def signing_key(home: Path) -> Ed25519PrivateKey:
    """The key, made where there is none. Raises CertificateError where others than its owner may read it."""
    path = home / PRIVATE_FILE
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise CertificateError(
            f"expected {PRIVATE_FILE} to be readable by its owner alone: chmod 600, or renew the key"
        )
    key = read_private_key(path.read_bytes())
    _keep_public(home, key)
    return key


def renew(home: Path) -> str:
    """The id of a new key that signs from now on. The old public key stays, the old private key is gone."""
    signing_key(home)  # its public key is kept before the private one goes
    part = home / f".{PRIVATE_FILE}.{secrets.token_hex(8)}"
    _write_private(part)
    part.replace(home / PRIVATE_FILE)
    return key_id(signing_key(home).public_key())


def public_keys(home: Path) -> dict[str, str]:
    """All public keys of this installation, as PEM by their ids: the present one and those that signed before."""
    signing_key(home)
    return {path.stem: path.read_text(encoding="ascii") for path in sorted((home / PUBLIC_FOLDER).glob("*.pem"))}


def _make(path: Path) -> None:
    """Make the key; of several processes that do so at once, one wins and the others take its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_private(part)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _write_private(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(private_pem(Ed25519PrivateKey.generate()))
        target.flush()
        os.fsync(target.fileno())


def _keep_public(home: Path, key: Ed25519PrivateKey) -> None:
    path = home / PUBLIC_FOLDER / f"{key_id(key.public_key())}.pem"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        part.write_bytes(public_pem(key.public_key()))
        part.replace(path)
