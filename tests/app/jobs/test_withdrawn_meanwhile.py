"""A use of a release's records ends, and says why, where the release is withdrawn before the use has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db import transaction
from app.jobs import ledger
from app.jobs.reaper import ENDED, reap
from app.jobs.release import release
from app.orm import JobRow, ReleaseRow, now
from app.states import JobState, ReleaseState
from app.task import Output, Task
from tests.app.conftest import web_on_both
from tests.app.routes.test_uploads import is_problem
from tests.app.routes.test_uses import asked_of, events, has_files, things
from tests.support.web import Web

__all__ = ["web_on_both"]
USES: dict[str, dict[str, Any]] = {
    "change": {"use": "change", "release_id": ..., "conditions": {"city": "Oslo"}},
    "coreset": {"use": "coreset", "release_id": ..., "rows": 9},
}
Withdraw = Callable[[], None]


@pytest.fixture(params=USES)
def sent(web_on_both: Web, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[str, Withdraw]:
    """A use that waits, and what withdraws its release."""
    ids = things(web_on_both, tmp_path)
    with web_on_both.client() as client:
        answer = client.post("/v1/uses", json=asked_of(ids, USES[request.param]))
        assert answer.status_code == 202, answer.text

    def withdraw() -> None:
        with web_on_both.client() as client:
            path = f"/v1/releases/{ids['release_id']}/withdrawal"
            assert client.post(path, json={"reason": "sent to a wrong address"}).status_code == 200

    return answer.json()["id"], withdraw


def begun(web: Web, job_id: str) -> Task:
    task = ledger.begin_stage(web.backend.engine, job_id, "use")
    assert task is not None
    return task


def publish(web: Web, task: Task) -> None:
    stored = web.backend.blobs.put_bytes(f"{task.prefix}/result.zip", b"PK")
    word = Output(name="result", key=stored.key, bytes=stored.bytes, sha256=stored.sha256)
    assert ledger.heard(web.backend.engine, task, word)


def has_ended_for_the_withdrawal(web: Web, job_id: str) -> None:
    with web.client() as client:
        job = client.get(f"/v1/jobs/{job_id}").json()
        assert (job["state"], job["error"]["code"]) == ("failed", "not_released")
        assert "was withdrawn" in job["error"]["detail"]
        is_problem(client.get(f"/v1/jobs/{job_id}/result"), 409)
    assert '"state":"failed"' in events(web, job_id), "the audit log says so"


def test_a_use_that_waits_does_not_begin(web_on_both: Web, sent: tuple[str, Withdraw]) -> None:
    job_id, withdraw = sent
    withdraw()
    assert ledger.begin_stage(web_on_both.backend.engine, job_id, "use") is None
    has_ended_for_the_withdrawal(web_on_both, job_id)
    assert "stage.begun" not in events(web_on_both, job_id), "nothing was read"


def test_an_attempt_that_was_lost_is_not_made_again(web_on_both: Web, sent: tuple[str, Withdraw]) -> None:
    job_id, withdraw = sent
    begun(web_on_both, job_id)
    withdraw()
    assert ledger.begin_stage(web_on_both.backend.engine, job_id, "use") is None
    has_ended_for_the_withdrawal(web_on_both, job_id)


def test_what_a_use_has_made_by_then_is_served_to_nobody_and_goes(web_on_both: Web, sent: tuple[str, Withdraw]) -> None:
    web, (job_id, withdraw) = web_on_both, sent
    publish(web, begun(web, job_id))
    withdraw()
    assert not release(web.backend.engine, web.backend.blobs, job_id)
    has_ended_for_the_withdrawal(web, job_id)
    assert has_files(web.backend.blobs, job_id)
    reap(web.settings, web.backend.engine, web.backend.blobs, at=now() + ENDED + timedelta(minutes=1))
    assert not has_files(web.backend.blobs, job_id)


def test_a_use_of_a_release_that_is_out_ends_as_before(web_on_both: Web, sent: tuple[str, Withdraw]) -> None:
    web, (job_id, withdraw) = web_on_both, sent
    publish(web, begun(web, job_id))
    assert release(web.backend.engine, web.backend.blobs, job_id)
    with web.client() as client:
        assert client.get(f"/v1/jobs/{job_id}/result").status_code == 200
        withdraw()
        assert is_problem(client.get(f"/v1/jobs/{job_id}/result"), 409)["code"] == "not_released"


def test_who_begins_waits_for_who_withdraws(web_on_both: Web, sent: tuple[str, Withdraw]) -> None:
    engine, job_id, found = web_on_both.backend.engine, sent[0], []
    thread = threading.Thread(target=lambda: found.append(ledger.begin_stage(engine, job_id, "use")))
    with transaction(engine) as session:
        use = session.get_one(JobRow, job_id).options["use"]
        session.get_one(ReleaseRow, use["release_id"], with_for_update=True).state = ReleaseState.WITHDRAWN.value
        session.flush()
        thread.start()
        thread.join(1.0)
        assert thread.is_alive(), "it is not known yet whether the release stays"
    thread.join()
    assert found == [None]
    with transaction(engine) as session:
        assert session.get_one(JobRow, job_id).state == JobState.FAILED
