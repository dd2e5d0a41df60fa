"""Requests that name values of a table are counted once for all processes, whatever restarts, and for any 24 hours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from app.config import Settings
from app.db import Tenancy, connect, transaction
from app.errors import TooManyRequestsError
from app.orm import DatasetRow, TableCheckRow, TenantRow
from app.services import table_checks
from app.services.table_checks import count_check

PER_DAY = 4
START = datetime(2027, 1, 1, tzinfo=UTC)


class Clock:
    """The time that the service takes it to be."""

    at = START

    def later(self, hours: float) -> None:
        self.at += timedelta(hours=hours)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(table_checks, "now", lambda: found.at)
    return found


@pytest.fixture
def strict(settings: Settings) -> Settings:
    return settings.model_copy(update={"table_checks_per_day": PER_DAY})


@pytest.fixture
def processes(strict: Settings) -> Iterator[tuple[Engine, Engine]]:
    """Two that serve the same installation."""
    both = connect(strict), connect(strict)
    with transaction(both[0]) as session:
        session.add_all(TenantRow(id=f"tenant_{name}", name=name) for name in "ab")
        session.flush()
        session.add_all([of("x"), of("y"), of("z"), of("x", "tenant_b")])
    yield both
    for engine in both:
        engine.dispose()


def of(table: str, tenant: str = "tenant_a") -> DatasetRow:
    """A data set; those of the fixture are stored, each of people of its own."""
    return DatasetRow(
        id=f"dataset_{table}_of_{tenant}",
        tenant_id=tenant,
        name=table,
        upload_sha256=table,
        upload_bytes=1,
        rows=10,
        table_schema=[],
        source={},
        table_key=table,
        table_sha256=table,
        preview_key=table,
    )


def test_all_processes_have_one_count_that_a_restart_keeps(
    strict: Settings, processes: tuple[Engine, Engine], clock: Clock
) -> None:
    for number in range(PER_DAY):
        count_check(processes[number % 2], strict, of("x"))
    fresh = connect(strict)
    for engine in (*processes, fresh):
        with pytest.raises(TooManyRequestsError) as refused:
            count_check(engine, strict, of("x"))
        assert refused.value.headers == {"Retry-After": str(24 * 3600)}
        assert refused.value.members == {"limit": "table_checks_per_day", "limit_value": PER_DAY}
    fresh.dispose()
    count_check(processes[0], strict, of("y"))
    count_check(processes[0], strict, of("x", "tenant_b"))
    clock.later(24)
    count_check(processes[1], strict, of("x"))


def test_no_24_hours_have_more_however_the_requests_are_spread(
    strict: Settings, processes: tuple[Engine, Engine], clock: Clock
) -> None:
    """All of a day at once, and then as often as may be: the first day lets no more through than any other."""
    through: list[float] = []
    for hour in range(4 * 24):
        for _ in range(PER_DAY if hour == 0 else 1):
            with suppress(TooManyRequestsError):
                count_check(processes[hour % 2], strict, of("x"))
                through.append(hour)
        clock.later(1)
    days = [sum(begin <= hour < begin + 24 for hour in through) for begin in range(3 * 24)]
    assert max(days) == PER_DAY
    assert len(through) == 4 * PER_DAY, "and none has fewer than it may"


def test_who_is_refused_is_told_when_the_oldest_request_counts_no_more(
    strict: Settings, processes: tuple[Engine, Engine], clock: Clock
) -> None:
    for _ in range(PER_DAY):
        count_check(processes[0], strict, of("x"))
        clock.later(5)
    with pytest.raises(TooManyRequestsError) as refused:
        count_check(processes[0], strict, of("x"))
    assert refused.value.headers == {"Retry-After": str((24 - 5 * PER_DAY) * 3600)}
    clock.later(24 - 5 * PER_DAY)
    count_check(processes[0], strict, of("x"))
    with pytest.raises(TooManyRequestsError):
        count_check(processes[0], strict, of("x"))


def test_a_clock_that_is_behind_gives_no_more(strict: Settings, processes: tuple[Engine, Engine], clock: Clock) -> None:
    for _ in range(PER_DAY):
        count_check(processes[0], strict, of("x"))
    clock.later(-5)
    with pytest.raises(TooManyRequestsError):
        count_check(processes[1], strict, of("x"))


def test_of_those_that_come_at_once_as_many_get_through_as_may(
    strict: Settings, processes: tuple[Engine, Engine]
) -> None:
    through, refused = [], []

    def ask(engine: Engine) -> None:
        try:
            through.append(count_check(engine, strict, of("x")))
        except TooManyRequestsError as error:
            refused.append(error)

    threads = [threading.Thread(target=ask, args=(processes[n % 2],)) for n in range(3 * PER_DAY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(through), len(refused)) == (PER_DAY, 2 * PER_DAY)


def test_what_counts_no_more_is_deleted(strict: Settings, processes: tuple[Engine, Engine], clock: Clock) -> None:
    bound = Tenancy("tenant_a").bind(processes[0])
    for table in ("x", "y"):
        count_check(bound, strict, of(table))
    clock.later(25)
    count_check(bound, strict, of("z"))
    with transaction(processes[0]) as session:
        assert session.scalars(select(TableCheckRow.dataset_id)).all() == [of("z").id]


def test_a_table_that_is_not_stored_yet_counts_with_those_that_share_people(
    strict: Settings, processes: tuple[Engine, Engine], clock: Clock
) -> None:
    for _ in range(PER_DAY):
        count_check(processes[0], strict, of("x"))
    with pytest.raises(TooManyRequestsError):
        count_check(processes[0], strict, of("new"), [of("x").id, of("gone").id])
    count_check(processes[0], strict, of("new"), [of("y").id])


def test_a_table_that_was_refused_and_stored_nowhere_counts_for_all_of_its_tenant(
    strict: Settings, processes: tuple[Engine, Engine], clock: Clock
) -> None:
    """Whose records it held is not known any more. Once it is stored, it is known."""
    for number in range(PER_DAY):
        count_check(processes[0], strict, of(f"refused{number}"))
    for table in ("x", "y", "refused9"):
        with pytest.raises(TooManyRequestsError):
            count_check(processes[0], strict, of(table))
    count_check(processes[0], strict, of("x", "tenant_b"))
    with transaction(processes[0]) as session:
        session.add(of("refused0"))
    count_check(processes[0], strict, of("x"))
