"""Tables of a database become data sets, released tables become new tables, and no secret is ever shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import pytest
from psycopg import Rollback
from sqlalchemy import make_url, text

from app.config import Settings
from app.databases.bucket import Bucket
from app.databases.errors import SourceAwayError
from app.databases.run import put_in_child
from app.db import migrate, reading
from app.intake.model import IntakeLimits
from app.intake.readers import Readers
from app.states import ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.jobs import wait_for
from tests.support.object_store import ACCESS_KEY, REGION, ObjectStore
from tests.support.postgres import USER, PostgresServer
from tests.support.rows import add_release
from tests.support.web import Web, serve


@pytest.fixture(scope="module")
def place_of_bucket(object_store: ObjectStore) -> dict[str, str]:
    """A bucket of a real store."""
    return {
        "kind": "s3",
        "bucket": object_store.make_bucket(),
        "access_key_id": ACCESS_KEY,
        "endpoint": object_store.origin,
        "region": REGION,
    }


@pytest.fixture(scope="module")
def clinic(postgres: PostgresServer) -> Iterator[str]:
    """A database with a table."""
    with postgres.database() as url:
        name = make_url(url).database or ""
        with postgres.connect(name) as connection:
            connection.execute(
                "CREATE TABLE visits AS SELECT i AS id, 20 + i % 60 AS age, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END "
                "AS ward, i::numeric AS bill FROM generate_series(1, 200) i"
            )
        yield name


@pytest.fixture(scope="module")
def web(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, place_of_bucket: dict[str, str]
) -> Iterator[Web]:
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        device="cpu",
        connections_allowed=f"localhost:{postgres.port}, 127.0.0.0/8:{postgres.port}, [::1]:{postgres.port}, "
        f"gone.invalid, s3://{place_of_bucket['bucket']}, {place_of_bucket['endpoint']}",
    )
    migrate(settings)
    with serve(settings) as running:
        yield running


@pytest.fixture
def place(postgres: PostgresServer, clinic: str) -> dict[str, object]:
    return {
        "kind": "postgresql",
        "host": "127.0.0.1",
        "port": postgres.port,
        "database": clinic,
        "user": USER,
        "tls": "off",
    }


def register(web: Web, place: dict[str, object], secret: str, *, writable: bool = False) -> str:
    body = {"name": "clinic", "place": place, "secret": secret, "writable": writable}
    with web.client() as client:
        answer = client.post("/v1/connections", json=body)
        assert answer.status_code == 201, answer.text
        assert secret not in answer.text
        return answer.json()["id"]


def events(web: Web, kind: str) -> list[dict]:
    with web.client() as client:
        return [each for each in client.get("/v1/audit?limit=200").json()["items"] if each["kind"] == kind]


def test_a_table_becomes_a_data_set(web: Web, place: dict, postgres: PostgresServer) -> None:
    connection = register(web, place, postgres.password)
    with web.client() as client:
        headers = {"Idempotency-Key": "once"}
        path = f"/v1/connections/{connection}/datasets"
        asked = {"table": "visits", "retention_days": 30}
        answer = client.post(path, json=asked, headers=headers)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert (found["name"], found["rows"], found["format"]) == ("visits", 200, "parquet")
        assert found["retention_days"] == 30
        assert [c["name"] for c in found["columns"]] == ["id", "age", "ward", "bill"]
        assert any("numeric of any precision" in warning for warning in found["warnings"])
        assert client.post(path, json=asked, headers=headers).json()["id"] == found["id"]
        assert client.get(answer.headers["location"]).json()["id"] == found["id"]
    made = events(web, "dataset.created")[0]["details"]["facts"]
    assert (made["connection"], made["table"]) == (connection, "visits")
    assert events(web, "connection.read")[0]["subject"] == connection
    assert web.scratch_is_empty()


def test_the_secret_is_nowhere_in_the_clear(web: Web, place: dict, postgres: PostgresServer) -> None:
    register(web, place, postgres.password)
    with web.client() as client:
        assert postgres.password not in client.get("/v1/connections").text
        assert postgres.password not in client.get("/v1/audit?limit=200").text
    for path in web.settings.home.rglob("*"):
        if path.is_file():
            assert postgres.password.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"table": 'visits"; DROP TABLE visits; --'}, 422, "source_table"),
        ({"table": ""}, 422, "invalid_fields"),
        ({"table": "visits", "query": "SELECT 1"}, 422, "invalid_fields"),
    ],
)
def test_what_cannot_be_read_leaves_nothing(
    web: Web, place: dict, postgres: PostgresServer, change: dict, status: int, code: str
) -> None:
    connection = register(web, place, postgres.password)
    before = web.stored_files()
    with web.client() as client:
        problem = is_problem(client.post(f"/v1/connections/{connection}/datasets", json=change), status)
    assert problem["code"] == code
    assert (web.stored_files(), web.scratch_is_empty()) == (before, True)


def test_a_wrong_password_and_a_host_that_is_gone(web: Web, place: dict, postgres: PostgresServer) -> None:
    wrong, gone = register(web, place, "wr0ng"), register(web, place | {"host": "gone.invalid", "port": 5432}, "s3cret")
    with web.client() as client:
        problem = is_problem(client.post(f"/v1/connections/{wrong}/datasets", json={"table": "visits"}), 422)
        assert (problem["code"], "wr0ng" in json.dumps(problem)) == ("source_login", False)
        problem = is_problem(client.post(f"/v1/connections/{gone}/datasets", json={"table": "visits"}), 422)
        assert problem["code"] == "host_not_allowed"


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"host": "169.254.169.254", "port": 5432},
        {"host": "127.0.0.1", "port": 22},
        {"host": "10.0.0.1"},
        {"host": "db.example"},
        {"host": "[::1]"},
        {"host": "127.0.0.1/x?host=evil.example"},
        {"host": "a b"},
    ],
)
def test_other_hosts_are_refused_before_anything_is_kept(web: Web, place: dict, elsewhere: dict) -> None:
    body = {"name": "x", "place": place | elsewhere, "secret": "s3cret"}
    with web.client() as client:
        before = client.get("/v1/connections").json()
        problem = is_problem(client.post("/v1/connections", json=body), 422)
        assert problem["code"] in {"host_not_allowed", "invalid_fields"}
        assert "s3cret" not in json.dumps(problem)
        assert client.get("/v1/connections").json() == before


def test_a_released_table_becomes_a_new_table(
    web: Web, place: dict, postgres: PostgresServer, clinic: str, tmp_path: Path
) -> None:
    source, target = register(web, place, postgres.password), register(web, place, postgres.password, writable=True)
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    with web.client() as client, postgres.connect(clinic) as database:

        def deliver(to: str, table: str, what: str = release.id):
            return client.post(f"/v1/releases/{what}/deliveries", json={"connection_id": to, "table": table})

        assert is_problem(deliver(source, "made"), 409)["code"] == "conflict"
        assert is_problem(deliver(target, "made", waiting.id), 409)["code"] == "not_released"
        answer = deliver(target, "made")
        assert answer.status_code == 201, answer.text
        count = database.execute("SELECT count(*) FROM made").fetchone()
        assert count is not None
        assert count[0] == answer.json()["rows"] > 0
        assert is_problem(deliver(target, "made"), 409)["code"] == "table_exists"
        assert is_problem(deliver(target, "visits"), 409)["code"] == "table_exists"
        # what is written to is not read from
        is_problem(client.post(f"/v1/connections/{target}/datasets", json={"table": "visits"}), 409)
    assert events(web, "release.delivered")[0]["details"]["facts"] == {"connection": target, "table": "visits"}


def test_a_release_that_is_withdrawn_meanwhile_is_not_delivered(
    web: Web, place: dict, postgres: PostgresServer, clinic: str, tmp_path: Path
) -> None:
    target = register(web, place, postgres.password, writable=True)
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client, postgres.connect(clinic) as database, ThreadPoolExecutor(1) as pool:
        with suppress(Rollback), database.transaction():
            database.execute("CREATE TABLE late (id int)")  # the delivery waits for what becomes of it
            body = {"connection_id": target, "table": "late"}
            delivery = pool.submit(client.post, f"/v1/releases/{release.id}/deliveries", json=body)
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_for("the delivery waits", lambda: database.execute(waiting).fetchone() != (0,))
            answer = client.post(f"/v1/releases/{release.id}/withdrawal", json={"reason": "a mistake"})
            assert answer.status_code == 200, answer.text
            problem = is_problem(delivery.result(30), 409)
            raise Rollback
        assert (problem["code"], problem["state"]) == ("not_released", "withdrawn")
        assert "was delivered before" not in problem["detail"]
        assert database.execute("SELECT to_regclass('late')").fetchone() == (None,)
    assert web.scratch_is_empty()


def test_a_released_table_becomes_a_new_file_of_a_bucket(
    web: Web, object_store: ObjectStore, place_of_bucket: dict[str, str], tmp_path: Path
) -> None:
    bucket = place_of_bucket | {"prefix": "out"}
    connection = register(web, bucket, object_store.secret, writable=True)
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        path, body = f"/v1/releases/{release.id}/deliveries", {"connection_id": connection, "table": "made"}
        assert client.post(path, json=body).status_code == 201
        assert is_problem(client.post(path, json=body), 409)["code"] == "table_exists"
        is_problem(client.post(path, json=body | {"table": "../made"}), 422)
        for other in ({"bucket": "theirs"}, {"endpoint": "https://evil.example"}):
            sent = {"name": "x", "place": bucket | other, "secret": "x", "writable": True}
            assert is_problem(client.post("/v1/connections", json=sent), 422)["code"] == "host_not_allowed"
    stored = web.backend.blobs.read(release.parquet_key, release.parquet_sha256)
    assert object_store.files(bucket["bucket"]) == {"out/made.parquet": stored}


def test_a_bucket_that_does_not_know_the_secret_takes_nothing(
    web: Web, place_of_bucket: dict[str, str], tmp_path: Path
) -> None:
    connection = register(web, place_of_bucket, "another secret", writable=True)
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        body = {"connection_id": connection, "table": "refused"}
        problem = is_problem(client.post(f"/v1/releases/{release.id}/deliveries", json=body), 503)
    assert (problem["code"], "another secret" in json.dumps(problem)) == ("source_away", False)


def test_a_bucket_learns_nothing_of_the_store_of_the_installation(
    web: Web,
    object_store: ObjectStore,
    place_of_bucket: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (
        ("AWS_SESSION_TOKEN", "of-the-service"),
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_S3_EXPRESS", "true"),
    ):
        monkeypatch.setenv(name, value)
    connection = register(web, place_of_bucket, object_store.secret, writable=True)
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    before = len(object_store.requests())
    with web.client() as client:
        body = {"connection_id": connection, "table": "apart"}
        assert client.post(f"/v1/releases/{release.id}/deliveries", json=body).status_code == 201
    sent = [unquote(request) for request in object_store.requests()[before:]]
    assert len(sent) == 2
    assert all(f"Authorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}" in request for request in sent)
    assert not any("of-the-service" in request for request in sent)


def test_the_store_of_the_installation_is_not_taken_for_amazon(
    readers: Readers, object_store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    before = object_store.requests()
    # a name of no host, so that nobody is asked: the store of the installation would be if it were known
    place = {"bucket": bucket, "prefix": "", "region": "no..host", "access_key_id": ACCESS_KEY, "secret": "x"}
    nowhere = Bucket(**place, endpoint=None)
    with pytest.raises(SourceAwayError):
        put_in_child(readers, nowhere, "made.parquet", tmp_path / "table.parquet", limits=IntakeLimits(), seconds=60)
    assert object_store.requests() == before


def test_a_deleted_connection_is_gone_with_its_secret(web: Web, place: dict, postgres: PostgresServer) -> None:
    connection = register(web, place, postgres.password)
    with web.client() as client:
        assert client.delete(f"/v1/connections/{connection}").status_code == 204
        is_problem(client.post(f"/v1/connections/{connection}/datasets", json={"table": "visits"}), 404)
    with reading(web.backend.engine) as session:
        found = session.execute(text("SELECT count(*) FROM connections WHERE id = :id"), {"id": connection}).scalar()
    assert found == 0
