"""A worker that hangs is told from one that lives, whatever the clocks of the machines say."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from sqlalchemy import update

from app.db import transaction
from app.jobs.heartbeat import BEAT_SECONDS, HUNG_SECONDS, STALL_SECONDS, Heart, Watch, living
from app.orm import WorkerRow, now
from tests.support.jobs import Shop


def test_a_count_that_stands_still_is_that_of_a_worker_that_hangs(shop: Shop) -> None:
    at = 0.0
    watch = Watch(lambda: at)
    one, other = Heart(shop.engine, 0), Heart(shop.engine, 1)
    for at in np.arange(0.0, 2 * HUNG_SECONDS, BEAT_SECONDS):
        other.beat()
        if at == 0:
            one.beat()
        hung = watch.hung(shop.engine)
        assert hung == ({0} if at >= HUNG_SECONDS else set())
    one.beat()
    assert watch.hung(shop.engine) == set()


def test_after_a_stall_that_all_shared_nobody_is_taken_for_hung(shop: Shop) -> None:
    at = 0.0
    watch = Watch(lambda: at)
    Heart(shop.engine, 1).beat()
    assert watch.hung(shop.engine) == set()
    at = 2 * HUNG_SECONDS  # this one is the first that goes on
    assert watch.hung(shop.engine) == set()
    looks = np.arange(at, at + HUNG_SECONDS + BEAT_SECONDS, STALL_SECONDS / 2)
    for at in looks:
        assert watch.hung(shop.engine) == ({1} if at >= 3 * HUNG_SECONDS else set())


def test_a_new_worker_in_a_slot_is_not_taken_for_the_old_one_and_none_for_hung_at_first_sight(shop: Shop) -> None:
    at = 0.0
    watch = Watch(lambda: at)
    Heart(shop.engine, 0).beat()
    assert watch.hung(shop.engine) == set()
    at = 2 * HUNG_SECONDS
    with transaction(shop.engine) as session:
        session.execute(update(WorkerRow).values(run="another", beats=1))
    assert watch.hung(shop.engine) == set()


def test_living_workers_are_counted_until_they_stop(shop: Shop) -> None:
    hearts = [Heart(shop.engine, slot) for slot in range(3)]
    assert living(shop.engine) == 0
    for heart in hearts:
        heart.beat()
    hearts[0].stop()
    with transaction(shop.engine) as session:
        session.execute(update(WorkerRow).where(WorkerRow.slot == 1).values(at=now().replace(year=2020)))
    assert living(shop.engine) == 1
    with transaction(shop.engine) as session:  # when a clock went wrong, which was set right since
        session.execute(update(WorkerRow).where(WorkerRow.slot == 2).values(at=now() + timedelta(hours=3)))
    assert living(shop.engine) == 0
    hearts[2].beat()
    assert living(shop.engine) == 1
