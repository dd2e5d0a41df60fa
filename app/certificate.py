"""Certificates of releases: an in-toto statement in a DSSE envelope, signed with Ed25519, and their check offline.

The statement names the files by their SHA-256 and says what was decided about them: https://in-toto.io/Statement/v1,
https://github.com/secure-systems-lab/dsse (PAE, JSON envelope). Envelope and key are written in one form alone, so that
a file that differs from it by a bit is no certificate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BaseModel, ConfigDict, Field

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:lookalike:predicate:release:1"
ENVELOPE_FILE, KEY_FILE = "certificate.json", "key.pem"
MAX_CERTIFICATE_BYTES = 1 << 20
CHUNK = 1 << 20
Json = Mapping[str, Any]


class CertificateError(Exception):
    """A certificate, a key or a file that is not what it should be."""


class _Digest(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Subject(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    name: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]+$", max_length=200)]
    digest: _Digest


class _Policy(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str
    version: str | None


class _Decision(BaseModel):
    model_config = ConfigDict(strict=True)
    action: str
    by: str
    name: str | None = None
    """None in certificates from before people had names."""
    person: str | None = None
    at: str | None
    reason: str | None


class _Predicate(BaseModel):
    """What every release's predicate says; it may say more."""

    model_config = ConfigDict(strict=True)
    release: str
    verdict: str
    policy: _Policy
    decision: _Decision


