"""Certificates: one bit that is not as it was, in any file, and nothing is vouched for."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.certificate import (
    ENVELOPE_FILE,
    KEY_FILE,
    CertificateError,
    check_bundle,
    key_id,
    public_pem,
    sign,
    statement,
    verify,
)

FILES = {"data.csv": b"age,city\n34,Oslo\n", "report.json": b'{"format": "lookalike.report/1"}'}
PREDICATE: dict[str, Any] = {
    "release": "release_1",
    "verdict": "PASS",
    "policy": {"name": "internal", "version": "3.0.0"},
    "decision": {"action": "approve", "by": "key_1", "at": "2026-11-22T13:40:11+00:00", "reason": "Größe, 非常"},
}


def make_bundle(folder: Path, key: Ed25519PrivateKey) -> Path:
    folder.mkdir()
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / ENVELOPE_FILE).write_bytes(sign(statement({**digests, "model.json": "0" * 64}, PREDICATE), key))
    (folder / KEY_FILE).write_bytes(public_pem(key.public_key()))
    return folder


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, key: Ed25519PrivateKey) -> Path:
    return make_bundle(tmp_path_factory.mktemp("certificates") / "bundle", key)


def test_a_bundle_as_it_was_made_is_vouched_for(bundle: Path, key: Ed25519PrivateKey) -> None:
    checked = check_bundle(bundle, key_id(key.public_key()))
    assert checked.files == ("data.csv", "report.json")
    assert checked.absent == ("model.json",)
    assert checked.statement["predicate"] == PREDICATE


def test_the_envelope_is_dsse_and_the_statement_in_toto(bundle: Path, key: Ed25519PrivateKey) -> None:
    envelope = json.loads((bundle / ENVELOPE_FILE).read_bytes())
    assert set(envelope) == {"payloadType", "payload", "signatures"}
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key.public_key().verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    said = json.loads(payload)
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert {each["name"] for each in said["subject"]} == {"data.csv", "report.json", "model.json"}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_anywhere_fails(bundle: Path, tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(path.name for path in bundle.iterdir())))
    content = bytearray((bundle / name).read_bytes())
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    content[place // 8] ^= 1 << place % 8
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    (copy / name).write_bytes(content)
    with pytest.raises(CertificateError):
        check_bundle(copy)


@pytest.mark.parametrize("name", [ENVELOPE_FILE, KEY_FILE])
def test_every_bit_of_certificate_and_key_counts(
    bundle: Path, key: Ed25519PrivateKey, tmp_path: Path, name: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    content = (bundle / name).read_bytes()
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        (copy / name).write_bytes(changed)
        with pytest.raises(CertificateError):
            check_bundle(copy)


@pytest.mark.parametrize("change", ["cut", "longer", "other file", "link", "no data", "no key", "swapped"])
def test_a_bundle_that_was_changed_otherwise_fails(bundle: Path, tmp_path: Path, change: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    if change == "cut":
        (copy / "data.csv").write_bytes(FILES["data.csv"][:-1])
    elif change == "longer":
        (copy / ENVELOPE_FILE).write_bytes((copy / ENVELOPE_FILE).read_bytes() + b"\n")
    elif change == "other file":
        (copy / "more.csv").write_bytes(b"x")
    elif change == "link":
        (copy / "data.csv").unlink()
        (copy / "data.csv").symlink_to(bundle / "data.csv")
    elif change == "no data":
        for name in FILES:
            (copy / name).unlink()
    elif change == "no key":
        (copy / KEY_FILE).unlink()
    else:
        (copy / "data.csv").write_bytes(FILES["report.json"])
        (copy / "report.json").write_bytes(FILES["data.csv"])
    with pytest.raises(CertificateError):
        check_bundle(copy)


def test_a_certificate_by_another_key_is_none(bundle: Path, tmp_path: Path) -> None:
    other = Ed25519PrivateKey.generate()
    forged = make_bundle(tmp_path / "forged", other)
    check_bundle(forged)
    with pytest.raises(CertificateError, match="expected the key"):
        check_bundle(forged, check_bundle(bundle).key_id)
    with pytest.raises(CertificateError, match="by another key"):
        verify((bundle / ENVELOPE_FILE).read_bytes(), other.public_key())


@given(junk=st.binary(max_size=200))
def test_junk_is_no_certificate(junk: bytes) -> None:
    with pytest.raises(CertificateError):
        verify(junk, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())


@pytest.mark.parametrize("junk", [b"[" * 100_000, b"{}", b"null", b'{"payload": 1, "signatures": [1]}'])
def test_json_of_another_shape_is_no_certificate(junk: bytes) -> None:
    with pytest.raises(CertificateError):
        verify(junk, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())


@pytest.mark.parametrize("place", ["envelope", "signature"])
def test_what_is_not_signed_has_no_place_in_a_certificate(bundle: Path, key: Ed25519PrivateKey, place: str) -> None:
    envelope = json.loads((bundle / ENVELOPE_FILE).read_bytes())
    where = envelope if place == "envelope" else envelope["signatures"][0]
    where["verdict"] = "PASS, state released"
    written = (json.dumps(envelope, indent=2, sort_keys=True) + "\n").encode()
    with pytest.raises(CertificateError, match="nothing besides"):
        verify(written, key.public_key())


def signed(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """An envelope around any payload, in the form of ours."""
    kind = b"application/vnd.in-toto+json"
    signature = key.sign(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    envelope = {
        "payloadType": kind.decode(),
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }
    return (json.dumps(envelope, indent=2, sort_keys=True) + "\n").encode()


def statement_with(**changes: object) -> bytes:
    said = {**statement({"data.csv": "0" * 64}, PREDICATE), **changes}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


SUBJECT = {"name": "data.csv", "digest": {"sha256": "0" * 64}}


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff",
        b"1" * 10_000,
        json.dumps({k: v for k, v in statement({}, PREDICATE).items() if k != "subject"}).encode(),
        statement_with(subject=[]),
        statement_with(subject={"data.csv": "0" * 64}),
        statement_with(subject=[SUBJECT, SUBJECT]),
        statement_with(subject=[SUBJECT, {"name": "data.csv", "digest": {"sha256": "1" * 64}}]),
        statement_with(subject=[{**SUBJECT, "name": "../data.csv"}]),
        statement_with(subject=[{**SUBJECT, "name": "a\nrelease   release_2, verdict PASS"}]),
        statement_with(subject=[{"name": "data.csv", "digest": {"sha512": "0" * 128}}]),
        statement_with(predicate={}),
        statement_with(predicate={**PREDICATE, "policy": None}),
        statement_with(predicate={**PREDICATE, "decision": {**PREDICATE["decision"], "reason": ["x"]}}),
        statement_with(predicateType="urn:lookalike:predicate:release:2"),
        statement_with().replace(b'"verdict":"PASS"', b'"verdict":"BLOCK","verdict":"PASS"'),
        statement_with() + b"\n",
    ],
    ids=range(20),
)
def test_a_signed_statement_of_another_shape_is_no_certificate(key: Ed25519PrivateKey, payload: bytes) -> None:
    verify(signed(statement_with(), key), key.public_key())
    with pytest.raises(CertificateError):
        verify(signed(payload, key), key.public_key())
