"""How a command ends: its exit code, and the one sentence that says why."""

from __future__ import annotations

from enum import IntEnum

from app.states import ReleaseState


class Exit(IntEnum):
    """The exit codes. Scripts depend on them: they never change their meaning."""

    RELEASED = 0
    FAILED = 1
    """Anything that has no code of its own: no connection, a failed or cancelled job, a refused key."""
    BAD_INPUT = 2
    IN_REVIEW = 10
    BLOCKED = 11
    VOID = 12


class CommandError(Exception):
    """A command could not do what it was asked to: a sentence for a person, and an exit code for a script."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


_BY_STATE = {
    ReleaseState.RELEASED: Exit.RELEASED,
    ReleaseState.IN_REVIEW: Exit.IN_REVIEW,
    ReleaseState.REJECTED: Exit.BLOCKED,
    ReleaseState.WITHDRAWN: Exit.BLOCKED,
    ReleaseState.BLOCKED: Exit.BLOCKED,
    ReleaseState.VOID: Exit.VOID,
}


_BY_VERDICT = {
    "PASS": Exit.RELEASED,
    "REVIEW": Exit.IN_REVIEW,
    "BLOCK": Exit.BLOCKED,
    "VOID": Exit.VOID,
    "INSUFFICIENT": Exit.VOID,
}


def exit_for_verdict(verdict: str) -> Exit:
    """The exit code that tells a script about a table with this verdict; one we do not know is a failure."""
    return _BY_VERDICT.get(verdict, Exit.FAILED)


def exit_for(state: str) -> Exit:
    """The exit code that tells a script about a release in this state; a state we do not know is a failure."""
    try:
        return _BY_STATE[ReleaseState(state)]
    except ValueError:
        return Exit.FAILED
