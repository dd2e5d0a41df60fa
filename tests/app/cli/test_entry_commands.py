"""What the containers run, without containers: one-shot migration, API, worker, keys, on a real PostgreSQL."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.app.cli.commands import environment, lookalike, started
from tests.support.jobs import wait_for
from tests.support.postgres import PostgresServer, free_port


@pytest.fixture
def container(tmp_path: Path, postgres: PostgresServer) -> Iterator[dict[str, str]]:
    """The environment of a container on an empty database."""
    with postgres.database() as url:
        yield environment(
            LOOKALIKE_HOME=str(tmp_path / "data"),
            LOOKALIKE_DATABASE_URL=url,
            LOOKALIKE_BLOB_URL=str(tmp_path / "blobs"),
            LOOKALIKE_PORT=str(free_port()),
        )


def test_migrate_twice_then_api_worker_and_key(container: dict[str, str]) -> None:
    for _ in range(2):
        migrated = lookalike("migrate", env=container)
        assert migrated.returncode == 0, migrated.stderr
    made = lookalike("key", "--tenant", "acme", "--scope", "admin", env=container)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    with started(["api"], container) as api, started(["worker"], container) as worker:
        api.wait_for("startup complete")
        assert lookalike("health", env=container).returncode == 0
        wait_for("a heartbeat", lambda: lookalike("health", "--worker", env=container).returncode == 0)
        url = f"http://127.0.0.1:{container['LOOKALIKE_PORT']}"
        answer = httpx2.get(f"{url}/v1/jobs", headers={"Authorization": f"Bearer {key}"}, trust_env=False)
        assert (answer.status_code, answer.json()["items"]) == (200, [])
        assert api.stop(signal.SIGTERM) in {0, -signal.SIGTERM}
        assert worker.stop(signal.SIGTERM) == 0
        without = lookalike("health", "--worker", env=container)
        assert (without.returncode, "no worker" in without.stderr) == (1, True)


def test_the_api_does_not_start_on_a_database_that_is_not_migrated(container: dict[str, str]) -> None:
    with started(["api"], container) as api:
        assert api.process.wait(60) != 0
    unhealthy = lookalike("health", env=container)
    assert (unhealthy.returncode, unhealthy.stderr) == (1, "lookalike: the API does not answer\n")
    unhealthy = lookalike("health", "--worker", env=container)
    assert (unhealthy.returncode, "not migrated" in unhealthy.stderr) == (1, True)


def test_keys_of_one_tenant_name_belong_to_one_tenant(container: dict[str, str]) -> None:
    first = lookalike("key", "--tenant", "acme", env=container)
    second = lookalike("key", "--tenant", "acme", "--scope", "review", env=container)
    assert first.returncode == second.returncode == 0
    assert first.stdout != second.stdout
    assert first.stdout.strip() not in first.stderr


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    nowhere = environment(
        LOOKALIKE_HOME=str(tmp_path), LOOKALIKE_DATABASE_URL=f"postgresql+psycopg://a:secret@127.0.0.1:{free_port()}/x"
    )
    done = lookalike("migrate", env=nowhere)
    assert done.returncode == 1
    assert done.stderr == "lookalike: expected a database at LOOKALIKE_DATABASE_URL, could not connect to it\n"
