"""Runs attacks: several at once, each with random numbers of its own, and none that breaks or takes too long passes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import numpy as np

from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from synth.threads import one_thread

T = TypeVar("T")
Attack = Callable[[Evidence, np.random.Generator], tuple[Finding, ...]]
Tell = Callable[[str, float], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stream:
    """Random numbers that depend on a seed and on the names that led here, and on nothing that others drew."""

    seed: int
    path: tuple[str, ...] = ()

    def spawn(self, name: str) -> Stream:
        """The stream `name` below this one."""
        return Stream(self.seed, (*self.path, name))

    def generator(self) -> np.random.Generator:
        """A new generator at the start of the stream."""
        text = "\x00".join((str(self.seed), *self.path))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Crash:
    """That something crashed, and how, without a word of its message: messages quote data."""

    error: str


def attempt(call: Callable[[], T]) -> T | Crash:
    """What the call returns, or that it crashed."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever breaks an attack, it must end as a finding and never as a pass
        log.warning("an attack crashed with %s", type(error).__name__)
        return Crash(error=type(error).__name__)


def run_attack(name: str, attack: Attack, evidence: Evidence, stream: Stream, *, limit_s: float) -> tuple[Finding, ...]:
    """What the attack finds; one finding with the status FAILED where it raises or takes longer than `limit_s`.

    A thread cannot be ended from outside, so the time is looked at after the run: what came too late is not used.
    """
    start = monotonic()
    with one_thread():
        found = attempt(lambda: attack(evidence, stream.spawn(name).generator()))
    if isinstance(found, Crash):
        return (crashed(name, found),)
    if monotonic() - start > limit_s:
        log.warning("an attack took longer than it may")
        return (_failed(name, "timed_out", f"The attack timed out: it took longer than {limit_s:g} s."),)
    return found


def run_attacks(
    attacks: Mapping[str, Attack],
    evidence: Evidence,
    stream: Stream,
    *,
    limit_s: float,
    workers: int,
    tell: Tell | None = None,
) -> dict[str, tuple[Finding, ...]]:
    """What each attack finds, in the order of `attacks`. `workers` of them run at once; the result does not tell.

    `tell` is called with the name of each attack that is done and the fraction done; what it raises ends the run.
    """
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[tuple[Finding, ...]], str] = {
            pool.submit(run_attack, name, attack, evidence, stream, limit_s=limit_s): name
            for name, attack in attacks.items()
        }
        found: dict[str, tuple[Finding, ...]] = {}
        try:
            for done in as_completed(running):
                found[running[done]] = done.result()
                if tell is not None:
                    tell(running[done], len(found) / len(running))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {name: found[name] for name in attacks}


def crashed(name: str, crash: Crash) -> Finding:
    """The finding of an attack that crashed."""
    note = (
        f"The attack crashed with {crash.error}. Run it again. Where it crashes again, tell whoever runs the service: "
        "it is a defect of the attack, not of the table."
    )
    return _failed(name, "crashed", note)


def _failed(name: str, statistic: str, note: str) -> Finding:
    return Finding(attack=name, statistic=statistic, status=FindingStatus.FAILED, note=note)
