"""A round sees to jobs that nobody cares for, and takes no longer where many wait."""

from __future__ import annotations

import pytest

from app.jobs import engine, maintenance
from tests.support.jobs import Shop


def test_only_jobs_that_never_reached_the_queue_are_handed_in_and_not_too_many_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in: list[str] = []
    enqueue = engine.enqueue

    def seen(client: object, job_id: str, *how: object) -> None:
        handed_in.append(job_id)
        enqueue(client, job_id, *how)

    for _ in range(3):
        shop.job()
    lost = [shop.job(enqueue=False) for _ in range(3)]
    monkeypatch.setattr(engine, "enqueue", seen)
    monkeypatch.setattr(maintenance, "MOST_HANDED_IN", 2)
    client = engine.open_client(shop.settings)
    for expected in (lost[:2], lost, lost):
        maintenance.hand_in(shop.engine, client)
        assert handed_in == expected
    client.destroy()
