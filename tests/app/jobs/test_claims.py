"""Whose job is begun next, and on what its stages run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.jobs.claims import queue_of, whose_turn
from app.pipeline import WAYS
from app.states import JobKind, Queue
from app.wire_jobs import GeneratorOptions, KeptOptions, UseOptions

TENANTS = st.sampled_from("abcde")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given here


@given(
    limits=st.dictionaries(TENANTS, st.integers(0, 4)),
    running=st.dictionaries(TENANTS, st.integers(1, 5)),
    begun=st.dictionaries(TENANTS, MOMENTS),
)
def test_the_tenant_with_the_fewest_running_jobs_goes_first_and_none_beyond_its_limit(
    limits: dict[str, int], running: dict[str, int], begun: dict[str, datetime]
) -> None:
    turn = whose_turn(limits, running, begun)
    may = {tenant for tenant, most in limits.items() if running.get(tenant, 0) < most}
    assert (turn is None) == (not may)
    if turn is None:
        return
    assert turn in may
    fewest = [each for each in may if running.get(each, 0) == running.get(turn, 0)]
    assert all(running.get(turn, 0) <= running.get(each, 0) for each in may)
    assert all(turn not in begun or (each in begun and begun[turn] <= begun[each]) for each in fewest)


def test_whoever_sends_many_jobs_keeps_nobody_waiting_for_more_than_one_of_them() -> None:
    """One worker, which is free at each turn: no job runs, and the newest begin of each tenant decides."""
    begun: dict[str, datetime] = {}
    turns = []
    for minute in range(6):
        turn = whose_turn({"a": 9, "b": 9, "c": 9}, {}, begun)
        assert turn is not None
        turns.append(turn)
        begun[turn] = datetime(2030, 1, 1, 0, minute, tzinfo=UTC)
    assert turns == ["a", "b", "c"] * 2


@pytest.mark.parametrize(
    ("options", "attack"),
    [
        (KeptOptions(), Queue.CPU),
        (KeptOptions(shadow_models="on"), Queue.GPU),
        (KeptOptions(policy="public"), Queue.GPU),
        (KeptOptions(policy="public", shadow_models="off"), Queue.CPU),
        (KeptOptions(policy="public", generator=GeneratorOptions(objective="ctgan")), Queue.CPU),
    ],
)
def test_what_trains_runs_where_there_may_be_a_gpu_and_all_else_elsewhere(options: KeptOptions, attack: Queue) -> None:
    way = {stage.name: queue_of(stage.name, options) for stage in WAYS[JobKind.SYNTHESIZE]}
    assert way.pop("attack") is attack
    assert {name for name, queue in way.items() if queue is Queue.GPU} == {"seal", "train"}


@pytest.mark.parametrize("use", get_args(UseOptions.model_fields["use"].annotation))
def test_a_use_that_trains_runs_where_trainings_do_and_others_elsewhere(use: str) -> None:
    options = KeptOptions(use=UseOptions.model_validate({"use": use}))
    assert queue_of("use", options) is (Queue.GPU if use in {"impute", "adapt"} else Queue.CPU)
