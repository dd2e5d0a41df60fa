"""Who asks for it is told of the ends of jobs and the moves of releases: signed, in order, again until it is taken."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, update
from standardwebhooks import Webhook

from app import webhooks
from app.config import Settings
from app.db import reading, transaction
from app.jobs import people
from app.orm import TenantKeyRow, WebhookRow, now
from app.states import JobState, ReleaseState
from app.webhooks import PAUSES, send_due
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

SECRET = "whsec_AAAA"  # noqa: S105


class Receiver:
    """A service of a tenant: what came, and what it answers."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.came: list[tuple[dict[str, str], str]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.came.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(context)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def within(web: Web) -> Settings:
    return web.settings.model_copy(update={"webhook_private_addresses": True})


def hook(web: Web, url: str = "https://hooks.example/in?a=b") -> dict:
    with web.client() as client:
        answer = client.post("/v1/webhooks", json={"url": url})
        assert answer.status_code == 201
        return answer.json()


def point_at(web: Web, made: dict, receiver: Receiver) -> None:
    """The address cannot be asked for: it is neither https nor public."""
    change(web.backend.engine, made["id"], url=f"http://localhost:{receiver.port}/in")


def change(engine: Engine, webhook_id: str, **values: object) -> None:
    with transaction(engine) as session:
        session.execute(update(WebhookRow).where(WebhookRow.id == webhook_id).values(**values))


def row(web: Web, made: dict) -> WebhookRow:
    with reading(web.backend.engine) as session:
        return session.get_one(WebhookRow, made["id"])


def test_messages_are_signed_and_name_things_and_states_alone(
    web_on_both: Web, receiver: Receiver, tmp_path: Path
) -> None:
    web, settings = web_on_both, within(web_on_both)
    made = hook(web)
    point_at(web, made, receiver)
    job = add_job(web, add_dataset(web, tmp_path), JobState.QUEUED)
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    with web.client() as client:
        assert client.post(f"/v1/jobs/{job.id}/cancel").status_code == 200
        decision = {"action": "approve", "reason": "Mrs Zwolle agreed"}
        assert client.post(f"/v1/releases/{release.id}/decision", json=decision).status_code == 200
        assert client.get(f"/v1/releases/{release.id}/data").status_code == 200
    assert send_due(web.backend.engine, settings) == 2
    assert send_due(web.backend.engine, settings) == 0
    read = [Webhook(made["secret"]).verify(body, headers) for headers, body in receiver.came]
    assert [each["type"] for each in read] == ["job.cancelled", "release.released"]
    assert [each["data"]["id"] for each in read] == [job.id, release.id]
    assert "Zwolle" not in json.dumps(read)
    assert {headers["Host"] for headers, _ in receiver.came} == {f"localhost:{receiver.port}"}
    with web.client() as client:
        (listed,) = client.get("/v1/webhooks").json()["items"]
        assert (listed["last_status"], "secret" in listed) == (204, False)
        assert client.delete(f"/v1/webhooks/{made['id']}").status_code == 204
        is_problem(client.delete(f"/v1/webhooks/{made['id']}"), 404)


def cancelled(web: Web, tmp_path: Path, count: int) -> None:
    for _ in range(count):
        web.backend.queue.cancel(add_job(web, add_dataset(web, tmp_path), JobState.QUEUED).id)


def test_what_is_not_taken_is_sent_again_with_the_same_id_and_later_given_up(
    web: Web, receiver: Receiver, tmp_path: Path
) -> None:
    settings, engine = within(web), web.backend.engine
    made = hook(web)
    point_at(web, made, receiver)
    cancelled(web, tmp_path, 2)
    receiver.status = 307  # is not followed
    for attempt, pause in enumerate(PAUSES):
        assert send_due(engine, settings) == 1
        waits = row(web, made)
        assert waits.attempts == attempt + 1
        assert timedelta(0) < waits.next_at - now() <= pause
        change(engine, made["id"], next_at=now())
    assert send_due(engine, settings, most=1) == 1
    assert (row(web, made).given_up, row(web, made).attempts) == (1, 0)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    receiver.status = 200
    assert send_due(engine, settings) == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 2
    cancelled(web, tmp_path, 1)
    receiver.status = 410
    assert send_due(engine, settings) == 1
    assert row(web, made).disabled_at is not None
    cancelled(web, tmp_path, 1)
    assert send_due(engine, settings) == 0


