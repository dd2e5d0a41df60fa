"""Numbers that are all multiples of a step, or end in the same digits: amounts in whole hundreds, prices in .99."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.errors import ArtifactError
from synth.people import People, at_least

Floats = NDArray[np.float64]

FEWEST_VALUES = 30
"""Distinct values, one for each person, at least: by chance they are all even in one column of 2^29."""
PRIMES = (2, 3, 5, 7, 11, 13)
"""Steps are products of these."""
LARGEST = 2**52
"""Units that doubles count one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stepped:
    """Values of `offset` and whole multiples of `step`, both in units of the last decimal place."""

    step: int
    offset: int
    decimals: int

    def nearest(self, x: Floats, low: float, high: float) -> Floats:
        """(n,) the nearest such values from `low` to `high`, as far as there are any; NaN stays."""
        per = 10.0**self.decimals
        least = np.ceil((low * per - self.offset) / self.step - 1e-9)
        most = np.floor((high * per - self.offset) / self.step + 1e-9)
        times = np.rint((x * per - self.offset) / self.step)
        times = np.clip(times, least, most) if least <= most else times
        found: Floats = np.round((self.offset + self.step * times) / per, self.decimals)
        return found

    def to_json(self) -> dict[str, int]:
        """JSON values."""
        return {"step": self.step, "offset": self.offset}

    @staticmethod
    def from_json(values: object, decimals: int | None) -> Stepped | None:
        """What `to_json` wrote, None where that is None. Raises ArtifactError on anything else."""
        if values is None:
            return None
        state: Mapping[str, Any] = values if isinstance(values, Mapping) else {}
        step, offset = state.get("step"), state.get("offset")
        whole = type(step) is int and type(offset) is int
        if decimals is None or not whole or not 0 <= int(offset or 0) < int(step or 0) <= LARGEST or step == 1:
            raise ArtifactError("step: expected a whole step of 2 or more, and an offset below it")
        return Stepped(step=int(step or 0), offset=int(offset or 0), decimals=decimals)


def step_of(x: Floats, people: People, least: int, decimals: int | None) -> Stepped | None:
    """The largest step that values of all people are apart by; None where there is none.

    Each person counts once, however many values they have: different values are those of different people, the range is
    the one that `least` people reach on both sides, and values of fewer than `least` people do not decide.
    """
    if decimals is None or not len(x) or np.abs(x).max() * 10.0**decimals > LARGEST:
        return None
    units = np.rint(x * 10.0**decimals).astype(np.int64)
    own = np.sort(units[np.unique(people, return_index=True)[1]])
    if len(np.unique(own)) < max(FEWEST_VALUES, 2 * least):
        return None
    step, span = 1, int(own[-least] - own[least - 1])
    for prime in PRIMES:
        while step * prime <= span and not at_least(people[units % (step * prime) != _usual(own, step * prime)], least):
            step *= prime
    return None if step == 1 else Stepped(step=step, offset=_usual(own, step), decimals=decimals)


def _usual(units: NDArray[np.int64], step: int) -> int:
    """The remainder that most values leave."""
    found, times = np.unique(units % step, return_counts=True)
    return int(found[times.argmax()])