class _Statement(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    kind: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[list[_Subject], Field(min_length=1)]
    predicate_type: Annotated[Literal["urn:lookalike:predicate:release:1"], Field(alias="predicateType")]
    predicate: _Predicate


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A bundle whose every bit is vouched for by one key."""

    key_id: str
    statement: Json
    files: tuple[str, ...]
    """Files of the bundle that are named in the statement and are what they were."""
    absent: tuple[str, ...]
    """Names in the statement of which the bundle has no file."""


def statement(subjects: Mapping[str, str], predicate: Json) -> Json:
    """The statement that these files, by SHA-256, are the ones of which the predicate speaks."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in sorted(subjects.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def sign(said: Json, key: Ed25519PrivateKey) -> bytes:
    """The file of the envelope that holds the statement and its signature."""
    return seal(_payload(said), PAYLOAD_TYPE, key)


def verify(envelope: bytes, key: Ed25519PublicKey) -> Json:
    """The statement in the envelope. Raises CertificateError where this key did not sign it, or it is malformed."""
    return _read(unseal(envelope, PAYLOAD_TYPE, key))


def seal(payload: bytes, payload_type: str, key: Ed25519PrivateKey) -> bytes:
    """The file of the envelope that holds a payload of this type and its signature."""
    signature = _base64(key.sign(_pae(payload, payload_type)))
    return _envelope(_base64(payload), payload_type, key_id(key.public_key()), signature)


def unseal(envelope: bytes, payload_type: str, key: Ed25519PublicKey) -> bytes:
    """The payload in the envelope. Raises CertificateError where this key did not sign it, or it is malformed."""
    try:
        read = json.loads(envelope)
        payload, (signature,) = _bytes(read["payload"]), read["signatures"]
        signed, named, kind = _bytes(signature["sig"]), signature["keyid"], read["payloadType"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CertificateError("expected a DSSE envelope with one signature, got another file") from error
    if kind != payload_type:
        raise CertificateError(f"expected an envelope with {payload_type}, got one with something else")
    if named != key_id(key):
        raise CertificateError(f"expected a certificate signed by the key {key_id(key)}, got one by another key")
    if _envelope(_base64(payload), payload_type, named, _base64(signed)) != envelope:
        raise CertificateError("expected an envelope as it was written, with nothing besides, got one that was changed")
    try:
        key.verify(signed, _pae(payload, payload_type))
    except InvalidSignature as error:
        raise CertificateError("the signature does not belong to what is said: the certificate was changed") from error
    return payload


def _read(payload: bytes) -> Json:
    """The statement in the payload. Raises CertificateError where it is none on a release, or not in its one form."""
    try:
        said: Json = json.loads(payload)
        names = [subject.name for subject in _Statement.model_validate(said).subject]
        is_ours = _payload(said) == payload and len(names) == len(set(names))
    except (ValueError, RecursionError):  # pydantic's error, a ValueError, would show what was signed
        raise CertificateError("expected a statement on a release, got one on something else") from None
    if not is_ours:
        raise CertificateError("expected a statement that says each thing once, got one that says some twice")
    return said


def check_bundle(folder: Path, trusted: str | None = None) -> Checked:
    """What the bundle in a folder proves: certificate, key and files. Needs no service.

    `trusted` is the id of the key that has to have signed it. Raises CertificateError where one bit is not as it was.
    """
    files = {path.name: path for path in sorted(folder.iterdir())}
    if any(path.is_symlink() or not path.is_file() for path in files.values()):
        raise CertificateError("expected a folder of plain files, got links or folders in it")
    missing = {ENVELOPE_FILE, KEY_FILE} - set(files)
    if missing:
        raise CertificateError(
            f"expected {' and '.join(sorted(missing))} in the bundle, found none; save all of "
            "it with `lookalike certificate RELEASE -o FOLDER`"
        )
    key = read_public_key(_small(files.pop(KEY_FILE)))
    if trusted is not None and key_id(key) != trusted:
        raise CertificateError(f"expected the key {trusted}, got a bundle with the key {key_id(key)}")
    said = verify(_small(files.pop(ENVELOPE_FILE)), key)
    subjects = {each["name"]: each["digest"]["sha256"] for each in said["subject"]}
    for name, path in files.items():
        if name not in subjects:
            raise CertificateError(f"expected files that the certificate names, got {name!r} besides")
        if sha256_of(path) != subjects[name]:
            raise CertificateError(f"{name} is not the file that was certified: its SHA-256 is another one")
    if not files:
        raise CertificateError("expected at least one of the certified files in the bundle, found none")
    return Checked(
        key_id=key_id(key), statement=said, files=tuple(files), absent=tuple(sorted(set(subjects) - set(files)))
    )


def key_id(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the key's 32 bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The key as a PEM file."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """The private key as a PEM file, which nobody but its owner may read."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """The key of a PEM file. Raises CertificateError where it is no Ed25519 key, or not written as we write them."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("expected a public key in PEM, got another file") from error
    if not isinstance(key, Ed25519PublicKey) or public_pem(key) != pem:
        raise CertificateError("expected an Ed25519 public key in PEM as it was served, got another one")
    return key


def read_private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key of a PEM file. Raises CertificateError where it is no Ed25519 key."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError("expected a private key in PEM, got another file") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise CertificateError("expected an Ed25519 private key, got one of another kind")
    return key


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _small(path: Path) -> bytes:
    if path.stat().st_size > MAX_CERTIFICATE_BYTES:
        raise CertificateError(f"expected {path.name} of at most {MAX_CERTIFICATE_BYTES} bytes, got a larger one")
    return path.read_bytes()


def _pae(payload: bytes, payload_type: str) -> bytes:
    """DSSE's pre-authentication encoding, with the lengths in front, so that no two statements are signed alike."""
    parts: Sequence[bytes] = (payload_type.encode(), payload)
    return b" ".join([b"DSSEv1", *(b"%d %s" % (len(part), part) for part in parts)])


def _payload(said: Json) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _envelope(payload: str, payload_type: str, named: str, signed: str) -> bytes:
    """The one form of the file. What is not signed, or does not tell by whom, has no place in it."""
    signature = {"keyid": named, "sig": signed}
    envelope = {"payloadType": payload_type, "payload": payload, "signatures": [signature]}
    return (json.dumps(envelope, indent=2, sort_keys=True) + "\n").encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """The bytes of base64 that is written in the one form; bits that mean nothing have to be zero."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("expected base64") from error
    if _base64(data) != text:
        raise ValueError("expected base64 in its one form")
    return data