def test_secrets_stand_wrapped_in_the_database_also_those_from_before(
    web_on_both: Web, receiver: Receiver, tmp_path: Path
) -> None:
    web, engine, master = web_on_both, web_on_both.backend.engine, web_on_both.backend.blobs.keys.master
    made, older, moved = (hook(web) for _ in range(3))
    records = people.key_of(engine, master, web.admin.tenant_id)
    assert made["secret"] not in row(web, made).secret
    change(engine, older["id"], secret=older["secret"])
    change(engine, moved["id"], secret=row(web, made).secret)
    with transaction(engine) as session:
        own = session.get_one(TenantKeyRow, web.admin.tenant_id)
        assert records not in own.records
        own.records = records
    assert people.key_of(engine, master, web.admin.tenant_id) == records
    with transaction(engine) as session:
        assert records not in session.get_one(TenantKeyRow, web.admin.tenant_id).records
    assert older["secret"] not in row(web, older).secret
    for each in (made, older, moved):
        point_at(web, each, receiver)
    cancelled(web, tmp_path, 1)
    assert send_due(engine, within(web)) == 3
    assert len(receiver.came) == 2, "a secret that was moved there does not open, and keeps nobody else waiting"
    for each, (headers, body) in zip((made, older), receiver.came, strict=True):
        Webhook(each["secret"]).verify(body, headers)
    for each in (made, older, moved):
        change(engine, each["id"], disabled_at=now())


def test_two_workers_do_not_send_the_same_message(web_on_both: Web, tmp_path: Path) -> None:
    web, sent = web_on_both, []
    engine = web.backend.engine
    made = hook(web)
    cancelled(web, tmp_path, 1)

    def slow(message: webhooks.Message, settings: Settings) -> int:
        assert send_due(engine, settings, lambda *_: sent.append("other")) == 0  # another worker, meanwhile
        sent.append(message.id)
        return 200

    assert send_due(engine, web.settings, slow) == 1
    assert len(sent) == 1
    change(engine, made["id"], disabled_at=now())


def test_private_addresses_are_not_asked_even_where_a_name_hides_them(
    web: Web, receiver: Receiver, tmp_path: Path
) -> None:
    made = hook(web)
    point_at(web, made, receiver)
    cancelled(web, tmp_path, 1)
    assert send_due(web.backend.engine, web.settings) == 1
    assert receiver.came == []
    assert (row(web, made).last_status, row(web, made).attempts) == (None, 1)
    change(web.backend.engine, made["id"], disabled_at=now())


def test_only_https_addresses_in_the_open_may_be_asked_for(web: Web) -> None:
    with web.client() as client:
        for url in (
            *(
                "http://hooks.example/",
                "ftp://hooks.example/",
                "https://u:p@hooks.example/",
                "https://hooks.example/#a",
            ),
            *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https:///path", "https://[/"),
        ):
            is_problem(client.post("/v1/webhooks", json={"url": url}), 422)
    with web.client(web.reader) as client:
        is_problem(client.post("/v1/webhooks", json={"url": "https://hooks.example/"}), 403)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS under this name, and the file of whom to trust."""
    key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject_name=called, issuer_name=called, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context, folder / "certificate.pem"


def test_the_connection_goes_to_the_address_that_was_looked_at_and_checks_the_name(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path, "hooks.example")
    trust = ssl.create_default_context(cafile=str(trusted))
    looked: list[str] = []

    def found(host: str, _port: int, *, private: bool) -> str:
        looked.append(host)
        return "127.0.0.1"

    monkeypatch.setattr(webhooks, "address_of", found)
    with receiving(context) as receiver:
        for host, status in (("hooks.example", 204), ("others.example", None)):
            url = f"https://{host}:{receiver.port}/in"
            message = webhooks.Message(webhook_id="", url=url, secret=SECRET, number=1, sent=0, id="msg_1", body="{}")
            assert webhooks.post(message, web.settings, trust) == status
        assert len(receiver.came) == 1
    assert looked == ["hooks.example", "others.example"]
