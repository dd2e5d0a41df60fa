"""The states of jobs and releases are complete, and closed where they must be."""

from __future__ import annotations

import pytest

from app.errors import ConflictError
from app.states import (
    JOB_TRANSITIONS,
    RELEASE_TRANSITIONS,
    TERMINAL_JOB_STATES,
    JobState,
    ReleaseState,
    move_job,
    move_release,
)


def test_every_state_says_what_may_follow():
    assert set(JOB_TRANSITIONS) == set(JobState)
    assert set(RELEASE_TRANSITIONS) == set(ReleaseState)


@pytest.mark.parametrize("state", [ReleaseState.BLOCKED, ReleaseState.VOID, ReleaseState.REJECTED])
def test_nothing_leads_from_a_refusal_to_a_download(state):
    with pytest.raises(ConflictError):
        move_release(state, ReleaseState.RELEASED)


@pytest.mark.parametrize("state", sorted(TERMINAL_JOB_STATES))
@pytest.mark.parametrize("wanted", list(JobState))
def test_a_job_that_has_ended_stays_ended(state, wanted):
    with pytest.raises(ConflictError):
        move_job(state, wanted)
