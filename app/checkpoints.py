"""Signed ends of audit logs, kept in the store of files, where whoever rules the database does not rule.

A checkpoint says which event a tenant's log ended with. It is a DSSE envelope, signed with the key that signs
certificates. A log that was written anew, or cut, before the newest checkpoint no longer has that event.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, select

from app import signing
from app.blobs import Blobs
from app.certificate import CertificateError, read_public_key, seal, unseal
from app.db import reading
from app.errors import ServiceError
from app.orm import AuditHeadRow, now
from app.trail import moment

FOLDER = "audit-log"
PAYLOAD_TYPE = "application/vnd.lookalike.audit-checkpoint.v1+json"
KEPT = 10
"""So many checkpoints of a log stay in the store. The newest vouches for all before it."""
_KEY = re.compile(rf"{FOLDER}/(tenant_[^/]+)/(\d+)-([0-9a-f]{{64}})\.json")


class Checkpoint(BaseModel):
    """What a checkpoint says."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    tenant: str
    number: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Checkpoints that were read, and the names of files that are none, with what is wrong with them."""

    checkpoints: tuple[Checkpoint, ...]
    refused: Mapping[str, str]


def write(engine: Engine, blobs: Blobs, home: Path) -> int:
    """How many logs have grown since their last checkpoint; each of them gets one now."""
    with reading(engine) as session:
        heads = session.scalars(select(AuditHeadRow).where(AuditHeadRow.number > 0)).all()
    stored = _stored(blobs)
    grown = [head for head in heads if head.number not in {number for number, _ in stored.get(head.tenant_id, [])}]
    if grown:
        key = signing.signing_key(home)
        for head in grown:
            _write(blobs, head, key, stored.get(head.tenant_id, []))
    return len(grown)


def newest(blobs: Blobs) -> dict[str, bytes]:
    """The newest checkpoint of each log, by a name for a copy."""
    last = {tenant_id: keys[-1] for tenant_id, keys in _stored(blobs).items()}
    return {f"{tenant_id}-{number}.json": blobs.read(key, _sha256_in(key)) for tenant_id, (number, key) in last.items()}


def _stored(blobs: Blobs) -> dict[str, list[tuple[int, str]]]:
    """The number and key of each stored checkpoint, by tenant, oldest first."""
    stored: dict[str, list[tuple[int, str]]] = {}
    for name, _ in sorted(blobs.listed(FOLDER)):
        if (match := _KEY.fullmatch(name)) is not None:
            stored.setdefault(match[1], []).append((int(match[2]), name))
    return stored


def _sha256_in(key: str) -> str:
    """The hash that the key of a checkpoint holds; nothing where it is no such key."""
    match = _KEY.fullmatch(key)
    return "" if match is None else match[3]


def _write(blobs: Blobs, head: AuditHeadRow, key: Ed25519PrivateKey, before: Sequence[tuple[int, str]]) -> None:
    said = Checkpoint(tenant=head.tenant_id, number=head.number, sha256=head.sha256, at=moment(now()))
    file = seal(rfc8785.dumps(said.model_dump()), PAYLOAD_TYPE, key)
    digest = hashlib.sha256(file).hexdigest()
    blobs.put_bytes(f"{FOLDER}/{head.tenant_id}/{head.number:012d}-{digest}.json", file)
    blobs.delete_all([old for _, old in before[: max(len(before) - KEPT + 1, 0)]])


def read(blobs: Blobs, home: Path, copies: Path | None = None) -> Found:
    """All checkpoints of the store, and those that lie as copies in a folder, signed by a key of this installation."""
    files: dict[str, bytes | None] = {}
    for name, _ in blobs.listed(FOLDER):
        try:
            files[name] = blobs.read(name, _sha256_in(name))
        except ServiceError:
            files[name] = None
    for path in sorted(copies.iterdir()) if copies is not None else ():
        files[str(path)] = path.read_bytes() if path.is_file() else None
    public = signing.public_keys(home)
    found: list[Checkpoint] = []
    refused: dict[str, str] = {}
    for name, file in files.items():
        try:
            found.append(_read(file, public))
        except CertificateError as error:
            refused[name] = str(error)
    return Found(checkpoints=tuple(found), refused=refused)


def _read(file: bytes | None, public: Mapping[str, str]) -> Checkpoint:
    """What a file says. Raises CertificateError where none of these keys has signed it, or it is no checkpoint."""
    if file is None:
        raise CertificateError("expected a checkpoint as it was stored, got another file")
    error = CertificateError("expected a checkpoint, got none: this installation has no key")
    for pem in public.values():
        try:
            return Checkpoint.model_validate_json(unseal(file, PAYLOAD_TYPE, read_public_key(pem.encode("ascii"))))
        except CertificateError as refusal:
            error = refusal
        except ValueError:
            raise CertificateError("expected a checkpoint, got something else that is signed") from None
    raise error
